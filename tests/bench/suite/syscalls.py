"""System calls for one request, by process, counted with strace. It slows the server, so more
requests may come together than without it; one connection shows the other end."""
import collections
import re
import signal
import subprocess

from suite.generator import Generator
from suite.report import number, table
from suite.server import Place
from suite.servers.patchbay import Patchbay
from suite.throughput import check
from suite.workloads import LOADS, WORKLOADS

LINE = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", re.M)
SHOWN = 0.05                      # calls a request; rarer ones are in results.json


class Tracer:
    """strace on one process with all its threads."""

    def __init__(self, pid, file):
        self.file = file
        self.process = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid), "-o", str(file)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        if "attached" not in said:
            raise AssertionError(f"strace: {said}{self.process.stderr.read()}")

    def counts(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stderr.read()
        self.process.wait(30)
        return collections.Counter({name: int(calls) for calls, name
                                    in LINE.findall(self.file.read_text()) if name != "total"})


def traced(server, workload, load, seconds):
    """{"router": {call: a request}, "workers": ...}"""
    check(server, workload)
    groups = {"router": [server.router()], "workers": workers(server)}
    with Generator(server.port, workload, load, 1, grace=10) as generator:
        generator.run(0.3)
        tracers = {name: [Tracer(pid, server.directory / f"strace-{pid}") for pid in pids]
                   for name, pids in groups.items()}
        result = generator.run(seconds)
        counts = {name: sum((t.counts() for t in some), collections.Counter())
                  for name, some in tracers.items()}
    return result, {name: {call: n / result["requests"] for call, n in count.most_common()}
                    for name, count in counts.items()}


def workers(server):
    """Of the application, if there is one that serves."""
    if server.kind == "fixed":
        return []
    if server.kind == "go":
        return server.daemon.pids("go_app")
    return server.daemon.pids('"app" application')


def describe(calls):
    return ", ".join(f"{name} {number(n, 2)}" for name, n in calls.items() if n >= SHOWN)


def measure(report, choice):
    seconds = 0.5 if choice.quick else 2
    report.section("System calls", "For one request, under `strace -c -f`, one worker, server on "
                   "processor 0; rarer ones than one in twenty requests are counted, not named.")
    results, rows = [], []
    for kind in dict.fromkeys(w.kind for w in WORKLOADS if choice.wants(w.name)):
        with Patchbay(Place(0, 1), kind) as server:
            for workload in (w for w in WORKLOADS if w.kind == kind and choice.wants(w.name)):
                for load in (one for one in LOADS if not one.closing):
                    result, calls = traced(server, workload, load, seconds)
                    results.append({"workload": workload.name, "load": load.name, "calls": calls,
                                    "requests": result["requests"], "failed": result["failed"]})
                    for process, counts in calls.items():
                        if counts:
                            rows.append([f"{workload.name}, {load.name}", process,
                                         number(sum(counts.values())), describe(counts)])
    report.say(table(["workload", "process", "calls a request", "of them"], rows))
    report.keep("syscalls", results)
