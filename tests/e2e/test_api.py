"""The control API: transport, paths, verbs, and the whole answer to each, byte for byte."""
import re
import unittest

import control
import document
import harness
from control import DONE, FIRST, INVALID_METHOD, NOT_ALLOWED, NOT_THERE
from harness import APPS, free_port, get, python_app, wait_for


class Transport(control.Expectations, harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)

    def raw(self, data):
        return self.server.control("", "", raw=data)

    def test_complete_answer(self):
        raw = self.server.control("GET", "/config/nope").raw
        self.assertRegex(raw, rb"\AHTTP/1\.1 404 Not Found\r\n"
                         rb"Server: Patchbay/\d+\.\d+\.\d+\r\n"
                         rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} "
                         rb"\d\d:\d\d:\d\d GMT\r\n"
                         rb"Content-Type: application/json\r\nContent-Length: 40\r\n"
                         rb"Connection: close\r\n\r\n"
                         rb'\{\r\n\t"error": "Value doesn\'t exist\."\r\n\}\r\n\Z')

    def test_reason_phrases(self):
        for method, path, body, line in (
                ("GET", "/config", None, b"HTTP/1.1 200 OK\r\n"),
                ("PUT", "/config", "{", b"HTTP/1.1 400 Bad Request\r\n"),
                ("POST", "/config", "{}", b"HTTP/1.1 405 Method Not Allowed\r\n")):
            raw = self.server.control(method, path, body).raw
            self.assertTrue(raw.startswith(line), raw[:60])

    def test_what_need_not_be_there(self):
        for data in (b"GET /config HTTP/1.0\r\n\r\n", b"GET /config HTTP/1.1\r\n\r\n",
                     b"GET /config HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
                     b"GET /config?a=b&c HTTP/1.1\r\n\r\n", b"GET /config? HTTP/1.1\r\n\r\n",
                     # One request per connection: the second is not read.
                     b"GET /config HTTP/1.1\r\n\r\nGET /config HTTP/1.1\r\n\r\n"):
            answer = self.raw(data)
            self.check_answer(answer, 200, self.server.get(), data)

    def test_content_type_is_ignored(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "no type at all"):
            self.done("PUT", "/config/settings", {}, [f"Content-Type: {kind}"])

    def test_header_block(self):                                                     # A4
        self.expect(200, self.server.get(), "GET", "/config", None, ["X-Pad: " + "x" * 1950])
        self.expect(200, self.server.get(), "GET", "/config", None, ["X-Pad: " + "x" * 15000])
        many = [f"X-{n}: {'y' * 20}" for n in range(300)]
        self.expect(200, self.server.get(), "GET", "/config", None, many)
        for headers in (["X-Pad: " + "x" * 20000], many * 4):
            answer = self.server.control("GET", "/config", None, headers)
            self.assertEqual(answer.status, 431)
            self.assertTrue(answer.json["error"])

    def test_malformed(self):
        for data in (b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET /config\r\n\r\n",
                     b"GET /config HTTP/3.0\r\n\r\n",
                     b"GET /config HTTP/1.1\r\nNo colon\r\n\r\n",
                     b"GET /config HTTP/1.1\r\nA : b\r\n\r\n",
                     b"GET config HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"):
            answer = self.raw(data)
            self.assertIn(answer.status, (400, 505), data)
            self.assertTrue(answer.json["error"], data)
            self.assertEqual(answer.body, document.pretty(answer.json), data)

    def test_content_length(self):
        for value in ("abc", "-1", "+2", "1x", "", "99999999999999999999999", "2, 2"):
            answer = self.raw(f"PUT /config HTTP/1.1\r\nContent-Length: {value}\r\n\r\n"
                              "{}".encode())
            self.assertIn(answer.status, (400, 413), value)
            self.assertTrue(answer.json["error"], value)
        answer = self.raw(b"PUT /config HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")
        self.assertEqual(answer.status, 400)
        both = (b"PUT /config HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\n{}\r\n0\r\n\r\n")
        self.assertEqual(self.raw(both).status, 400)

    def test_bytes_behind_the_body_are_ignored(self):
        answer = self.raw(b"PUT /config/settings HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}garbage")
        self.check_answer(answer, 200, DONE)

    def test_chunked_body(self):                                                     # A4
        head = b"PUT /config/settings HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        text = b'{"http": {"idle_timeout": 77}}'
        for body in (b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text),
                     b"".join(b"1;x=y\r\n%c\r\n" % c for c in text) + b"0\r\nTrailer: z\r\n\r\n"):
            self.done("PUT", "/config/settings", {})
            self.check_answer(self.raw(head + body), 200, DONE)
            self.holds(document.Number("77"), "/config/settings/http/idle_timeout")
        self.done("PUT", "/config/settings", {})
        for body in (b"x\r\n{}\r\n0\r\n\r\n", b"2\r\n{}X0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n",
                     b"fffffffffffffffff\r\n{}"):
            answer = self.raw(head + body)
            self.assertEqual(answer.status, 400, body)
            self.assertTrue(answer.json["error"], body)

    def test_expect_continue(self):
        with self.server.client() as c:
            c.send(b"PUT /config/settings HTTP/1.1\r\nContent-Length: 2\r\n"
                   b"Expect: 100-continue\r\n\r\n")
            interim = b""
            while not interim.endswith(b"\r\n\r\n"):
                more = c.sock.recv(1)
                self.assertTrue(more, interim)
                interim += more
            self.assertEqual(interim, b"HTTP/1.1 100 Continue\r\n\r\n")
            c.send(b"{}")
            self.check_answer(c.answer(), 200, DONE)

    def test_percent_encoding(self):                                                 # A4
        for path in ("/config/%zz", "/config/%", "/config/a%2", "/%", "/status/%g0",
                     "/control/applications/%x/restart"):
            for method in ("GET", "PUT", "DELETE"):
                answer = self.server.control(method, path, "{}" if method == "PUT" else None)
                self.assertEqual(answer.status, 400, f"{method} {path}")
                self.assertTrue(answer.json["error"])


class Paths(control.Expectations, harness.Case):
    """What is where, and which verbs it takes. Nothing here changes the configuration."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)
        cls.port = free_port()
        cls.config = document.parse(document.compact(harness.simple(cls.port)))
        cls.server.api("PUT", "/config", cls.config)

    def test_overview(self):
        for path in ("/", "//", "/?x"):
            value = self.server.get(path)
            self.assertEqual(list(value)[:3], ["certificates", "config", "status"])
            self.assertEqual(value["certificates"], {})
            self.assertEqual(value["config"], self.config)
            self.assertEqual(document.compact(value["config"]), document.compact(self.config))
            self.assertEqual(list(value["status"]), list(self.server.get("/status")))

    def test_values(self):
        listener = f"127.0.0.1:{self.port}"
        for path, value in (
                ("/config", self.config), ("/config/", self.config), ("//config//", self.config),
                ("/config/listeners", self.config["listeners"]),
                (f"/config/listeners/{listener}/pass", "applications/app"),
                (f"/config//listeners//{listener}//pass///", "applications/app"),
                (f"/config/listeners/{listener.replace(':', '%3A')}/pass", "applications/app"),
                (f"/config/listeners/{listener.replace('.', '%2E')}/p%61ss", "applications/app"),
                ("/%63onfig/applications/app/type", "python")):
            with self.subTest(path=path):
                self.holds(value, path)

    def test_nothing_there(self):
        listener = f"127.0.0.1:{self.port}"
        for path in ("/configx", "/control", "/control/", "/control/applications",
                     "/control/applications/app", "/control/applications/app/restart/x",
                     "/control/applications/nope/restart", "/nope", "/Config", "/config/nope",
                     "/config/listeners/nope", f"/config/listeners/{listener}/pass/x",
                     "/config/listeners/0", "/config/applications/app/type/0",
                     "/config%2Flisteners", "/config/listeners%2F" + listener,
                     "/config/" + "x" * 300, "/config/" + "/".join("abcdefghij" * 50)):
            with self.subTest(path=path[:60]):
                self.expect(404, NOT_THERE, "GET", path)
                if not path.startswith("/config/"):
                    continue
                self.expect(404, NOT_THERE, "DELETE", path)

    def test_invalid_methods(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            for path in ("/", "/status", "/status/requests"):
                with self.subTest(method=method, path=path):
                    self.expect(405, INVALID_METHOD, method, path, "{}")
        for method in ("OPTIONS", "TRACE", "BREW"):
            for path in ("/config", "/config/listeners", "/config/nope"):
                with self.subTest(method=method, path=path):
                    self.expect(405, NOT_ALLOWED, method, path)
        for method in ("DELETE", "PUT", "OPTIONS"):
            self.expect(405, NOT_ALLOWED, method, "/control/applications/app/restart", "{}")
        self.expect(405, NOT_ALLOWED, "POST", "/config", "{}")
        for path in ("/schema", "/healthz", "/readyz"):
            self.assertEqual(self.server.control("DELETE", path).status, 405, path)

    def test_certificates(self):
        self.holds({}, "/certificates")
        self.holds({}, "/certificates/")

    def test_status(self):
        status = self.server.get("/status")
        self.assertEqual(list(status), ["modules", "connections", "requests", "applications",
                                        "listeners", "configuration", "generations"])
        self.assertRegex(status["modules"]["python"]["version"], r"^3\.\d+\.\d+$")
        self.assertTrue(status["modules"]["python"]["lib"].endswith(".so"))
        self.assertEqual(list(status["modules"]), sorted(status["modules"]))
        self.assertEqual(list(status["connections"]), ["accepted", "active", "idle", "closed"])
        self.assertEqual(list(status["requests"])[:1], ["total"])
        self.assertEqual(list(status["applications"]), ["app"])
        app = status["applications"]["app"]
        self.assertEqual(list(app)[:2], ["processes", "requests"])
        self.assertEqual(list(app["processes"])[:5],
                         ["running", "starting", "idle", "started", "died"])
        self.assertEqual(list(app["requests"])[:6],
                         ["active", "total", "queued", "wait", "failed", "client_gone"])
        self.assertEqual(list(app["requests"]["wait"]), ["count", "milliseconds"])
        self.assertEqual(list(app["requests"]["failed"])[:5], ["unavailable", "worker_died",
                                                               "bad_reply", "queue_full",
                                                               "queue_time"])
        self.assertEqual(app["state"], "ok")
        self.assertEqual((app["processes"]["running"], app["processes"]["idle"],
                          app["processes"]["started"], app["processes"]["died"]), (1, 1, 1, 0))
        self.assertEqual(status["listeners"], {f"127.0.0.1:{self.port}": {"state": "open"}})
        applied = status["configuration"]
        self.assertEqual((applied["source"], applied["stored"]), ("api", True))
        self.assertRegex(applied["applied"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(len(status["generations"]), 1)
        generation = status["generations"][0]
        self.assertEqual(list(generation)[:6],
                         ["id", "age", "bindings", "connections", "requests", "current"])
        self.assertEqual((generation["id"], generation["current"]),
                         (applied["generation"], True))

    def test_status_counts(self):
        before = self.server.get("/status")
        with harness.Connection(("127.0.0.1", self.port)) as c:
            for _ in range(3):
                c.get("/")
            after = wait_for("one idle connection", lambda: (
                (s := self.server.get("/status"))["connections"]["idle"] == 1 and s))
            count = lambda *at: self.number(after, at) - self.number(before, at)
            self.assertEqual((count("requests", "total"), count("connections", "accepted"),
                              count("connections", "closed")), (3, 1, 0))
            self.assertEqual(count("applications", "app", "requests", "total"), 3)
            self.assertEqual(count("applications", "app", "requests", "wait", "count"), 3)
            self.assertEqual(after["connections"]["active"], 0)
            # More than the client takes: the worker waits until it does.
            c.send("GET /stream/4000/65536 HTTP/1.1\r\nHost: x\r\n\r\n")
            busy = wait_for("an active request", lambda: (
                (s := self.server.get("/status"))["connections"]["active"] == 1
                and s["applications"]["app"]["requests"]["active"] == 1 and s))
            self.assertEqual(busy["connections"]["idle"], 0)
            self.assertEqual((busy["applications"]["app"]["processes"]["running"],
                              busy["applications"]["app"]["processes"]["idle"]), (1, 0))
        wait_for("the end of the connection",
                 lambda: (s := self.server.get("/status/connections"))["closed"] == s["accepted"]
                 and s["idle"] == 0)

    @staticmethod
    def number(value, at):
        for name in at:
            value = value[name]
        return int(value)

    def test_status_paths(self):
        self.holds(document.Number("1"), "/status/applications/app/processes/running")
        self.holds("ok", "/status/applications/app/state")
        self.holds("open", f"/status/listeners/127.0.0.1:{self.port}/state")
        self.holds(True, "/status/generations/0/current")
        self.holds("api", "/status//configuration/source/")
        for path in ("/status/nope", "/status/requests/nope", "/status/applications/nope",
                     "/status/generations/1", "/status/generations/x", "/status/requests/total/x"):
            self.expect(404, {"error": "Invalid path."}, "GET", path)
        total = self.server.control("GET", "/status/requests/total").body
        self.assertTrue(re.fullmatch(rb"\d+\r\n", total), total)

    def test_health(self):
        for path in ("/healthz", "/readyz"):
            answer = self.server.control("GET", path)
            self.check_answer(answer, 200, answer.json)

    def test_schema(self):
        answer = self.server.control("GET", "/schema")
        schema = answer.json
        self.check_answer(answer, 200, schema)
        self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
        text = answer.body.decode()
        for option in ("listeners", "applications", "settings", "listen_threads", "idle_timeout",
                       "backlog", "pass", "processes", "environment", "module", "callable"):
            self.assertIn(f'"{option}"', text)


class First(control.Expectations, harness.Case):
    def test_document_before_the_first_change(self):
        self.server = self.serve(api=True)
        self.holds(FIRST)
        self.assertEqual(self.server.get("/")["config"], FIRST)
        self.done("PUT", "/config", FIRST)                # what was read can be sent back
        self.holds(FIRST)
        port = free_port()
        self.done("PUT", "/config/applications/app", python_app())
        self.done("PUT", f"/config/listeners/127.0.0.1:{port}", {"pass": "applications/app"})
        self.assertEqual(list(self.server.get()), list(FIRST))
        self.assertEqual(get(("127.0.0.1", port)).status, 200)
        self.done("DELETE", "/config")
        self.holds({})
        with self.assertRaises(ConnectionRefusedError):
            get(("127.0.0.1", port))
        self.done("DELETE", "/config")
        self.expect(404, NOT_THERE, "PUT", "/config/listeners/*:80", {})
        self.done("PUT", "/config/listeners", {})
        self.holds({"listeners": {}})


class Tree(control.Expectations, harness.Case):
    """PUT, POST and DELETE in the depth of the document."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)

    def setUp(self):
        self.config = {"applications": {"app": python_app(path=[str(APPS), "/a", "/b"])}}
        self.done("PUT", "/config", self.config)
        self.path = "/config/applications/app/path"

    def path_is(self, *directories):
        self.holds([str(APPS), *directories], self.path)

    def test_array_put(self):
        self.done("PUT", f"{self.path}/1", "\"/x\"")
        self.path_is("/x", "/b")
        self.done("PUT", f"{self.path}/3", "\"/c\"")
        self.path_is("/x", "/b", "/c")
        for index in ("5", "9999999999999999999999", "x", "1x", "-1", "+1", "1.0", "%20"):
            self.expect(404, NOT_THERE, "PUT", f"{self.path}/{index}", "\"/d\"")
            self.expect(404, NOT_THERE, "DELETE", f"{self.path}/{index}")
            self.expect(404, NOT_THERE, "GET", f"{self.path}/{index}")
        self.expect(404, NOT_THERE, "PUT", f"{self.path}/0/0", "\"/d\"")
        self.path_is("/x", "/b", "/c")

    def test_array_post_and_delete(self):
        self.done("POST", self.path, "\"/c\"")
        self.done("POST", self.path + "/", "\"/d\"")
        self.path_is("/a", "/b", "/c", "/d")
        self.done("DELETE", f"{self.path}/2")
        self.path_is("/a", "/c", "/d")
        self.holds("/c", f"{self.path}/2")
        self.expect(404, NOT_THERE, "DELETE", f"{self.path}/4")
        self.done("DELETE", self.path + "/3")
        self.path_is("/a", "/c")

    def test_post_elsewhere(self):
        self.expect(404, NOT_THERE, "POST", "/config/nope", "1")
        self.expect(404, NOT_THERE, "POST", f"{self.path}/7", "1")
        for path in ("/config/applications", "/config/applications/app/module", f"{self.path}/0"):
            self.expect(405, NOT_ALLOWED, "POST", path, "1")
        self.holds(self.config)

    def test_parents_must_exist(self):
        for path in ("/config/settings/http", "/config/settings/http/idle_timeout",
                     "/config/listeners/*:80/pass", "/config/applications/none/module",
                     "/config/applications/app/module/x"):
            self.expect(404, NOT_THERE, "PUT", path, "1")
        self.holds(self.config)

    def test_members_keep_their_order(self):                                         # C16
        names = [f"N{n}" for n in (7, 3, 11, 1, 12, 5, 9, 2, 8, 10, 4, 6)]
        at = "/config/applications/app/environment"
        self.done("PUT", at, {n: "x" for n in names})
        self.holds({n: "x" for n in names}, at)
        self.assertEqual(list(self.server.get(at)), names)
        self.done("PUT", f"{at}/N1", "\"replaced\"")
        self.assertEqual(list(self.server.get(at)), names)
        self.done("PUT", f"{at}/A", "\"new\"")
        self.assertEqual(list(self.server.get(at)), [*names, "A"])
        self.done("DELETE", f"{at}/N7")
        self.done("PUT", f"{at}/N7", "\"again\"")
        self.assertEqual(list(self.server.get(at)), [*names[1:], "A", "N7"])

    def test_long_names(self):
        name = "n" * 3000
        self.done("PUT", "/config/applications/app/environment", {})
        self.done("PUT", f"/config/applications/app/environment/{name}", "\"x\"")
        self.holds("x", f"/config/applications/app/environment/{name}")
        self.done("DELETE", f"/config/applications/app/environment/{name}")
        self.holds({}, "/config/applications/app/environment")

    def test_equal_document_restarts_nothing(self):                                  # C3
        worker, prototype = self.server.one('"app" application'), self.server.one('"app" prototype')
        self.done("PUT", "/config", self.config)
        shuffled = dict(reversed(list(self.config["applications"]["app"].items())))
        self.done("PUT", "/config/applications/app", document.compact(shuffled).replace(",", " ,\n"))
        self.done("PUT", "/config/settings", {"http": {"idle_timeout": 5}})
        self.assertEqual((self.server.one('"app" application'), self.server.one('"app" prototype')),
                         (worker, prototype))

    def test_listener_answers_when_the_change_is_answered(self):
        for _ in range(10):
            port = free_port()
            self.done("PUT", "/config/listeners",
                      {f"127.0.0.1:{port}": {"pass": "applications/app"}})
            self.assertEqual(get(("127.0.0.1", port)).status, 200)
            self.done("DELETE", f"/config/listeners/127.0.0.1:{port}")
            with self.assertRaises(ConnectionRefusedError):
                get(("127.0.0.1", port))


if __name__ == "__main__":
    unittest.main()
