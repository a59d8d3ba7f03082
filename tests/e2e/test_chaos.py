"""Processes killed at any moment under load: only what a dead worker had taken may fail, or what
was on a connection of a dead router. Seconds of each: PATCHBAY_CHAOS_SECONDS (default 6)."""
import os
import random
import re
import signal
import time
import unittest

import harness
from harness import free_port, get, python_app, simple, wait_for
from load import Load

SECONDS = float(os.environ.get("PATCHBAY_CHAOS_SECONDS", "6"))


class Chaos(harness.Case):
    def setUp(self):
        self.port, self.steady = free_port(), free_port()
        config = simple(self.port, processes=3)
        config["applications"]["steady"] = python_app(processes=1)
        config["listeners"][f"127.0.0.1:{self.steady}"] = {"pass": "applications/steady"}
        self.server = self.serve(config)
        self.main = self.server.process.pid
        self.random = random.Random(20261123)

    def kill(self, title):
        """SIGKILL to one process of that title, if there is one just now."""
        pids = self.server.pids(title)
        if pids:
            try:
                os.kill(self.random.choice(pids), signal.SIGKILL)
                return 1
            except ProcessLookupError:
                pass
        return 0

    def under_fire(self, title, every):
        """Load on both applications while processes of that title are killed."""
        victim = Load(("127.0.0.1", self.port), connections=32)
        steady = Load(("127.0.0.1", self.steady), connections=8)
        victim.start()
        steady.start()
        victim.wait_answers(50)
        steady.wait_answers(50)
        kills, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            kills += self.kill(title)
            time.sleep(every)
        victim.wait_answers(200)
        steady.wait_answers(50)
        self.assertGreater(kills, 2)
        return kills, victim.finish(), steady.finish(), victim, steady

    def whole_again(self):
        wait_for("three workers and one", lambda: (len(self.server.pids('"app" application')),
                 len(self.server.pids('"steady" application'))) == (3, 1))
        wait_for("one prototype each", lambda: len(self.server.pids("prototype")) == 2)
        self.assertEqual(len(self.server.pids("patchbay: router")), 1)
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)

    def test_workers(self):                                                        # P2, S49
        router = self.server.one("patchbay: router")
        files = lambda: len(os.listdir(f"/proc/{router}/fd"))
        mappings = lambda: len(re.findall("memfd:", open(f"/proc/{router}/maps").read()))
        get(("127.0.0.1", self.port))
        before = files(), mappings()
        kills, counts, steady, load, _ = self.under_fire('"app" application', 0.1)
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         (counts, load.problems[:5]))
        self.assertEqual(counts["200"] + counts["503"], counts["answers"])
        self.assertLessEqual(counts["503"], kills)         # a worker holds one request at a time
        self.assertEqual(set(steady) - {"200", "answers"}, {"hanging"}, steady)
        self.assertEqual(steady["hanging"], 0)
        self.whole_again()
        self.assertEqual(self.server.one("patchbay: router"), router)
        wait_for("descriptors and mappings as before",
                 lambda: files() <= before[0] + 2 and mappings() <= before[1])

    def test_prototypes(self):
        kills, counts, steady, load, _ = self.under_fire('"app" prototype', 0.3)
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"], counts["503"]),
                         (0, 0, 0, 0), (counts, load.problems[:5]))
        self.assertEqual(steady["200"], steady["answers"])
        self.whole_again()

    def test_router(self):                                                         # P11
        kills, counts, steady, load, other = self.under_fire("patchbay: router", 1.5)
        for c, n in ((counts, 32), (steady, 8)):
            self.assertEqual(c["200"], c["answers"], (counts, steady, load.problems[:5]))
            self.assertEqual((c["refused"], c["hanging"]), (0, 0), (c, load.problems[:5]))
            self.assertLessEqual(c["lost"], n * kills)
        self.whole_again()
        # Workers of dead routers are gone too.
        wait_for("no process too many", lambda: len(harness.children(self.main)) == 1 + 2 + 4)

    def test_crash_loop(self):                                                     # P1, S51
        port, healthy = free_port(), free_port()
        config = simple(healthy)
        config["applications"]["loop"] = python_app("crash_at_start")
        config["listeners"][f"127.0.0.1:{port}"] = {"pass": "applications/loop"}
        server = self.serve(config)
        steady = Load(("127.0.0.1", healthy), connections=4)
        steady.start()
        for _ in range(20):
            self.assertEqual(get(("127.0.0.1", port)).status, 503)
            time.sleep(0.05)
        self.logged(server, 'failed to start application "loop"')
        log = server.text()                     # what it said last comes before what we say of it
        self.assertLess(log.index("\nlast words\n"), log.index('failed to start application "loop"'))
        starts = server.text().count('"loop" application started')
        self.assertLess(starts, 12)                        # 100 ms, 200 ms, ...: no fork storm
        counts = steady.finish()
        self.assertEqual(counts["200"], counts["answers"])


if __name__ == "__main__":
    unittest.main()
