"""Workers that come and go: on demand, spare ones, idle ones, replaced after so many requests.
What a client sees of it: nothing."""
import collections
import os
import signal
import time
import unittest

from harness import get, wait_for
from load import Load
from workers import Workers


class OnDemand(Workers):
    def test_nothing_runs_until_a_request_comes(self):
        self.prepare(processes={"max": 2, "idle_timeout": 1})
        self.assertEqual((self.server.pids('"app" prototype'), self.workers()), ([], []))
        first = get(self.address).body
        self.assertEqual([int(first)], self.workers())
        wait_for("its end", lambda: self.workers() == [])
        second = get(self.address).body
        self.assertNotEqual(first, second)

    def test_requests_wait_for_the_start(self):
        self.prepare("gate", processes={})
        waiting = [self.ask("/") for _ in range(5)]
        wait_for("the start", lambda: len(self.workers()) == 1)
        self.queued(5)
        self.release("gate")
        for c in waiting:
            self.assertEqual(c.response().status, 200)
        self.assertEqual(len(self.workers()), 1)

    def test_everybody_learns_of_a_failed_start(self):                             # P5, S43
        self.prepare("crash_at_start", processes={"max": 4})
        waiting = [self.ask("/") for _ in range(6)]
        for c in waiting:
            self.assertEqual(c.response().status, 503)
        for _ in range(3):
            self.assertEqual(get(self.address).status, 503)
        self.logged(self.server, 'failed to start application "app": its process exited with code 1 '
                    "before it was ready")
        self.logged(self.server, "\nlast words\n")

    def test_it_is_tried_again_for_the_next_one(self):
        self.prepare("gate", processes={})
        module = self.dir / "mended.py"
        module.write_text("raise RuntimeError('not yet')")
        self.config["applications"]["app"].update(module="mended", path=str(self.dir))
        self.server.reload(self.config)
        self.assertEqual(get(self.address).status, 503)
        module.write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'mended']\n")
        wait_for("an answer", lambda: get(self.address).status == 200)

    def test_a_worker_for_each_that_waits(self):                                   # S40
        self.prepare(processes={"max": 3})
        held = [self.hold(f"h{i}") for i in range(3)]
        self.assertEqual(len({b[2] for b in self.begun()}), 3)
        fourth = self.ask("/")
        self.queued(1)
        self.assertEqual(len(self.workers()), 3)
        self.release("h1")
        self.assertEqual(fourth.response().status, 200)
        self.release("h0", "h2")
        for c in held:
            self.assertEqual(c.response().status, 200)

    def test_spare_ones(self):
        self.prepare(processes={"spare": 1, "max": 3, "idle_timeout": 1})
        self.assertEqual(len(self.workers()), 1)
        first = self.hold("one")
        wait_for("a spare one", lambda: len(self.workers()) == 2)
        second = self.hold("two")
        wait_for("a spare one", lambda: len(self.workers()) == 3)
        self.release("one", "two")
        self.assertEqual([first.response().status, second.response().status], [200, 200])
        wait_for("the spare one alone", lambda: len(self.workers()) == 1)
        self.assertEqual(get(self.address).status, 200)

    def test_idle_ones_leave_under_the_requests(self):                             # P23
        self.prepare(processes={"max": 2, "idle_timeout": 0})
        for i in range(60):
            self.assertEqual(get(self.address).status, 200)
            time.sleep(i % 12 * 0.01)
        wait_for("nobody", lambda: self.workers() == [])
        self.assertGreater(len({b[2] for b in self.begun()}), 1)

    def test_load_that_comes_and_goes(self):
        self.prepare("basic", processes={"max": 3, "idle_timeout": 0})
        for _ in range(3):
            load = Load(self.address, connections=16)
            load.start()
            load.wait_answers(300)
            counts = load.finish()
            self.assertEqual((counts["200"], counts["lost"], counts["hanging"]),
                             (counts["answers"], 0, 0), load.problems[:5])
            there = self.server.get("/status/applications/app/processes")
            self.assertLessEqual(int(there["running"]) + int(there["starting"]), 3)
            wait_for("nobody", lambda: self.workers() == [])

    def test_a_killed_worker_and_those_who_wait(self):                             # P2, S49
        self.prepare(processes={"max": 1})
        held = self.hold("h")
        waiting = [self.ask("/") for _ in range(3)]
        self.queued(3)
        os.kill(self.workers()[0], signal.SIGKILL)
        self.assertEqual(held.response().status, 503)
        for c in waiting:
            self.assertEqual(c.response().status, 200)

    def test_a_killed_prototype(self):
        self.prepare(processes={"max": 2, "idle_timeout": 0})
        self.assertEqual(get(self.address).status, 200)
        wait_for("nobody", lambda: self.workers() == [])
        os.kill(self.server.one('"app" prototype'), signal.SIGKILL)
        wait_for("no prototype", lambda: self.server.pids('"app" prototype') == [])
        self.assertEqual(get(self.address).status, 200)

    def test_a_change_while_nobody_is_there(self):
        self.prepare(api=True, processes={})
        self.server.api("PUT", "/config", self.config)
        self.assertEqual(self.server.pids('"app"'), [])
        self.server.api("PUT", "/config/applications/app/processes", {"max": 5})
        self.server.api("GET", "/control/applications/app/restart")
        self.assertEqual(self.server.pids('"app"'), [])
        self.assertEqual(get(self.address).status, 200)
        got = self.server.api("PUT", "/config/applications/app/processes", {"spare": 2}, 400)
        self.assertEqual((got["detail"], got["pointer"]),
                         ('The "spare" number must be less than or equal to "max".',
                          "/applications/app/processes/spare"))


class Failures(Workers):
    def refused(self, module):
        """The detail and the output of a change that brings it."""
        app = {**self.config["applications"]["app"], "module": module}
        got = self.server.api("PUT", "/config/applications/other", app, 500)
        return got["detail"], got["output"]

    def test_what_is_said_of_them(self):
        self.prepare(api=True)
        self.server.api("PUT", "/config", self.config)
        detail, output = self.refused("crash_at_start")
        self.assertIn("its process exited with code 1 before it was ready", detail)
        self.assertEqual(output, "last words\n")
        detail, output = self.refused("crash_signal")
        self.assertIn("its process exited on signal 11 before it was ready", detail)
        self.assertEqual(output, "about to crash\n")
        self.assertEqual(get(self.address).status, 200)


class Requests(Workers):
    def replaced(self, limit, **app):
        """Load until many workers have been replaced; nobody notices."""
        self.prepare("basic", limits={"requests": limit}, **app)
        load = Load(self.address, connections=8, path="/pid")
        load.start()
        load.wait_answers(30 * limit)
        counts = load.finish()
        self.assertEqual((counts["200"], counts["lost"], counts["refused"], counts["hanging"]),
                         (counts["answers"], 0, 0, 0), load.problems[:5])
        self.assertLessEqual(max(load.bodies.values()), limit)
        self.assertNotIn("exited on signal", self.server.text())
        return load.bodies

    def test_one_each(self):                                                       # P8
        self.replaced(1, processes=2)

    def test_a_few_each(self):
        self.replaced(5, processes=2)
        wait_for("two workers", lambda: len(self.workers()) == 2)

    def test_threads(self):
        self.replaced(10, threads=4)
        wait_for("one worker", lambda: len(self.workers()) == 1)

    def test_on_demand(self):
        self.replaced(3, processes={"max": 2})

    def test_its_successor_is_there_before_the_next_request(self):
        self.prepare(limits={"requests": 2})
        pids = collections.Counter(get(self.address).body for _ in range(7))
        self.assertLessEqual(max(pids.values()), 2)
        self.assertGreaterEqual(len(pids), 4)


if __name__ == "__main__":
    unittest.main()
