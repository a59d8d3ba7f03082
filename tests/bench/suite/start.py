"""How long servers take to their first answer, and what they do when there is nothing to do."""
import time
from unittest import mock

from suite import machine
from suite.report import median, number, table
from suite.server import Place
from suite.throughput import check
from suite.workloads import WORKLOADS

ROUNDS = 5
IDLE_SECONDS = 10


def first_answer(one, workload):
    """Milliseconds from the start of the process to the right answer of the application."""
    server = one(Place(None, 2), workload.kind)
    begin = time.perf_counter()
    with mock.patch("harness.PAUSE", 0.001), server:
        check(server, workload)
        return (time.perf_counter() - begin) * 1000


def idle(one, workload):
    """Ticks, processor time and involuntary wake-ups of a server that has served and is left alone."""
    with one(Place(None, 2), workload.kind) as server:
        check(server, workload)
        time.sleep(1)
        pids = server.pids()
        before = (machine.ticks(pids), machine.cpu_seconds(pids), machine.switches(pids))
        time.sleep(IDLE_SECONDS)
        return {"ticks": machine.ticks(pids) - before[0],
                "ms": (machine.cpu_seconds(pids) - before[1]) * 1000,
                "switches": machine.switches(pids) - before[2]}


def measure(report, choice):
    report.section("Start and idleness", "Milliseconds from the start of the process to the first "
                   f"right answer, median and longest of {ROUNDS}. Then the server is left alone "
                   f"for {IDLE_SECONDS} s: processor time in ticks of 10 ms and in ms, and how often "
                   "a thread of it ran.")
    results, rows = [], []
    rounds = 2 if choice.quick else ROUNDS
    # The fixed answer comes of an application that is tried again and again: that is not idle.
    for workload in (w for w in WORKLOADS if w.name.endswith("hello") and choice.wants(w.name)):
        for one in (s for s in choice.servers if workload.kind in s.kinds):
            times = [first_answer(one, workload) for _ in range(rounds)]
            rest = idle(one, workload)
            results.append({"workload": workload.name, "server": one.name, "ms": times,
                            "idle": rest})
            rows.append([workload.name, one.name, number(median(times)), number(max(times)),
                         rest["ticks"], number(rest["ms"]), rest["switches"]])
    report.say(table(["", "server", "first answer, ms", "longest, ms", "ticks", "CPU ms",
                      "switches"], rows))
    report.keep("start", results)
