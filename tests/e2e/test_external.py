"""Applications of type "external": a program in C with libpatchbay-app (programs/external_app.c)."""
import os
import signal
import struct
import time
import unittest

import harness
from harness import Closed, Connection, free_port, get, wait_for

PROGRAM = harness.BUILD / "tests" / "e2e" / "external_app"


def post(path, body, *fields):
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


class External(harness.Case):
    def prepare(self, *arguments, api=False, start=True, **app):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.server = self.serve(start=False, api=api)
        self.dir = self.server.dir
        self.config = {"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                       "applications": {"app": {
                           "type": "external", "executable": str(PROGRAM),
                           "arguments": list(arguments), "environment": {"DIR": str(self.dir)},
                           **app}}}
        if not api:
            self.server.write(self.config)
        if start:
            self.server.start()

    def workers(self):
        return self.server.pids("external_app")

    def begun(self, what):
        """How often that was noted."""
        file = self.dir / "begun"
        lines = file.read_text().splitlines() if file.exists() else []
        return sum(line.split(" ")[0] == what for line in lines)

    def wait_begun(self, what, times=1):
        wait_for(f"{times} of {what}", lambda: self.begun(what) >= times)

    def ask(self, data):
        c = Connection(self.address)
        self.addCleanup(c.close)
        c.send(f"GET {data} HTTP/1.1\r\nHost: x\r\n\r\n" if isinstance(data, str) else data)
        return c

    def release(self):
        (self.dir / "go").touch()

    def serves(self):
        self.assertEqual(get(self.address, "/pid").status, 200)


class Output(External):
    def test_rotation(self):
        """The program's own descriptors, in place; a relative path although the program may move."""
        self.prepare(start=False, processes=2, stderr="err.log")
        self.config["applications"]["app"].update(working_directory=str(self.dir),
                                                  stdout=str(self.dir / "out.log"))
        self.server.write(self.config)
        self.server.start()
        wait_for("two workers", lambda: len(self.workers()) == 2)
        self.serves()
        self.assertEqual(self.files(), {"out.log", "err.log"})
        for name in ("out.log", "err.log"):
            (self.dir / name).rename(self.dir / f"{name}.1")
        self.assertEqual(self.files(), {"out.log.1", "err.log.1"})
        self.server.process.send_signal(signal.SIGUSR1)
        wait_for("the new files", lambda: self.files() == {"out.log", "err.log"})
        self.serves()

    def files(self):
        """What descriptors 1 and 2 of all workers are."""
        return {os.path.basename(os.readlink(f"/proc/{worker}/fd/{fd}"))
                for worker in self.workers() for fd in (1, 2)}


class Requests(External):
    def test_what_is_known_of_a_request(self):
        self.prepare()
        c = self.ask(b"POST /info/../%69nfo?a=%20b HTTP/1.1\r\nHost: Example.org:80\r\nX-One: 1\r\n"
                     b"x-one: 2\r\nContent-Type: text/x\r\nContent-Length: 3\r\nCookie: a\r\n"
                     b"cookie: b\r\nX-Empty:\r\n\r\nabc")
        lines = c.response().body.decode().splitlines()
        for line in ("method=POST", "target=/info/../%69nfo?a=%20b", "path=/info", "query=a=%20b",
                     "protocol=HTTP/1.1", "scheme=http", "host=Example.org:80",
                     "server_name=example.org", f"server_port={self.port}",
                     "local_address=127.0.0.1", "remote_address=127.0.0.1", "content_type=text/x",
                     "x-one=1", "x-none=(absent)", "body_size=3", "flags=8"):
            self.assertIn(line, lines)
        names = [line[5:] for line in lines if line.startswith("name=")]
        self.assertEqual(names, ["Host", "X-One", "x-one", "Content-Type", "Content-Length",
                                 "Cookie", "cookie", "X-Empty"])

    def test_bodies_of_all_sizes(self):
        """Inline, by windows, spooled to a file; on one connection."""
        self.prepare()
        with Connection(self.address) as c:
            for size in (0, 1, 4096, 65535, 65536, 65537, 200_000, 3_000_001):
                body = os.urandom(size)
                c.send(post("/echo", body))
                answer = c.response()
                self.assertEqual((answer.status, len(answer.body)), (200, size))
                self.assertEqual(answer.body, body)

    def test_a_large_upload(self):
        self.prepare()
        self.config["settings"] = {"http": {"max_body_size": 100_000_000}}
        self.server.reload(self.config)
        body = os.urandom(1_000_003) * 20
        expected = sum(b * (i % 1000003) for i, b in enumerate(body, 1))
        with Connection(self.address) as c:
            c.send(post("/sum", body))
            self.assertEqual(c.response().body.decode(), f"{len(body)} {expected} 0")

    def test_chunked(self):
        self.prepare()
        c = self.ask(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        self.assertEqual(c.response().body, b"hello world")

    def test_a_response_as_it_comes(self):
        self.prepare()
        c = self.ask("/stream")
        wait_for("the first part", lambda: b"first" in c.buffer or c._more() and b"first" in c.buffer)
        self.assertNotIn(b"second", c.buffer)
        self.release()
        self.assertEqual(c.response().body, b"first\nsecond\n")

    def test_a_slow_client_stops_the_program(self):
        """10 MiB: the program is held back, and all of it arrives."""
        self.prepare()
        size = 10 << 20
        c = self.ask(f"/huge?{size}")
        wait_for("its begin", lambda: c.buffer or c._more())
        time.sleep(0.5)
        self.assertEqual(self.begun("huge-written"), 0)
        answer = c.response()
        self.wait_begun("huge-written")
        pattern = bytes(range(ord("a"), ord("a") + 23))
        self.assertEqual(answer.body, (pattern * (size // 23 + 1))[:size])

    def test_huge_output(self):
        self.prepare()
        with Connection(self.address) as c:
            self.assertEqual(len(c.get(f"/huge?{200 << 20}").body), 200 << 20)

    def test_several_threads(self):
        self.prepare("--together", "4", threads=4)
        asked = [self.ask("/together") for _ in range(4)]
        pids = {c.response().body for c in asked}
        self.assertEqual(pids, {str(self.workers()[0]).encode()})
        many = [self.ask("/pid") for _ in range(50)]
        self.assertEqual([c.response().status for c in many], [200] * 50)

    def test_the_client_leaves(self):
        self.prepare()
        c = self.ask(post("/until-gone", b"x" * 300_000))
        self.wait_begun("until-gone")
        c.sock.setsockopt(harness.socket.SOL_SOCKET, harness.socket.SO_LINGER,
                          struct.pack("ii", 1, 0))                     # closes with a reset
        c.close()
        self.wait_begun("gone")
        self.serves()

    def test_the_client_ends_its_side(self):
        self.prepare()
        c = self.ask("/until-done")
        self.wait_begun("until-done")
        c.sock.shutdown(harness.socket.SHUT_WR)
        self.assertEqual(c.response().body, b"done, cancelled 0")

    def test_the_client_leaves_a_long_response(self):
        self.prepare()
        c = self.ask(f"/huge?{100 << 20}")
        wait_for("its begin", lambda: c.buffer or c._more())
        c.close()
        self.wait_begun("huge-gone")
        self.serves()

    def test_what_must_not_be_sent(self):
        self.prepare()
        answer = get(self.address, "/bad-fields")
        self.assertEqual(answer.status, 200)
        names = [n.lower() for n, _ in answer.headers if n.lower().startswith(("x", "set-"))]
        self.assertEqual(names, ["x-good"])
        lines = answer.body.decode().splitlines()
        self.assertEqual(len(lines), 8)
        self.assertEqual(lines[-1], "the response header has been sent already")
        self.assertEqual(get(self.address, "/no-status").status, 503)
        self.serves()

    def test_a_failure_after_the_beginning_cuts_the_connection(self):
        self.prepare()
        c = self.ask("/broken")
        self.wait_begun("broken")
        self.release()
        with self.assertRaises(Closed):
            c.response()
        self.serves()

    def test_the_program_forks(self):
        self.prepare()
        old = self.workers()
        for _ in range(3):
            self.assertEqual(get(self.address, "/fork").body, b"child 0, parent 1")
        self.assertEqual(self.workers(), old)

    def test_the_loop_written_out(self):
        self.prepare("--alone")
        answer = get(self.address)
        self.assertRegex(answer.body.decode(), r"^Patchbay/\S+ 1 1$")
        time.sleep(0.1)                                     # pba_next() has timed out meanwhile
        self.assertEqual(get(self.address).status, 200)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.begun("stopped"), 1)


class Ends(External):
    def test_crash_and_exit(self):
        self.prepare()
        for path in ("/crash", "/exit", "/crash"):
            old = self.workers()
            self.assertEqual(get(self.address, path).status, 503)
            wait_for("another worker", lambda: len(w := self.workers()) == 1 and w != old)
            self.serves()
        self.logged(self.server, 'exited on signal 6')

    def test_those_that_wait_go_to_another(self):
        self.prepare()
        held = self.ask("/until")
        self.wait_begun("until")
        waiting = [self.ask("/pid") for _ in range(5)]
        old = self.workers()[0]
        os.kill(old, signal.SIGKILL)
        self.assertEqual(held.response().status, 503)
        pids = {c.response().body for c in waiting}
        self.assertNotIn(str(old).encode(), pids)

    def test_hang(self):
        self.prepare(limits={"timeout": 1})
        old = self.workers()[0]
        stuck = self.ask("/hang")
        self.wait_begun("hang")
        self.assertEqual(stuck.response().status, 503)
        wait_for("its end", lambda: not harness.alive(old))
        self.serves()

    def test_limit_of_requests(self):
        self.prepare(limits={"requests": 5}, threads=3, processes=2)
        pids = [get(self.address, "/pid").body for _ in range(40)]
        for pid in set(pids):
            self.assertLessEqual(pids.count(pid), 5)
        self.assertGreaterEqual(len(set(pids)), 8)

    def test_reload_with_requests_in_flight(self):
        self.prepare(threads=2)
        old = self.workers()[0]
        held = [self.ask("/until") for _ in range(2)]
        self.wait_begun("until", 2)
        self.config["applications"]["app"]["environment"]["NEW"] = "1"
        self.server.reload(self.config)
        self.assertNotEqual(int(get(self.address, "/pid").body), old)
        self.assertTrue(harness.alive(old))
        self.release()
        self.assertEqual([int(c.response().body) for c in held], [old, old])
        wait_for("the end of the old one", lambda: not harness.alive(old))

    def test_graceful_quit_with_a_request_in_flight(self):
        self.prepare()
        held = self.ask("/until")
        self.wait_begun("until")
        self.server.process.send_signal(signal.SIGQUIT)
        self.release()
        self.assertEqual(held.response().status, 200)
        wait_for("its end", lambda: self.server.process.poll() is not None)

    def test_quit_at_once(self):
        self.prepare(threads=2)
        self.ask("/hang")
        self.wait_begun("hang")
        begin = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)

    def test_the_router_is_killed(self):
        """Its programs end, the next router's serve."""
        self.prepare(processes=2)
        self.ask("/hang")
        self.wait_begun("hang")
        old = self.workers()
        os.kill(self.server.one("patchbay: router"), signal.SIGKILL)
        wait_for("their end", lambda: not any(harness.alive(p) for p in old), 10)
        wait_for("others", lambda: len(self.workers()) == 2)
        self.serves()

    def test_the_server_is_killed(self):
        """No program outlives its server, busy or idle."""
        self.prepare(processes=2)
        self.ask("/hang")
        self.wait_begun("hang")
        pids = self.workers()
        self.assertEqual(len(pids), 2)
        self.server.kill()
        self.assertFalse(any(harness.alive(p) for p in pids))
        self.server.start()
        self.serves()


class Starts(External):
    def refused(self, *arguments, **app):
        """The answer to a configuration with it."""
        self.prepare(*arguments, api=True, **app)
        answer = self.server.control("PUT", "/config", self.config)
        self.assertEqual(answer.status, 500, answer)
        return answer.body.decode()

    def test_another_version(self):
        for version, hint in (("2.0", "build it with a newer library"),
                              ("0.9", "update the server")):
            with self.subTest(version=version):
                detail = self.refused("--pretend", version)
                self.assertRegex(detail, rf"Patchbay/\S+ speaks version {version} of the "
                                 rf"application protocol, this program's library "
                                 rf"\(patchbay-app \S+\) version 1\.0: {hint}")
                self.logged(self.server, f"speaks version {version} of the application protocol")

    def test_a_later_minor_is_fine(self):
        self.prepare("--pretend", "1.7")
        self.serves()

    def test_it_refuses(self):
        self.assertIn("the database is not there", self.refused("--refuse"))

    def test_it_exits(self):
        self.assertIn("no license found", self.refused("--exit"))

    def test_started_by_hand(self):
        run = harness.subprocess.run([PROGRAM], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("PATCHBAY_INIT is not set", run.stderr)


if __name__ == "__main__":
    unittest.main()
