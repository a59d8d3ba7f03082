"""How long servers take to their first answer, and what they do when there is nothing to do."""
import contextlib
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


def idle(pairs):
    """What servers do that have served one request and are left alone, all at the same time: ticks,
    processor time, and how often a thread of theirs has run."""
    with contextlib.ExitStack() as stack:
        servers = []
        for one, workload in pairs:
            servers.append(stack.enter_context(one(Place(None, 2), workload.kind)))
            check(servers[-1], workload)
        time.sleep(2)
        before = [usage(server) for server in servers]
        time.sleep(IDLE_SECONDS)
        return [[now - then for now, then in zip(usage(server), earlier)]
                for server, earlier in zip(servers, before)]


def usage(server):
    pids = server.pids()
    return machine.ticks(pids), machine.cpu_seconds(pids) * 1000, machine.switches(pids)


def measure(report, choice):
    rounds = 2 if choice.quick else ROUNDS
    report.section("Start and idleness", "Milliseconds from the start of the process to the first "
                   f"right answer, median and longest of {rounds}. Then servers are left alone "
                   f"for {IDLE_SECONDS} s: processor time in ticks and in ms, and how often a "
                   "thread has run.")
    # The fixed answer comes of an application that is tried again and again: that is not idle.
    pairs = [(one, workload) for workload in WORKLOADS if workload.name.endswith("hello")
             for one in choice.servers if workload.kind in one.kinds and choice.wants(workload.name)]
    times = [[first_answer(*pair) for _ in range(rounds)] for pair in pairs]
    results = [{"workload": workload.name, "server": one.name, "ms": ms, "ticks": ticks,
                "cpu_ms": cpu, "switches": switches}
               for (one, workload), ms, (ticks, cpu, switches) in zip(pairs, times, idle(pairs))]
    report.say(table(["", "server", "first answer, ms", "longest, ms", "ticks", "CPU ms",
                      "switches"], [
        [r["workload"], r["server"], number(median(r["ms"])), number(max(r["ms"])), r["ticks"],
         number(r["cpu_ms"]), r["switches"]] for r in results]))
    report.keep("start", results)
