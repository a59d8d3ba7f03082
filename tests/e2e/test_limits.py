"""Limits of an application: how long it may be silent over a request, how many requests may wait
for it, and for how long."""
import os
import time
import unittest

import harness
from harness import Closed, get, wait_for
from workers import Workers


class Timeout(Workers):
    def test_the_next_request_does_not_wait_behind_it(self):                       # P3
        self.prepare(limits={"timeout": 1})
        old = self.workers()[0]
        begin = time.monotonic()
        stuck = self.ask("/hang")
        wait_for("its begin", lambda: self.begun())
        waiting = [self.ask("/") for _ in range(3)]
        answer = stuck.response()
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, None))
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        for c in waiting:
            self.assertEqual(c.response().status, 200)
        wait_for("its end", lambda: not harness.alive(old))
        self.assertEqual(len(self.workers()), 1)
        self.logged(self.server, f'app process {old} of "app" hangs and is ended')

    def test_again_and_again(self):
        """No worker, slot or descriptor is lost."""
        self.prepare(processes=2, limits={"timeout": 1})
        router = self.server.one("patchbay: router")
        files = lambda: len(os.listdir(f"/proc/{router}/fd"))
        self.assertEqual(get(self.address).status, 200)
        before = files()
        for _ in range(3):
            stuck = [self.ask("/hang") for _ in range(3)]
            self.assertEqual([c.response().status for c in stuck], [503] * 3)
            for c in stuck:
                c.close()
        self.assertEqual(get(self.address).status, 200)
        wait_for("two workers", lambda: len(self.workers()) == 2)
        wait_for("descriptors as before", lambda: files() <= before)
        self.counted("active", 0)

    def test_after_the_head_it_is_cut(self):
        self.prepare(limits={"timeout": 1})
        with self.assertRaises(Closed):
            self.ask("/hang-after-head").response()
        self.assertEqual(get(self.address).status, 200)

    def test_the_queue_does_not_count(self):
        self.prepare(limits={"timeout": 5})
        held = self.ask("/drip/go")
        wait_for("its begin", lambda: self.begun())
        waiting = self.ask("/")
        time.sleep(6)
        self.release("go")
        self.assertEqual(held.response().status, 200)
        self.assertEqual(waiting.response().status, 200)

    def test_every_part_is_a_sign_of_life(self):
        self.prepare(limits={"timeout": 5})
        drip = self.ask("/drip/go")
        time.sleep(6)
        self.release("go")
        self.assertEqual(set(drip.response().body), {ord("x")})

    def test_other_threads_of_it_may_finish(self):
        self.prepare(threads=2, limits={"timeout": 3})
        old = self.workers()[0]
        busy = self.ask("/drip/go")
        wait_for("its begin", lambda: self.begun())
        stuck = self.ask("/hang")
        self.assertEqual(stuck.response().status, 503)
        self.assertNotEqual(int(get(self.address).body), old)       # the successor serves already
        self.release("go")
        self.assertEqual(set(busy.response().body), {ord("x")})
        wait_for("its end", lambda: not harness.alive(old))
        self.assertEqual(len(self.workers()), 1)

    def test_on_demand(self):
        self.prepare(processes={"max": 1}, limits={"timeout": 1})
        self.assertEqual(self.ask("/hang").response().status, 503)
        self.assertEqual(get(self.address).status, 200)

    def test_a_replaced_application_with_a_request_that_hangs(self):
        self.prepare(limits={"timeout": 2})
        old = self.workers()[0]
        stuck = self.ask("/hang")
        wait_for("its begin", lambda: self.begun())
        self.config["applications"]["app"]["limits"] = {}
        self.server.reload(self.config)
        self.assertEqual(stuck.response().status, 503)
        wait_for("its end", lambda: not harness.alive(old))
        wait_for("the old prototype's end",
                 lambda: len(self.server.pids('"app" prototype')) == 1)


class Queue(Workers):
    def test_length(self):                                                         # I8
        self.prepare(limits={"queue": {"size": 2}})
        held = self.hold("h")
        waiting = [self.ask("/") for _ in range(2)]
        self.queued(2)
        for _ in range(3):
            answer = get(self.address)
            self.assertEqual((answer.status, answer.get("Retry-After")), (503, "1"))
        self.release("h")
        for c in [held, *waiting]:
            self.assertEqual(c.response().status, 200)
        self.assertEqual(get(self.address).status, 200)
        self.counted("failed/queue_full", 3)

    def test_those_who_left_make_room(self):                                       # I9
        self.prepare(limits={"queue": {"size": 2}})
        held = self.hold("h")
        first, second = self.ask("/first"), self.ask("/second")
        self.queued(2)
        second.close()
        self.counted("client_gone", 1)
        third = self.ask("/third")
        self.counted("total", 4)
        self.release("h")
        for c in (held, first, third):
            self.assertEqual(c.response().status, 200)
        self.assertEqual([b[0] for b in self.begun()], ["until", "first", "third"])

    def test_time(self):
        self.prepare(limits={"queue": {"timeout": 1}})
        held = self.hold("h")
        begin = time.monotonic()
        waiting = [self.ask(f"/w{i}") for i in range(3)]
        for c in waiting:
            answer = c.response()
            self.assertEqual((answer.status, answer.get("Retry-After")), (503, "1"))
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.release("h")                                # it has been at it for longer: no matter
        self.assertEqual(held.response().status, 200)
        self.assertEqual(get(self.address, "/last").status, 200)
        self.assertEqual([b[0] for b in self.begun()], ["until", "last"])

    def test_time_of_a_start(self):
        self.prepare("gate", processes={}, limits={"queue": {"timeout": 1}})
        self.assertEqual(self.ask("/").response().get("Retry-After"), "1")
        self.release("gate")
        wait_for("an answer", lambda: get(self.address).status == 200)

    def test_nothing_waits_where_workers_are_idle(self):
        self.prepare(processes=4, limits={"queue": {"size": 1}})
        held = []
        for i in range(4):                               # one after the other: each has a worker
            held.append(self.hold(f"h{i}"))
        waiting = self.ask("/")
        self.queued(1)
        self.assertEqual(get(self.address).status, 503)
        self.release(*(f"h{i}" for i in range(4)))
        for c in [*held, waiting]:
            self.assertEqual(c.response().status, 200)


class Errors(harness.Case):
    def test_texts(self):
        server = self.serve(api=True)
        server.api("PUT", "/config", {"listeners": {}, "applications": {
            "app": harness.python_app()}})
        for path, value, detail in [
            ("limits/timeout", -1, 'The "timeout" number must not be negative.'),
            ("limits/requests", '"5"', 'The "requests" value must be an integer number, but not a '
                                     "string."),
            ("limits/queue", {"size": 0}, 'The "size" number must be equal to or greater than '
                                            "1."),
            ("limits/queue", {"length": 5}, 'Unknown parameter "length".'),
            ("processes", {"max": 0}, 'The "max" number must be equal to or greater than 1.'),
            ("processes", {"spare": -1}, 'The "spare" number must not be negative.'),
            ("processes", {"idle_timeout": 2147484},
             'The "idle_timeout" number must not exceed 2147483.'),
        ]:
            with self.subTest(path=path, value=value):
                parent, _, name = path.rpartition("/")
                if parent:
                    server.api("PUT", f"/config/applications/app/{parent}", {})
                got = server.api("PUT", f"/config/applications/app/{path}", value, 400)
                self.assertTrue(got["detail"].startswith(detail), got)
        for value in ({"timeout": "2m", "requests": 100, "queue": {"size": 5, "timeout": "1m"}},
                      {"timeout": 0, "requests": 0}):
            server.api("PUT", "/config/applications/app/limits", value)


if __name__ == "__main__":
    unittest.main()
