"""Memory of servers that have nothing to do: PSS of all their processes."""
import socket
import time

from suite import machine
from suite.report import number, table
from suite.server import Place
from suite.servers.patchbay import Patchbay, application
from suite.workloads import WORKLOADS


CONNECTIONS = 10000
APPLICATIONS = 1000
MIB = 1 << 20


def settled(server, seconds=0.5):
    """PSS once it has stopped changing."""
    before, now = None, machine.pss(server.pids())
    end = time.monotonic() + 10
    while before != now and time.monotonic() < end:
        time.sleep(seconds)
        before, now = now, machine.pss(server.pids())
    return now


class Connections:
    """Many keep-alive connections; each has asked once and is silent since then."""

    def __init__(self, server, workload):
        self.server, self.request = server, workload.request()
        self.expected, self.sockets = len(workload.answer), []

    def grow(self, count):
        while len(self.sockets) < count:
            s = socket.create_connection(self.server.address, 30)
            self.sockets.append(s)
            s.sendall(self.request)
            data = b""
            while len(data.partition(b"\r\n\r\n")[2]) < self.expected:
                more = s.recv(65536)
                assert more, f"{self.server.name} has closed connection {len(self.sockets)}"
                data += more

    def still_open(self):
        """How many the server has not closed."""
        count = 0
        for s in self.sockets:
            s.setblocking(False)
            try:
                count += s.recv(1) != b""
            except BlockingIOError:
                count += 1
        return count

    def close(self):
        for s in self.sockets:
            s.close()


def idle(server, workload):
    """Idle at first, with connections, and bytes for each of them."""
    connections = Connections(server, workload)
    try:
        count = min(CONNECTIONS, server.most_connections - 100)
        first = settled(server)
        connections.grow(100)                 # what the first ones cost is not theirs
        warm = settled(server)
        connections.grow(count)
        full = settled(server)
        assert connections.still_open() == count, f"{server.name} closes idle connections"
        return {"idle": first, "with connections": full,
                "bytes a connection": (full - warm) / (count - 100),
                "connections": count}
    finally:
        connections.close()


def nothing_configured():
    with Patchbay(Place(None, 2), "fixed", document={}, api=True) as server:
        return settled(server)


def applications(count):
    """Configured, with no worker until somebody asks: time to apply, memory, processes."""
    with Patchbay(Place(None, 2), "fixed", document={}, api=True) as server:
        before, processes = settled(server), len(server.pids())
        one = {**application("wsgi", {"spare": 0, "max": 1})}
        took = server.put("/config/applications", {
            f"app{i}": {**one, "environment": {"NUMBER": str(i)}} for i in range(count)})
        after = settled(server)
        return {"count": count, "ms": took, "bytes each": (after - before) / count,
                "processes": len(server.pids()) - processes,
                "descriptors": machine.descriptors(server.router())}


def measure(report, choice):
    report.section("Memory", "PSS (`smaps_rollup`) of all processes of a server, two workers or "
                   f"threads; idle, and with {CONNECTIONS:,} keep-alive connections that have each "
                   "asked for the fixed answer once and are silent since then.")
    workload = next(w for w in WORKLOADS if w.kind == "fixed")
    results = {"patchbay, empty configuration": {"idle": nothing_configured()}}
    for one in choice.servers:
        if "fixed" in one.kinds:
            with one(Place(None, 2), "fixed") as server:
                results[server.name] = idle(server, workload)
    report.say(table(["server", "idle, MiB", "connections", "MiB with them", "bytes a connection"], [
        [name, number(r["idle"] / MIB), *(["-"] * 3 if len(r) == 1 else [
            f"{r['connections']:,}", number(r["with connections"] / MIB), number(r["bytes a connection"])])]
        for name, r in results.items()]))
    report.keep("memory", results)
    sizes = [applications(count) for count in (1, APPLICATIONS // 10, APPLICATIONS)]
    report.say("\nPython applications with `\"spare\": 0` that nobody has called:\n\n" + table(
        ["applications", "PUT to answer, ms", "KiB each", "processes", "router's descriptors"],
        [[s["count"], number(s["ms"]), number(s["bytes each"] / 1024), s["processes"],
          s["descriptors"]] for s in sizes]))
    report.keep("applications", sizes)


