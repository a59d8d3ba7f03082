"""Changes under load: no request may be lost, hang, or get another answer than the application's."""
import itertools
import threading
import time

from suite.generator import Generator
from suite.report import median, number, table
from suite.server import Place
from suite.servers.patchbay import Patchbay
from suite.workloads import WORKLOADS, Load

LOAD = Load("32 connections", 32)
EVERY = 0.1                      # seconds from a change's answer to the next change


def changes(server):
    """(what, [one of these in turn]): method, path, value."""
    listener = f"/config/listeners/127.0.0.1:{server.port}"
    app = "/config/applications/app"
    path = str(server.directory / "other.sock").replace("/", "%2F")
    other = f"/config/listeners/unix:{path}"
    given = server.configuration()["applications"]["app"].get("environment", {})
    return {
        "a setting": [("PUT", "/config/settings/http", {"idle_timeout": t}) for t in (60, 90)],
        "the listener": [("PUT", listener + "/backlog", n) for n in (511, 1000)],
        "another listener comes and goes": [
            ("PUT", other, {"pass": "applications/app"}), ("DELETE", other, None)],
        "the application's options": [("PUT", app + "/environment", {**given, "A": a})
                                      for a in "12"],
        "restart of the application": [("POST", "/control/applications/app/restart", None)],
    }


class Changer(threading.Thread):
    """Makes changes until it is told to stop; keeps the times of their answers."""

    def __init__(self, server, some):
        super().__init__(daemon=True)
        self.server, self.some = server, itertools.cycle(some)
        self.times, self.error, self.halt = [], None, threading.Event()

    def run(self):
        try:
            while not self.halt.wait(EVERY):
                method, path, value = next(self.some)
                self.times.append(self.server.put(path, value, method))
        except Exception as e:                # told by the caller's thread
            self.error = f"{type(e).__name__}: {e}"

    def finish(self):
        self.halt.set()
        self.join(60)


def trial(server, workload, some, seconds):
    with Generator(server.port, workload, LOAD) as generator:
        changer = Changer(server, some)
        process = generator.begin(seconds)
        changer.start()
        time.sleep(seconds - 0.2)
        changer.finish()
        result = generator.end(process, seconds)
    status = result["answers"].get(str(workload.status), {"max": None})
    return {"requests": result["requests"], "changes": len(changer.times),
            "change_ms": median(changer.times), "longest_change_ms": max(changer.times, default=None),
            "failures": {k: v for k, v in result["failures"].items() if v}, "max": status["max"],
            "said": result["said"], "error": changer.error}


def measure(report, choice):
    seconds = 1.5 if choice.quick else 4
    report.section("Changes under load", f"{LOAD.connections} keep-alive connections, a change each "
                   f"{EVERY * 1000:.0f} ms for {seconds} s. Failures: requests that were lost, "
                   "hang, or were answered by anybody but the application.")
    results, rows = [], []
    for workload in (w for w in WORKLOADS if w.name.endswith("hello") and choice.wants(w.name)):
        with Patchbay(Place(None, 2), workload.kind, api=True) as server:
            for what, some in changes(server).items():
                one = {"workload": workload.name, "what": what,
                       **trial(server, workload, some, seconds)}
                results.append(one)
                failures = ", ".join(f"{v} {k}" for k, v in one["failures"].items()) or 0
                rows.append([workload.name, what, one["changes"], number(one["change_ms"]),
                             number(one["longest_change_ms"]), f"{one['requests']:,}", failures,
                             number(one["max"] and one["max"] / 1000), one["error"] or ""])
    report.say(table(["", "change", "changes", "ms", "longest, ms", "requests", "failures",
                      "longest answer, ms", "error"], rows))
    report.keep("replacement", results)
