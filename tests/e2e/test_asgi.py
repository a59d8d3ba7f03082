"""ASGI applications: what they see, streaming both ways, many requests at a time, failures, lifespan,
reloads under load."""
import ast
import os
import re
import signal
import socket
import threading
import unittest

import control
import harness
from harness import Closed, Connection, free_port, get, python_app, wait_for
from load import Load

ERROR_503 = b"<!DOCTYPE html><title>Error 503</title><p>Error 503.\r\n"


def asgi_app(**options):
    return {**python_app(**options), "module": options.get("module", "asgi_app")}


class Asgi(control.Expectations, harness.Case):
    def run_app(self, app=None, listener=None):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.server = self.serve(api=True)
        self.listener = listener or f"127.0.0.1:{self.port}"
        self.server.api("PUT", "/config", self.config(app or asgi_app()))

    def config(self, app):
        return {"listeners": {self.listener: {"pass": "applications/app"}},
                "applications": {"app": app}}

    def ask(self, path, *fields):
        return get(self.address, path, *fields)

    def events(self):
        return self.ask("/told").body.decode().split(",")

    def rss(self, title):
        with open(f"/proc/{self.server.one(title)}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


class Scope(Asgi):
    def test_every_key_over_tcp(self):
        self.run_app()
        with Connection(self.address) as c:
            client = c.sock.getsockname()
            c.send("POST /show/a%2fb/./c/../%C3%A9%ff?x=1&y=%20#f HTTP/1.1\r\nHost: LocalHost:1\r\n"
                   "X-A: 1\r\nCookie: a=1\r\nX-B: 3\r\nx-a: 2\r\nX-Empty:\r\nCookie: b=2\r\n"
                   "X-Utf: \xe9\r\nProxy: p\r\nContent-Length: 3\r\n\r\nabc")
            scope = ast.literal_eval(c.response().body.decode())
        self.assertEqual(scope, {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.1"},
            "http_version": "1.1", "scheme": "http", "method": "POST",
            "path": "/show/a/b/\u00e9\ufffd", "raw_path": b"/show/a%2fb/./c/../%C3%A9%ff",
            "query_string": b"x=1&y=%20", "root_path": "", "client": client,
            "server": ("127.0.0.1", self.port), "state": {"x": [1]}, "extensions": {},
            "headers": ((b"host", b"LocalHost:1"), (b"x-a", b"1"), (b"cookie", b"a=1"),
                        (b"x-b", b"3"), (b"x-a", b"2"), (b"x-empty", b""), (b"cookie", b"b=2"),
                        (b"x-utf", b"\xe9"), (b"content-length", b"3"))})

    def test_what_else_a_request_can_be(self):
        self.run_app(asgi_app(prefix="/show/"))
        with Connection(self.address) as c:
            c.send("PROPFIND http://other:81/show/x?q HTTP/1.0\r\n\r\n")
            scope = ast.literal_eval(c.response().body.decode())
        self.assertEqual(scope["method"], "PROPFIND")
        self.assertEqual(scope["http_version"], "1.0")
        self.assertEqual(scope["raw_path"], b"/show/x")
        self.assertEqual(scope["query_string"], b"q")
        self.assertEqual(scope["headers"], ((b"host", b"other:81"),))
        self.assertEqual(scope["root_path"], "/show")
        self.assertEqual(scope["path"], "/show/x")
        self.assertEqual(ast.literal_eval(self.ask("/").body.decode())["root_path"], "")

    def test_unsafe_names_keep_their_spelling(self):
        self.run_app()
        self.server.api("PUT", "/config/settings", {"http": {"discard_unsafe_fields": False}})
        scope = ast.literal_eval(self.ask("/", "X_Real_IP: 1", "x-real-ip: 2", "X_Own: 3",
                                          "X-Own: 4", "X.Dot: 5").body.decode())
        self.assertEqual(scope["headers"][1:-1], (
            (b"x_real_ip", b"1"), (b"x-real-ip", b"2"), (b"x_own", b"3"), (b"x-own", b"4"),
            (b"x.dot", b"5")))

    def test_unix_socket(self):
        directory = self.serve(start=False).dir
        path = f"{directory}/l.sock"
        self.run_app(listener=f"unix:{path}")
        scope = ast.literal_eval(get(path, "/show").body.decode())
        self.assertEqual(scope["client"], ("", None))
        self.assertEqual(scope["server"], (path, None))

    def test_asgi_2_and_targets(self):
        app = asgi_app()
        del app["module"]
        targets = {"old": {"module": "asgi_app", "callable": "old"}, "new": {"module": "asgi_app"}}
        self.run_app({**app, "targets": targets})
        self.assertEqual(self.ask("/x").body, b"old /x")
        self.server.api("PUT", f"/config/listeners/{self.listener}/pass",
                        '"applications/app/new"')
        self.assertIn(b"'state': {'x': [1]}", self.ask("/show").body)

    def test_upgrade_is_plain_http(self):
        self.run_app()
        answer = self.ask("/show", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        self.assertEqual(ast.literal_eval(answer.body.decode())["type"], "http")


class Messages(Asgi):
    def setUp(self):
        self.run_app()

    def post(self, path, body):
        with Connection(self.address) as c:
            c.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                   "Connection: close\r\n\r\n")
            c.send(body)
            return c.response()

    def test_body(self):
        self.assertEqual(self.ask("/empty_body").body,
                         b"{'type': 'http.request', 'body': b'', 'more_body': False}")
        for size in 1, 65536, 65537, 3_000_000:
            body = os.urandom(size)
            answer = self.post("/echo", body)
            self.assertEqual(answer.body, body)
            parts = [int(p) for p in answer.get("x-parts").split(",")]
            self.assertLessEqual(max(parts), 65536)
            self.assertEqual(sum(parts), size)
            self.assertNotIn(0, parts)
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            self.assertEqual(c.response().body, b"abcde")

    def test_streaming_both_ways(self):
        body = os.urandom(2_000_000)
        self.assertEqual(self.post("/both_ways", body).body, body)

    def test_answers(self):
        answer = self.ask("/view")
        self.assertEqual((answer.status, answer.body, answer.get("X-A")), (201, b"view", "1"))
        with Connection(self.address) as c:
            c.send("HEAD /large?100 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(c.response(head=True).get("content-length"), "100")
            self.assertEqual(c.get("/large?5000000").body, bytes(5_000_000))
            self.assertEqual(c.get("/large?0").body, b"")

    def test_failures_before_the_answer(self):
        for path in ("raises", "returns", "start_twice", "body_first", "text_headers", "bad_header",
                     "bad_status", "unknown_message", "exits", "no_such_function"):
            answer = self.ask(f"/{path}")
            self.assertEqual((path, answer.status, answer.body), (path, 503, ERROR_503))
        pid = self.server.one('"app" application')
        wait_for("the tracebacks", lambda: "LookupError: before the start" in self.server.text()
                 and "SystemExit: 3" in self.server.text())
        self.assertRegex(self.server.text(),
                         r"#\d+: the application returned before its response was complete")
        self.assertEqual(self.ask("/view").status, 201)
        self.assertEqual(self.server.one('"app" application'), pid)

    def test_failures_in_the_answer(self):
        with Connection(self.address) as c:
            c.send("GET /fails_later HTTP/1.1\r\nHost: x\r\n\r\n")
            with self.assertRaises(Closed):
                c.response()
        with Connection(self.address) as c:
            c.send("GET /start_only HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(c._line(), b"HTTP/1.1 200 OK")
            while c._line():
                pass
            self.assertTrue(c.closed())
        self.assertEqual(self.ask("/too_long").body, b"abcd")
        self.assertIn("Response content longer than Content-Length", self.events())

    def test_disconnect(self):
        """Reset or closed; one that is closed on its side only still gets its answer."""
        for number, linger in enumerate((b"\1\0\0\0\0\0\0\0", None)):
            with Connection(self.address) as c:
                c.send("GET /wait_for_disconnect HTTP/1.1\r\nHost: x\r\n\r\n")
                wait_for("the request", lambda: self.events().count("waiting") == number + 1)
                if linger:
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            wait_for("http.disconnect",
                     lambda: self.events().count("http.disconnect") == number + 1)
        self.assertNotIn("Traceback", self.server.text())
        with Connection(self.address) as c:
            c.send("GET /answers_after_disconnect HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for("the request", lambda: "waiting for the end" in self.events())
            c.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(c.response().body, b"still there")

    def test_disconnect_after_the_end(self):
        self.assertEqual(self.ask("/after_the_end").body, b"done")
        wait_for("http.disconnect", lambda: "http.disconnect" in self.events())

    def test_slow_client(self):
        """send() waits for it; neither worker nor router keeps more than a window."""
        self.ask("/view")
        before = self.rss('"app" application'), self.rss("router")
        with Connection(self.address) as c:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            c.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            seen = [-1]

            def stands():
                now = int(self.ask("/sent").body)
                seen.append(now)
                return now > 0 and seen[-1] == seen[-20:][0] and len(seen) > 20
            wait_for("send() to wait", stands)
            self.assertLess(seen[-1], 16 << 20)
            self.assertLess(self.rss('"app" application') - before[0], 16 << 10)
            self.assertLess(self.rss("router") - before[1], 16 << 10)
            for _ in range(64):                     # it goes on with whoever reads
                c._bytes(1 << 18)
            wait_for("send() to go on", lambda: int(self.ask("/sent").body) > seen[-1])
        wait_for("the end", lambda: "endless ended" in self.events())
        self.assertNotIn("Traceback", self.server.text())


class Concurrency(Asgi):
    def test_200_at_a_time(self):
        self.run_app()
        connections = [Connection(self.address) for _ in range(200)]
        for c in connections:
            c.send("GET /gather?200 HTTP/1.1\r\nHost: x\r\n\r\n")
        pids = set()
        for c in connections:
            pid, most = c.response().body.split()
            pids.add(pid)
            self.assertGreaterEqual(int(most), 200)
            c.close()
        self.assertEqual(len(pids), 1)

    def test_threads_are_loops(self):
        self.run_app(asgi_app(threads=3, processes=2))
        load = Load(self.address, connections=30)
        load.start()
        load.wait_answers(2000)
        load.finish()
        self.server.stop()
        self.assertEqual(self.server.text().count("asgi_app was shut down"), 6)

    def test_request_limit(self):
        self.run_app(asgi_app(limits={"requests": 20}))
        load = Load(self.address, connections=8, path="/sleep?0.01")
        load.start()
        load.wait_answers(300)
        load.finish()

    def test_reloads_under_load(self):
        self.run_app()
        load = Load(self.address, connections=16, path="/sleep?0.02")
        load.start()
        for i in range(5):
            load.wait_answers(100 * (i + 1))
            self.server.api("PUT", "/config", self.config(asgi_app(environment={"N": str(i)})))
        load.finish()
        wait_for("the old ones to go",
                 lambda: self.server.text().count("asgi_app was shut down") == 5)

    def test_long_requests_are_finished(self):
        self.run_app()
        with Connection(self.address) as c:
            c.send("GET /sleep?1 HTTP/1.1\r\nHost: x\r\n\r\n")
            old = self.server.one('"app" application')
            self.ask("/view")                   # so that the one before it has been taken
            os.kill(old, signal.SIGQUIT)
            self.assertEqual(int(c.response().body), old)
        self.assertNotEqual(int(self.ask("/sleep?0").body), old)


class Lifespan(Asgi):
    def refused(self, callable):
        self.server = self.serve(api=True)
        answer = self.server.api("PUT", "/config/applications",
                                 {"app": asgi_app(callable=callable)}, status=500)
        return answer["detail"]

    def test_failed(self):
        self.assertEqual(self.refused("fails_to_start"), 'Application "app" cannot be started: '
                         "ASGI lifespan startup failed: no database.")

    def test_unsupported(self):
        self.run_app(asgi_app(callable="old"))
        wait_for("the line", lambda: "does not use the ASGI lifespan: ValueError('no lifespan here')"
                 in self.server.text())
        self.assertEqual(self.ask("/a").body, b"old /a")

    def test_unknown_answer(self):
        self.run_app(asgi_app(callable="exits_at_start"))
        self.assertEqual(self.ask("/").body, b"{}")
        self.assertIn("it answered 'something.else'", self.server.text())

    def test_shutdown(self):
        self.run_app()
        self.assertEqual(self.events(), ["lifespan.startup"])
        self.server.stop()
        self.assertIn("asgi_app was shut down", self.server.text())

    def test_shutdown_has_a_limit(self):
        self.run_app(asgi_app(callable="never_shuts_down"))
        self.assertEqual(self.ask("/").body, b"up")
        self.server.api("DELETE", "/config/listeners/" + self.listener)
        self.server.api("DELETE", "/config/applications/app")
        wait_for("its end", lambda: not self.server.pids('"app" application'))
        self.assertIn("did not end within 4 s", self.server.text())

    def test_protocol_option(self):
        self.run_app(asgi_app(protocol="asgi"))
        self.assertEqual(self.ask("/view").status, 201)
        self.server.api("PUT", "/config", self.config(asgi_app(protocol="wsgi")))
        self.assertEqual(self.ask("/view").status, 503)


if __name__ == "__main__":
    unittest.main()
