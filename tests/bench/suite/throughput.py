"""Requests a second, what one costs the server, how long it takes: Patchbay beside the others.

All servers of a kind run at once. Each round visits all of them, every time beginning with another
one, and a server is compared with Patchbay inside each round, so what slows the machine for a while
slows both."""
import sys

from suite import sample
from suite.generator import Generator
from suite.report import median, number, table
from suite.server import Place
from suite.workloads import WORKLOADS

import harness

WARM_UP = 0.3                        # seconds
HEADER = ["server", "requests/s", "ratio", "CPU us", "ratio", "p50 us", "p99 us", "max us",
          "failed", "generator", "disturbed"]
EXPLANATION = """Medians of {rounds} rounds of {seconds} s; `ratio`: median of what the server has \
divided by what Patchbay has in the same round. `CPU us`: processor time of all the server's \
processes for one request. `max us` and `failed` are of all rounds together. `generator`: share of a \
processor that the load generator used; near 1 it is the limit, then compare CPU, not requests. \
`disturbed`: samples during which others used more than {foreign} of a processor."""


def place(mode):
    """Pinned: one of everything on processor 0, the generator on 1. Free: two of everything."""
    return (Place(0, 1), 1) if mode == "pinned" else (Place(None, 2), None)


def check(server, workload):
    """The right status and body, byte for byte, or an error that says what came."""
    with harness.Connection(server.address, 30) as connection:
        for closing in (False, True):
            connection.send(workload.request(closing))
            response = connection.response()
            if (response.status, response.body) != (workload.status, workload.answer):
                raise AssertionError(
                    f"{server.name} answers {workload.name} with {response.status} and "
                    f"{len(response.body)} bytes ({response.body[:100]!r}...)\n{server.said()}")


class Cell:
    """One workload under one load: the samples of all servers."""

    def __init__(self, workload, load, servers, cpu):
        self.workload, self.load = workload, load
        self.left_out = [s.name for s in servers
                         if s.connection_holds_worker and not load.closing
                         and load.connections > s.place.workers]
        self.servers = [s for s in servers if s.name not in self.left_out]
        self.generators = [Generator(s.port, workload, load, cpu) for s in self.servers]
        self.samples = {s.name: [] for s in self.servers}

    def measure(self, rounds, seconds):
        pairs = list(zip(self.servers, self.generators))
        for server, generator in pairs:
            check(server, self.workload)
            generator.run(WARM_UP)
        for turn in range(rounds):
            first = turn % len(pairs)
            for server, generator in pairs[first:] + pairs[:first]:
                self.samples[server.name].append(sample.take(server, generator, seconds))
        for generator in self.generators:
            generator.close()

    def row(self, name):
        mine, reference = self.samples[name], self.samples.get("patchbay")

        def middle(what):
            return number(median(s[what] for s in mine))

        def ratio(what):
            if reference is None:
                return "-"
            pairs = [(s[what], r[what]) for s, r in zip(mine, reference)]
            return number(median(a / b if a and b else None for a, b in pairs))

        return [name, middle("rate"), ratio("rate"), middle("cpu"), ratio("cpu"), middle("p50"),
                middle("p99"), number(max((s["max"] for s in mine if s["max"]), default=None)),
                sum(s["failed"] for s in mine), middle("generator_cpu"),
                sum(s["disturbed"] for s in mine)]

    def text(self, mode):
        text = f"**{self.workload.name}**, {self.load.name}, {mode}\n\n" + table(
            HEADER, [self.row(s.name) for s in self.servers])
        for name in self.left_out:
            text += f"\n\n{name} is not in it: it serves one kept connection for each worker at a time."
        return text + "\n"


def start_all(classes, kind, mode):
    servers = []
    for one in classes:
        if kind in one.kinds:
            servers.append(one(place(mode)[0], kind).start())
    return servers


def measure_kind(report, choice, kind, mode):
    servers = []
    try:
        servers = start_all(choice.servers, kind, mode)
        for workload in (w for w in WORKLOADS if w.kind == kind and choice.wants(w.name)):
            for load in choice.loads:
                if not servers:
                    continue
                cell = Cell(workload, load, servers, place(mode)[1])
                cell.measure(choice.rounds, choice.seconds)
                report.say(cell.text(mode))
                yield {"workload": workload.name, "load": load.name, "mode": mode,
                       "samples": cell.samples}
    finally:
        for server in servers:
            server.stop()


def measure(report, choice):
    report.section("Throughput and cost of a request", EXPLANATION.format(
        rounds=choice.rounds, seconds=choice.seconds, foreign=sample.MOST_FOREIGN))
    cells = []
    for mode in choice.modes:
        for kind in dict.fromkeys(w.kind for w in WORKLOADS if choice.wants(w.name)):
            for cell in measure_kind(report, choice, kind, mode):
                cells.append(cell)
                report.keep("throughput", cells)
    bad = sum(s["failed"] for c in cells for s in c["samples"].get("patchbay", []))
    if bad:
        print(f"Patchbay failed {bad} requests; results.json says how.", file=sys.stderr)


