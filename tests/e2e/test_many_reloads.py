"""A thousand reconfigurations under load: no failed request, nothing left behind; and what a request
that takes long keeps alive. PATCHBAY_RELOADS (default 1000)."""
import os
import re
import threading
import unittest

import control
import harness
from control import DONE
from harness import Connection, free_port, get, python_app, simple, wait_for
from load import Load

RELOADS = int(os.environ.get("PATCHBAY_RELOADS", "1000"))
# Sanitizers keep freed memory on purpose.
SANITIZED = re.search(rb"__[at]san_init", harness.DAEMON.read_bytes()) is not None


class Usage:
    """What main and router hold: KiB of their own, descriptors, threads, shared mappings, processes."""

    def __init__(self, server):
        self.main = server.process.pid
        self.router = server.one("patchbay: router")
        pids = (self.main, self.router)
        self.memory = sum(self.own_memory(p) for p in pids)
        self.files = [len(os.listdir(f"/proc/{p}/fd")) for p in pids]
        self.threads = [len(os.listdir(f"/proc/{p}/task")) for p in pids]
        with open(f"/proc/{self.router}/maps") as f:
            self.shared = f.read().count("memfd:")
        self.processes = len(harness.children(self.main))

    @staticmethod
    def own_memory(pid):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return next(int(ln.split()[1]) for ln in f if ln.startswith("Anonymous:"))

    def counts(self):
        return [*self.files, *self.threads, self.shared, self.processes]

    def no_more_than(self, other):
        """Another may have caught a connection that was just closing."""
        return all(mine <= theirs for mine, theirs in zip(self.counts(), other.counts()))

    def __repr__(self):
        return f"{self.memory} KiB, {self.counts()}"


class Many(control.Expectations, harness.Case):                                      # C1, S02
    def setUp(self):
        self.port, self.other = free_port(), free_port()

    def configuration(self, n):
        """Never the same twice in a row: settings, listeners, backlog, now and then an application."""
        config = simple(self.port)
        config["applications"]["app"]["environment"] = {"VERSION": str(n // 100)}
        config["applications"]["other"] = python_app(environment={"VERSION": str(n // 50)})
        config["listeners"][f"127.0.0.1:{self.port}"]["backlog"] = 100 + n % 3
        if n % 2:
            config["listeners"][f"127.0.0.1:{self.other}"] = {"pass": "applications/other"}
        config["settings"] = {"http": {"idle_timeout": 60 + n}}
        return config

    def run_under_load(self, change):
        """Calls change(n) RELOADS times and compares what is held near the start and at the end."""
        load = Load(("127.0.0.1", self.port), connections=8)
        load.start()
        load.wait_answers(50)
        warm = max(20, RELOADS // 5 // 100 * 100)
        router = self.server.one("patchbay: router")
        for n in range(1, warm + 1):
            change(n)
        before = self.settled()
        for n in range(warm + 1, RELOADS + 1):
            change(n)
        load.wait_answers(50)
        after = self.settled()
        wait_for(f"no more than before: {before}, now {after}",
                 lambda: Usage(self.server).no_more_than(before))
        counts = load.finish()
        self.assertEqual(counts["200"], counts["answers"], (counts, load.problems[:5]))
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         load.problems[:5])
        self.assertEqual(self.server.one("patchbay: router"), router)
        if not SANITIZED:
            self.assertLess(after.memory, before.memory + 1024, (before, after))

    def settled(self):
        """After everything replaced has ended."""
        wait_for("one generation", lambda: len(self.server.get("/status/generations")) == 1)
        wait_for("the replaced applications' end", lambda: len(self.server.pids('"')) == 4)
        return Usage(self.server)

    def test_by_api(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", self.configuration(0))
        first = int(self.server.get("/status/generations/0/id"))

        def change(n):
            self.assertEqual(self.server.control("PUT", "/config", self.configuration(n)).json, DONE)

        self.run_under_load(change)
        self.holds(self.configuration(RELOADS))
        self.assertGreaterEqual(int(self.server.get("/status/generations/0/id")), first + RELOADS)
        self.assertLessEqual(len(self.server.get("/control/history")), 11)

    def test_small_edits_by_api(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", self.configuration(0))
        worker = self.server.one('"app" application')
        listener = f"/config/listeners/127.0.0.1:{self.other}"

        def change(n):
            if n % 2:
                self.done("PUT", listener, {"pass": "applications/other"})
            else:
                self.done("DELETE", listener)

        self.run_under_load(change)
        self.assertEqual(self.server.one('"app" application'), worker)

    def test_by_files(self):
        self.server = self.serve(self.configuration(0))

        def change(n):
            if n % 5 == 0:
                self.server.write(self.configuration(n))
                self.expect(200, DONE, "POST", "/control/reload")

        self.run_under_load(change)

    def test_refused_changes(self):                                                  # C2
        self.server = self.serve(api=True)
        self.done("PUT", "/config", self.configuration(0))
        wrong = self.configuration(1)
        wrong["listeners"]["192.0.2.1:1"] = {"pass": "applications/app"}
        broken = self.configuration(0)
        broken["applications"]["new"] = python_app("nosuch_module")
        bodies = [("{", 400), (dict(wrong, x=1), 400), (wrong, 500)]

        def change(n):
            body, status = (broken, 500) if n % 100 == 50 else bodies[n % 3]
            self.assertEqual(self.server.control("PUT", "/config", body).status, status)

        self.run_under_load(change)
        self.holds(self.configuration(0))


class Generations(control.Expectations, harness.Case):
    """A slow download keeps the generation it began in."""

    def setUp(self):
        self.server = self.serve(api=True)
        self.port = free_port()

    def download(self):
        c = Connection(("127.0.0.1", self.port))
        self.addCleanup(c.close)
        c.send("GET /stream/2000/65536 HTTP/1.1\r\nHost: x\r\n\r\n")       # far more than fits
        wait_for("the download's begin",
                 lambda: int(self.server.get("/status/connections/active")) > 0)
        return c

    def test_pinned_and_seen(self):
        self.done("PUT", "/config", simple(self.port))
        old = self.server.get("/status/generations")[0]
        self.assertEqual(old["current"], True)
        c = self.download()
        self.done("PUT", "/config/applications/app/environment", {"VERSION": "2"})
        self.assertEqual(get(("127.0.0.1", self.port), "/version").body, b"2")
        generations = wait_for("two generations", lambda: len(
            g := self.server.get("/status/generations")) == 2 and g)
        pinned = next(g for g in generations if g["id"] == old["id"])
        current = next(g for g in generations if g["id"] != old["id"])
        self.assertFalse(pinned.get("current"))
        self.assertTrue(current["current"])
        self.assertEqual((int(pinned["bindings"]), int(pinned["connections"]),
                          int(pinned["requests"])), (1, 1, 1))
        self.assertGreater(int(current["id"]), int(pinned["id"]))
        self.assertEqual(len(c.response().body), 2000 * 65536)
        # The connection itself goes on, in the current one.
        self.assertEqual(c.get("/version").body, b"2")
        wait_for("one generation", lambda: len(self.server.get("/status/generations")) == 1)
        wait_for("the old worker's end", lambda: len(self.server.pids('"app" application')) == 1)

    def test_no_end_by_itself(self):
        self.done("PUT", "/config", simple(self.port))
        first, second = self.download(), None
        self.done("PUT", "/config/settings", {"http": {"idle_timeout": 50}})
        second = self.download()
        self.done("PUT", "/config/settings", {"http": {"idle_timeout": 51}})
        wait_for("three generations", lambda: len(self.server.get("/status/generations")) == 3)
        for c, left in ((first, 2), (second, 1)):
            self.assertEqual(len(c.response().body), 2000 * 65536)
            wait_for("its generation's end",
                     lambda n=left: len(self.server.get("/status/generations")) == n)

    def test_drain_timeout(self):
        config = simple(self.port)
        config["settings"] = {"drain_timeout": 1}
        self.done("PUT", "/config", config)
        c = self.download()
        idle = Connection(("127.0.0.1", self.port))
        self.addCleanup(idle.close)
        idle.get("/")
        self.done("PUT", "/config/applications/app/environment", {"VERSION": "2"})
        wait_for("the old generation's end",
                 lambda: len(self.server.get("/status/generations")) == 1)
        with self.assertRaises(harness.Closed):
            c.response()
        self.assertEqual(idle.get("/version").body, b"2")       # idle ones have moved long since
        wait_for("the old worker's end", lambda: len(self.server.pids('"app" application')) == 1)
        wait_for("no connection active",
                 lambda: int(self.server.get("/status/connections/active")) == 0)

    def test_many_readers_of_the_status(self):
        """The status is asked for from several threads while generations come and go."""
        self.done("PUT", "/config", simple(self.port))
        stop, problems = threading.Event(), []

        def ask():
            while not stop.is_set():
                answer = self.server.control("GET", "/status")
                if answer.status != 200 or sum(g["current"] for g in
                                               answer.json["generations"]) != 1:
                    problems.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        for n in range(60):
            self.done("PUT", "/config/settings", {"listen_threads": 1 + n % 3})
        stop.set()
        for t in threads:
            t.join(harness.BOUND)
        self.assertEqual(problems, [])


if __name__ == "__main__":
    unittest.main()
