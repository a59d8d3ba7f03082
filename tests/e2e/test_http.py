"""HTTP/1.1 as a client sees it: spec tables and the traps H1..H35, over a real server."""
import hashlib
import json
import os
import socket
import struct
import time
import unittest

import harness
from harness import Closed, Connection, get

SMUGGLED = "GET /pid HTTP/1.1\r\nHost: x\r\n\r\n"


class Http(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.port = harness.free_port()
        cls.address = ("127.0.0.1", cls.port)
        config = harness.simple(cls.port, processes=2)
        config["settings"] = {"http": {"max_body_size": 8 * 1024 * 1024}}
        cls.server = harness.Server(config)

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.server.stop() == 0
            text = cls.server.text()
            assert "Sanitizer" not in text and "runtime error:" not in text, text[-5000:]
        finally:
            cls.server.remove()

    def answer(self, raw, head=False):
        """The response to raw bytes, and the connection it came on."""
        c = Connection(self.address)
        self.addCleanup(c.close)
        c.send(raw)
        return c.response(head), c

    def refused(self, raw, status):
        """raw is answered with this status once, and nothing after it is served (H1, H12)."""
        response, c = self.answer(raw + SMUGGLED)
        self.assertEqual(response.status, status, raw)
        self.assertEqual(response.get("Connection"), "close", raw)
        self.assertEqual(response.body,
                         b"<!DOCTYPE html><title>Error %d</title><p>Error %d.\r\n"
                         % (status, status))
        self.assertTrue(c.closed(), raw)

    def test_hello(self):
        r = get(self.address)
        self.assertEqual((r.status, r.reason, r.body), (200, "OK", b"Hello, World!\n"))
        self.assertRegex(r.get("Server"), r"^Patchbay/\d+\.\d+\.\d+$")
        self.assertRegex(r.get("Date"), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(r.get("Content-Length"), "14")

    def test_refusals(self):
        g = "GET / HTTP/1.1\r\nHost: x\r\n"
        p = "POST /echo HTTP/1.1\r\nHost: x\r\n"
        table = [
            (p + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400),     # H1
            (p + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),              # H2
            (p + "Content-Length: 3, 3\r\n\r\nabc", 400),
            (p + "Content-Length: +3\r\n\r\nabc", 400),
            (p + "Content-Length: 99999999999999999999\r\n\r\nabc", 400),
            (p + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),                       # H3
            (p + "Transfer-Encoding: xchunked\r\n\r\n", 501),
            ("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400),   # H4
            (g + "Host: y\r\n\r\n", 400),                                                # H8
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            (g + "X : 1\r\n\r\n", 400), (g + "X: 1\r\n folded\r\n\r\n", 400),            # H9
            (g + ": 1\r\n\r\n", 400), (g + "X: a\0b\r\n\r\n", 400), (g + "X: a\rb\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),                               # H10
            ("get / HTTP/1.1\r\nHost: x\r\n\r\n", 400), ("CONNECT x:1 HTTP/1.1\r\n\r\n", 400),
            ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\n\r\n", 400),
            ("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET /../a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            ("GET /" + "a" * 8200 + " HTTP/1.1\r\nHost: x\r\n\r\n", 431),                # H14
            (g + "N" * 256 + ": 1\r\n\r\n", 431),
            (g + "".join(f"A{i}: {'v' * 8000}\r\n" for i in range(5)) + "\r\n", 431),
            (p + "Content-Length: 8388609\r\n\r\n", 413),
        ]
        for raw, status in table:
            with self.subTest(raw=raw[:80], status=status):
                self.refused(raw, status)

    def test_transfer_encoding_identity_then_chunked(self):
        raw = ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n"
               "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED)
        r, c = self.answer(raw)
        self.assertIn(r.status, (400, 501))
        self.assertTrue(c.closed())

    def test_bad_chunks(self):                                                           # H5
        head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in ("0x5\r\nabcde\r\n0\r\n\r\n", "+5\r\nabcde\r\n0\r\n\r\n", "\r\n",
                     "1" * 17 + "\r\n", "5\nabcde\r\n0\r\n\r\n", "5\r\nabcdeX\r\n0\r\n\r\n"):
            with self.subTest(body=body):
                self.refused(head + body, 400)

    def test_chunked_upload(self):                                                       # H7
        r, c = self.answer("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
                           "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n")
        self.assertEqual((r.status, r.body), (200, b"hello world"))
        self.assertEqual(c.get("/").body, b"Hello, World!\n")

    def test_truncated_chunked_body_is_not_served(self):                                 # H6
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n")
            c.sock.shutdown(socket.SHUT_WR)
            try:
                self.assertEqual(c.response().status, 400)
            except Closed as e:
                self.assertEqual(e.data, b"")

    def test_split_at_every_byte(self):                                                  # H13
        raw = (b"\r\nPOST /echo?a=1 HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nTransfer-Encoding: chunked"
               b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        with Connection(self.address) as c:
            c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(1, len(raw)):
                c.send(raw[:i])
                time.sleep(0.0005)
                c.send(raw[i:])
                r = c.response()
                self.assertEqual((r.status, r.body), (200, b"abc"), i)
            for byte in raw:
                c.send(bytes([byte]))
            self.assertEqual(c.response().body, b"abc")

    def test_pipelining(self):                                                           # H26
        paths = [f"/sized/{n}" for n in (1, 20000, 0, 300, 70000)]
        raw = "".join(f"GET {p} HTTP/1.1\r\nHost: x\r\n\r\n" for p in paths)
        r, c = self.answer(raw + "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        sizes = [len(r.body)] + [len(c.response().body) for _ in paths[1:]]
        self.assertEqual(sizes, [1, 20000, 0, 300, 70000])
        last = c.response()
        self.assertEqual((last.body, last.get("Connection")), (b"Hello, World!\n", "close"))
        self.assertTrue(c.closed())

    def test_absolute_form(self):                                                        # H11
        r, _ = self.answer("GET http://other:81/environ?q=1 HTTP/1.1\r\nHost: this\r\n\r\n")
        env = json.loads(r.body)
        self.assertEqual(env["SERVER_NAME"], "other")
        self.assertEqual((env["PATH_INFO"], env["QUERY_STRING"]), ("/environ", "q=1"))

    def test_http10(self):                                                               # H27
        r, c = self.answer("GET /stream/3/1000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertIsNone(r.get("Transfer-Encoding"))
        self.assertEqual(len(r.body), 3000)
        self.assertTrue(c.closed())
        r, c = self.answer("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertEqual(r.get("Connection").lower(), "keep-alive")
        r, c = self.answer("GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(c.closed())

    def test_head_and_bodyless(self):                                                    # H15, H28
        with Connection(self.address) as c:
            c.send("HEAD /sized/1000 HTTP/1.1\r\nHost: x\r\n\r\n")
            r = c.response(head=True)
            self.assertEqual((r.status, r.get("Content-Length")), (200, "1000"))
            for status in ("304 Not Modified", "204 No Content"):
                r = c.get("/status/" + status.replace(" ", "%20"))
                self.assertEqual(r.status, int(status[:3]))
                self.assertIsNone(r.get("Content-Length"))
                self.assertIsNone(r.get("Transfer-Encoding"))
            self.assertEqual(c.get("/").body, b"Hello, World!\n")

    def test_reason_phrases(self):                                                       # H29
        with Connection(self.address) as c:
            for status, reason in ((305, "Use Proxy"), (307, "Temporary Redirect"),
                                   (429, "Too Many Requests"),
                                   (451, "Unavailable For Legal Reasons"), (299, "")):
                r = c.get(f"/status/{status}%20Whatever")
                self.assertEqual((r.status, r.reason), (status, reason))

    def test_framing_is_ours(self):                                                      # H16
        r = get(self.address, "/hop")
        self.assertEqual((r.body, r.all("Transfer-Encoding"), r.all("Keep-Alive")),
                         (b"hop", [], []))
        self.assertEqual(r.all("Connection"), ["close"])

    def test_no_header_injection(self):                                                  # H17
        with Connection(self.address) as c:
            r = c.get("/inject")
            self.assertEqual(r.all("X-Injected"), [])

    def test_short_and_long_bodies(self):                                                # H18, H19
        with Connection(self.address) as c, self.assertRaises(Closed) as e:
            c.get("/short")
        self.assertTrue(e.exception.data.endswith(b"short"))
        with Connection(self.address) as c:
            c.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            r = c.response()
            self.assertEqual(r.body, b"long")
            try:
                self.assertTrue(c.closed())     # cut, or kept and in step: never surplus
            except socket.timeout:
                pass

    def test_failures(self):                                                             # 1.4, H20
        self.assertEqual(get(self.address, "/raise").status, 503)
        with Connection(self.address) as c, self.assertRaises(Closed):
            c.get("/raise-late")
        with Connection(self.address) as c:
            c.send("GET /raise-late HTTP/1.1\r\nHost: x\r\n\r\n")
            while c._more():
                pass
            self.assertIn(b"5\r\nfirst\r\n", c.buffer)
            self.assertNotIn(b"0\r\n\r\n", c.buffer)
        for path in ("/kill", "/exit"):
            self.assertEqual(get(self.address, path).status, 503)
            self.assertEqual(get(self.address).status, 200)

    def test_death_after_a_whole_response(self):
        with Connection(self.address) as c:
            self.assertEqual(c.get("/kill-after-body").body, b"done")
            self.assertEqual(c.get("/").body, b"Hello, World!\n")

    def test_expect_continue(self):                                                      # H22
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                   "Expect: 100-continue\r\n\r\n")
            self.assertEqual(c._line(), b"HTTP/1.1 100 Continue")
            self.assertEqual(c._line(), b"")
            c.send("abc")
            self.assertEqual(c.response().body, b"abc")
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
                   "Expect: 100-continue\r\n\r\n")
            self.assertRegex(c._line(), rb"^HTTP/1\.1 413 ")

    def test_lingering_close(self):                                                      # H21
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n")
            for _ in range(100):
                try:
                    c.send(b"x" * 65536)
                except OSError:
                    break
            self.assertEqual(c.response().status, 413)

    def test_httpoxy_and_unsafe_names(self):                                             # H23
        r, _ = self.answer("GET /environ HTTP/1.1\r\nHost: x\r\nProxy: http://evil\r\n"
                           "X_A: 1\r\nX.B: 2\r\nX-C: 3\r\n\r\n")
        env = json.loads(r.body)
        self.assertNotIn("HTTP_PROXY", env)
        self.assertNotIn("HTTP_X_A", env)
        self.assertNotIn("HTTP_X_B", env)
        self.assertEqual(env["HTTP_X_C"], "3")

    def test_half_close(self):                                                           # H25
        with Connection(self.address) as c:
            c.send("GET /stream/100/65536 HTTP/1.1\r\nHost: x\r\n\r\n")
            c.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(len(c.response().body), 100 * 65536)

    def test_wsgi_environ(self):
        raw = ("GET /environ/%C3%A9/./x/../y//z%2fw?x=1&y=%20+z#frag HTTP/1.1\r\nHost: Ex.COM:99\r\n"
               "X-A: 1\r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX-Empty:\r\n\r\n")
        r, c = self.answer(raw)
        env = json.loads(r.body)
        for key, value in {
            "REQUEST_METHOD": "GET", "REQUEST_URI": "/environ/%C3%A9/./x/../y//z%2fw?x=1&y=%20+z#frag",
            "PATH_INFO": "/environ/Ã©/y/z/w", "SCRIPT_NAME": "", "QUERY_STRING": "x=1&y=%20+z",
            "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "ex.com", "SERVER_PORT": str(self.port),
            "SERVER_ADDR": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "Ex.COM:99",
            "HTTP_X_A": "1, 2", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_EMPTY": "",
            "wsgi.url_scheme": "http",
        }.items():
            self.assertEqual(env.get(key), value, key)
        self.assertRegex(env["SERVER_SOFTWARE"], r"^Patchbay/")
        self.assertNotIn("CONTENT_LENGTH", env)

    def test_bodies_of_all_sizes(self):
        with Connection(self.address) as c:
            for size in (0, 1, 16383, 16384, 16385, 65536, 262144, 1048577, 7 << 20, 8 << 20):
                body = os.urandom(size)
                c.send(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
                       + body)
                r = c.response()
                self.assertEqual((r.status, len(r.body)), (200, size))
                self.assertEqual(r.body, body)

    def test_large_upload_is_not_in_the_routers_heap(self):
        router = self.server.one("patchbay: router")
        body = os.urandom(8 << 20)
        peak = lambda: int(next(ln for ln in open(f"/proc/{router}/status")
                                if ln.startswith("RssAnon")).split()[1])
        before = peak()
        connections = [Connection(self.address) for _ in range(8)]
        for c in connections:      # all but the last byte, so that all are held at once
            c.send(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
                   + body[:-1])
        harness.wait_for("the spooled bodies", lambda: self._spooled(router) >= 8 * len(body) - 8)
        self.assertLess(peak() - before, 8192 * (4 if "san" in str(harness.BUILD) else 1))
        for c in connections:
            c.send(body[-1:])
            self.assertEqual(c.response().body.decode(),
                             f"{len(body)} {hashlib.sha256(body).hexdigest()}")
            c.close()

    def test_a_spool_file_is_used_again(self):
        router = self.server.one("patchbay: router")
        known = {file.st_ino for file in self._spool_files(router)}
        files = set()
        with Connection(self.address) as c:                 # one engine
            for size in (120_000, 20_000, 60_000, 17_000, 100_000):
                body = os.urandom(size)                     # nothing of the one before is in it
                c.send(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
                       + body)
                self.assertEqual(c.response().body.decode(),
                                 f"{size} {hashlib.sha256(body).hexdigest()}")
                files |= {file.st_ino for file in self._spool_files(router)} - known
        self.assertLessEqual(len(files), 1)

    def _spooled(self, pid):
        """Bytes in unlinked body files that the process holds open."""
        return sum(file.st_size for file in self._spool_files(pid))

    @staticmethod
    def _spool_files(pid):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if "/req-" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                    yield os.stat(f"/proc/{pid}/fd/{fd}")
            except OSError:
                pass

    def test_streaming_download(self):
        r = get(self.address, "/stream/160/65536")
        self.assertEqual(len(r.body), 160 * 65536)
        self.assertEqual(r.get("Transfer-Encoding"), "chunked")

    def test_slow_reader_bounds_the_router(self):                                        # H31
        router = self.server.one("patchbay: router")
        with Connection(self.address) as c:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.send("GET /stream/16384/65536 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(1)
            with open(f"/proc/{router}/status") as f:
                rss = int(next(ln for ln in f if ln.startswith("RssAnon")).split()[1])
            self.assertLess(rss, 65536 * (8 if "san" in str(harness.BUILD) else 1))
            self.assertEqual(get(self.address).status, 200)

    def test_vanishing_clients_leave_nothing(self):                                      # H24, I5
        router = self.server.one("patchbay: router")
        get(self.address)
        count = lambda: len(os.listdir(f"/proc/{router}/fd"))
        before = count()
        for i in range(600):
            c = Connection(self.address)
            raw = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"
            c.send(raw[:i % len(raw)])
            if i % 2:
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
        harness.wait_for("all descriptors given back", lambda: count() <= before)
        self.assertEqual(get(self.address).status, 200)

    def test_cookies(self):
        r = get(self.address, "/cookies", "Cookie: x=1")
        self.assertEqual((r.all("Set-Cookie"), r.body), (["a=1", "b=2"], b"x=1"))


class Timeouts(harness.Case):
    """Small values, so that every timeout is really reached; bounds are generous."""

    def setUp(self):
        self.port = harness.free_port()
        config = harness.simple(self.port)
        config["settings"] = {"http": {"header_read_timeout": 1, "body_read_timeout": 1,
                                       "idle_timeout": 1}}
        self.server = self.serve(config)
        self.address = ("127.0.0.1", self.port)

    def test_idle(self):
        with Connection(self.address) as c:
            r = c.response()
            self.assertEqual((r.status, r.get("Content-Length"), r.get("Connection")),
                             (408, "0", "close"))
            self.assertTrue(c.closed())

    def test_header_not_extended_by_bytes(self):                                         # H35
        with Connection(self.address) as c:
            start = time.monotonic()
            c.sock.settimeout(0.2)
            for byte in b"GET / HTTP/1.1\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":
                c.send(bytes([byte]))
                try:
                    if c._more():
                        break
                except socket.timeout:
                    pass
            self.assertLess(time.monotonic() - start, 10)
            c.sock.settimeout(harness.BOUND)
            self.assertEqual(c.response().status, 408)

    def test_body(self):
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            self.assertEqual(c.response().status, 408)


if __name__ == "__main__":
    unittest.main()
