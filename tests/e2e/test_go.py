"""A program in Go behind the server answers as it does alone: requests, responses, corner cases."""
import hashlib
import json
import re
import threading
import unittest

from goprogram import Alone, Program
from harness import APPS, Closed, Connection, free_port, get, wait_for

# What differs between two servers, and what only ours says.
OWN = {"date", "server", "connection", "transfer-encoding"}


def plain(response, without=()):
    """What must be the same."""
    headers = sorted((n, v) for n, v in response.headers if n.lower() not in OWN | set(without))
    return response.status, headers, response.body


class Either(Connection):
    """Alone, a program answers HTTP/1.0 as such; the server always as 1.1."""

    def _line(self):
        line = super()._line()
        return b"HTTP/1.1" + line[8:] if line.startswith(b"HTTP/1.0 ") else line


class Pair(Program):
    """The program behind the server and alone, both on TCP and on a Unix domain socket."""

    def setUp(self):
        self.prepare(listeners=("unix:{dir}/sock",))
        self.unix = str(self.dir / "sock")
        alone, alone_unix = ("127.0.0.1", free_port()), str(self.dir / "alone")
        (self.dir / "file.txt").write_text("line of a file\n" * 500)
        for address in (alone, alone_unix):
            one = Alone(address, self.dir)
            self.addCleanup(one.stop)
        self.addCleanup(lambda: (self.dir / "alone").unlink(missing_ok=True))
        self.pairs = [(self.address, alone), (self.unix, alone_unix)]

    def exchange(self, address, request, head=False):
        with Either(address) as c:
            c.send(request)
            return c.response(head)

    def same(self, request, pair=0, without=(), head=False):
        hosted, alone = (self.exchange(a, request, head) for a in self.pairs[pair])
        if alone.get("Content-Length") is None and not head:
            # The server knows the length of what was complete when it began to send.
            self.assertIn(hosted.get("Content-Length"), (None, str(len(alone.body))), request)
            without = (*without, "content-length")
        self.assertEqual(plain(hosted, without), plain(alone, without), request[:200])
        return hosted


def request(method, path, *fields, body=None, version="1.1", host="Ex.com:99"):
    lines = [f"{method} {path} HTTP/{version}", *([f"Host: {host}"] if host else []), *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body or ""])


class Requests(Pair):
    def test_every_field(self):
        cases = [
            request("POST", "/show", "Content-Type: text/plain", body="abc"),
            request("GET", "/show?a=b&c=%20d"),
            request("GET", "/show?"),
            request("GET", "/show/a%2Fb/%C3%A9?x=%zz"),
            request("GET", "/show/a+b;c=d"),
            request("DELETE", "/show", "X-Many: 1", "x-many: 2", "X-MANY: 3", "Cookie: a=1; b=2"),
            request("PUT", "/show", body=""),
            request("PATCH", "/show", "Pragma: no-cache", body="x" * 3000),
            request("OPTIONS", "/show", "Authorization: Basic eDp5", "X-Empty:"),
            request("GET", "/show", version="1.0"),
            request("GET", "/show", version="1.0", host=None),
            request("GET", "/show", "Accept-Encoding: gzip", "Range: bytes=0-1", "X-B\xe9: \xe9\xff"
                    .replace("\xe9:", "e:")),
        ]
        for pair in (0, 1):
            for text in cases:
                seen = self.same(text, pair, without=("content-length",))
                self.assertEqual(seen.status, 200)
                value = json.loads(seen.body)
                self.assertEqual((value["Scheme"], value["URLHost"], value["TLS"]), ("", "", False))
                self.assertNotIn("Host", value["Header"])
        empty = json.loads(self.exchange(self.address, request("GET", "/show", "Host:", host=None)).body)
        self.assertEqual(empty["Host"], "")                            # alone it would be 400
        value = json.loads(self.exchange(self.address, cases[0]).body)
        self.assertEqual((value["Host"], value["RemoteAddr"]), ("Ex.com:99", "127.0.0.1 and a port"))
        self.assertEqual((value["Server"], value["Hijacker"], value["Flusher"]), (True, False, True))

    def test_remote_address_is_the_clients(self):
        with Connection(self.address) as c:
            port = c.sock.getsockname()[1]
            self.assertEqual(c.get("/peer").body.decode(), f"127.0.0.1:{port}")

    def test_chunked_body(self):
        chunked = ("POST /show HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        value = json.loads(self.same(chunked, without=("content-length",)).body)
        self.assertEqual((value["Body"], value["ContentLength"], value["TransferEncoding"]),
                         ("abcdefg", -1, ["chunked"]))

    def test_absolute_target(self):
        text = request("GET", "http://other.example/show?x", host="ignored")
        value = json.loads(self.exchange(self.address, text).body)  # the server takes it apart
        self.assertEqual((value["Host"], value["RequestURI"]), ("other.example", "/show?x"))

    def test_large_bodies(self):
        data = bytes(range(256)) * 4096 * 50                          # 50 MiB
        sum_ = hashlib.sha256(data).hexdigest()
        with Connection(self.address) as c:
            for size in (0, 1, 4096, 65536, 262144, 300000, len(data)):
                c.send(f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
                       + data[:size])
                digest = hashlib.sha256(data[:size]).hexdigest() if size < len(data) else sum_
                self.assertEqual(c.response().body.decode(), f"{size} {digest} <nil> EOF")

    def test_large_answers(self):
        body = b"0123456789abcdef" * (50 << 16)                        # 50 MiB
        with Connection(self.address) as c:
            for step in (0, 100000, 5000):
                got = c.get(f"/download?n={len(body)}&step={step}")
                self.assertEqual(len(got.body), len(body))
                self.assertEqual(hashlib.sha256(got.body).digest(), hashlib.sha256(body).digest())
            self.assertEqual(c.get("/download?n=1000000&step=7").body, body[:1000000])

    def test_echo_while_reading(self):
        data = b"0123456789abcdef" * 65536 * 4                         # 4 MiB
        with Connection(self.address) as c:
            c.send(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                   + data)
            self.assertEqual(c.response().body, data)
        self.noted("echo", "<nil>")

    def test_small_body_limit(self):
        self.same(request("POST", "/corner/too-large", body="x" * 10))
        self.same(request("POST", "/corner/too-large", body="x" * 11))


class Responses(Pair):
    def corner(self, name):
        return f"/corner/{name}"

    def names(self):
        source = (APPS / "go_program" / "corners.go").read_text()
        names = re.findall(r'^\t\t"([\w-]+)": +', source.partition("breaking()")[0], re.M)
        self.assertGreater(len(names), 35)
        names.remove("trailer")
        return names

    def test_corner_cases(self):
        for name in self.names():
            for method in ("GET", "HEAD"):
                for version in ("1.1", "1.0"):
                    with self.subTest(name=name, method=method, version=version):
                        text = request(method, self.corner(name), "Connection: close",
                                       version=version)
                        if name == "bad-length" and (method, version) != ("GET", "1.1"):
                            continue  # alone, it is sent as it is
                        self.same(text, head=method == "HEAD")
        for name, line in (("beyond", "5 <nil> 0 true"), ("no-content", "true"),
                           ("not-modified", "true"), ("copy", "5100 <nil>"),
                           ("copy-file", "7500 <nil>")):
            self.assertEqual(set(self.notes(name)), {line}, name)
        self.logged(self.server, like=r"unit: superfluous WriteHeader call from main\.corners")

    def test_no_trailers(self):
        with Connection(self.address) as c:
            got = c.get("/corner/trailer")
            self.assertEqual((got.body, got.get("Trailer"), got.get("X-Sum")), (b"x", None, None))
            self.assertEqual(c.get("/").status, 200)

    def test_requests_that_handlers_parse(self):
        form = "a=1&b=2%20x"
        boundary = ("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nfield\r\n--B\r\n"
                    "Content-Disposition: form-data; name=\"file\"; filename=\"f.bin\"\r\n\r\n"
                    + "x" * 100000 + "\r\n--B--\r\n")
        for text in (
                request("POST", "/corner/form?a=0", "Content-Type: application/x-www-form-urlencoded",
                        body=form),
                request("POST", "/corner/multipart", "Content-Type: multipart/form-data; boundary=B",
                        body=boundary),
                request("GET", "/corner/cookies", "Cookie: a=1; b=2", "Cookie: c=3"),
                request("GET", "/corner/content", "Range: bytes=10-19"),
                request("GET", "/corner/content", "Range: bytes=0-4,100-104", "If-Range: \"v2\""),
                request("GET", "/corner/content", "If-None-Match: \"v1\""),
                request("GET", "/corner/content", "If-Modified-Since: Sun, 13 Sep 2021 12:26:40 GMT"),
                request("GET", "/corner/content", "Range: bytes=99999-"),
                request("GET", "/corner/file", "Range: bytes=-10"),
                request("GET", "/no/such/path"), request("GET", "/show/../corner/nothing"),
                request("GET", "//show"), request("POST", "/corner/redirect", body="x")):
            self.same(text, without=("last-modified",) if "file" in text else ())

    def test_ranges_of_several_parts(self):
        with Connection(self.address) as c:
            got = c.get("/corner/content", "Range: bytes=0-4,100-104")
        self.assertEqual(got.status, 206)
        self.assertIn("multipart/byteranges", got.get("Content-Type"))

    def test_keep_alive_over_all_of_them(self):
        with Connection(self.address) as c:
            for name in self.names():
                self.assertGreaterEqual(c.get(self.corner(name)).status, 200, name)

    def test_middleware_and_mux(self):
        self.config["applications"]["app"]["environment"]["MIDDLEWARE"] = "1"
        self.server.reload(self.config)
        self.assertEqual(get(self.address, "/").get("X-Middleware"), "yes")
        self.assertEqual(get(self.address, "/nothing").status, 404)

    def test_events_come_as_they_are_flushed(self):
        c = self.ask("/events?n=3&gate=gate")
        self.addCleanup(c.close)
        for i in range(3):
            wait_for(f"event {i}", lambda: f"data: {i}".encode() in c.buffer or not c._more())
            self.assertNotIn(f"data: {i + 1}".encode(), c.buffer)
            self.release(f"gate{i}")
        self.assertEqual(c.response().body, b"data: 0\n\ndata: 1\n\ndata: 2\n\n")

    def test_many_requests_at_a_time_in_one_process(self):
        connections = [self.ask("/meet?n=200") for _ in range(200)]
        self.assertEqual({c.response().body for c in connections}, {b"met"})
        self.assertEqual(len(self.workers()), 1)


class Breaking(Program):
    def setUp(self):
        self.prepare()

    def test_panic(self):
        pid = get(self.address, "/pid").body
        for name in ("panic", "abort", "goexit", "status", "large-head"):
            self.assertEqual(get(self.address, f"/break/{name}").status, 503, name)
        with self.assertRaises(Closed) as cut, Connection(self.address) as c:
            c.get("/break/panic-late")
        self.assertEqual(cut.exception.data, b"")
        for _ in range(3):
            with self.assertRaises(Closed), Connection(self.address) as c:
                c.get("/break/short")
        self.assertEqual(get(self.address, "/pid").body, pid)
        self.logged(self.server, like=r"unit: panic serving 127\.0\.0\.1:\d+: at the wrong time")
        self.logged(self.server, text="main.breaking")
        self.logged(self.server, text="unit: panic serving")
        self.logged(self.server, text="invalid WriteHeader code 42")
        self.assertNotIn("abort Handler", self.server.text())
        self.logged(self.server, text="the response header is larger than 262144 bytes")

    def test_writing_after_the_end(self):
        with Connection(self.address) as c:
            c.send(request("POST", "/break/late-write", body="unread"))
            self.assertEqual(c.response().body, b"on time")
            self.release("late")
            self.noted("late-write", "true true")
            self.assertEqual(c.get("/").status, 200)


if __name__ == "__main__":
    unittest.main()
