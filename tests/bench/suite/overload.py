"""Past saturation: twice as many requests as the application can serve. It goes on serving as many
as it can, as many as the queue holds wait, and the others are refused at once."""
import threading
import time

from suite import machine
from suite.generator import Generator
from suite.report import number, table
from suite.server import Place
from suite.servers.patchbay import Patchbay
from suite.workloads import HELLO, Load, Workload

WORK = Workload("WSGI, 1 ms of work", "wsgi", "/work", HELLO)
QUEUE = 100
CLOSED, OPEN = Load("64 connections", 64), Load("1000 connections", 1000)
FACTORS = [0.5, 2, 10]


class Queue(threading.Thread):
    """Looks at the application's queue again and again; most is the longest it has seen."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.halt = server, 0, threading.Event()

    def run(self):
        while not self.halt.wait(0.05):
            queued = self.server.daemon.get("/status/applications/app/requests/queued")
            self.most = max(self.most, int(queued))

    def finish(self):
        self.halt.set()
        self.join(30)
        return self.most


def run(server, load, seconds, rate=0):
    queue = Queue(server)
    queue.start()
    router = [server.router()]
    before = machine.cpu_seconds(router)
    with Generator(server.port, WORK, load, 1, rate=rate, statuses=[503], grace=5) as generator:
        result = generator.run(seconds)
    cpu = machine.cpu_seconds(router) - before
    served = result["answers"].get("200", {"count": 0})
    refused = result["answers"].get("503", {"count": 0})
    return {"offered": rate, "seconds": seconds, "served": served, "refused": refused,
            "failures": {k: v for k, v in result["failures"].items() if v},
            "longest_queue": queue.finish(), "router_cpu": cpu, "said": result["said"]}


def refusal_cost(one, closed):
    """Router's microseconds for a refusal: without what it used for those it served, each as much
    as one of the closed loop, which is as full."""
    if not one["refused"]["count"]:
        return None
    each = closed["router_cpu"] / closed["served"]["count"]
    return (one["router_cpu"] - each * one["served"]["count"]) / one["refused"]["count"] * 1e6


def measure(report, choice):
    seconds = 2 if choice.quick else 5
    report.section("Past saturation", "One WSGI worker that works for about a millisecond, "
                   f"`limits.queue.size` {QUEUE}; server on processor 0. First what it can do "
                   "(closed loop), then that many times as many requests a second (open loop), "
                   f"{seconds} s each. The times are of those that were served.")
    results, rows = [], []
    more = {"limits": {"queue": {"size": QUEUE}}}
    with Patchbay(Place(0, 1), "wsgi", more=more) as server:
        run(server, CLOSED, 0.5)
        closed = run(server, CLOSED, seconds)
        capacity = closed["served"]["count"] / seconds
        for factor in (None, *FACTORS):
            one = closed if factor is None else run(server, OPEN, seconds, capacity * factor)
            time.sleep(0.5)
            results.append({"factor": factor, **one})
            served, refused = one["served"], one["refused"]
            rows.append([
                f"{factor} x" if factor else CLOSED.name, number(one["offered"]) if factor else "-",
                number(served["count"] / seconds), number(served["count"] / seconds / capacity),
                number(served.get("p50", 0) / 1000), number(served.get("p99", 0) / 1000),
                number(refused["count"] / seconds), number(refused.get("p99")),
                one["longest_queue"], number(refusal_cost(one, closed)),
                ", ".join(f"{v} {k}" for k, v in one["failures"].items()) or 0])
    report.say(table(["load", "offered/s", "served/s", "ratio", "p50 ms", "p99 ms", "refused/s",
                      "p99 us of a refusal", "longest queue", "CPU us of a refusal", "failures"],
                     rows))
    report.keep("overload", results)
