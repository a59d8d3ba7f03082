"""The control API against clients that are slow, rude, many or gone, and against hostile documents."""
import os
import random
import select
import threading
import time
import unittest

import control
import document
import harness
from control import DONE
from harness import free_port, get, python_app, simple, wait_for

MIB = 1 << 20


class Slow(control.Expectations, harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)

    def serves_others(self):
        self.done("PUT", "/config/settings", {})
        self.holds({}, "/config/settings")

    def test_one_byte_at_a_time(self):
        text = control.request("PUT", "/config/settings", {"http": {"idle_timeout": 9}})
        with self.server.client() as c:
            for n in range(len(text)):
                c.send(text[n:n + 1])
                if n % 40 == 20:
                    self.serves_others()
                time.sleep(0.002)
            self.check_answer(c.answer(), 200, DONE)
        self.holds({"http": {"idle_timeout": 9}}, "/config/settings")

    def test_requests_never_finished(self):
        clients = []
        for data in (b"", b"G", b"PUT /config HTTP/1.1\r\nContent-Length: 5", control.request(
                "PUT", "/config", "{}", ["X: y"])[:-1], b"PUT /config HTTP/1.1\r\n"
                b"Content-Length: 1000000\r\n\r\n" + b" " * 70000,
                b"PUT /config HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"):
            clients.append(c := self.server.client())
            self.addCleanup(c.close)
            c.send(data)
        self.serves_others()
        for c in clients:
            self.assertEqual(select.select([c.sock], [], [], 0)[0], [])

    def test_answers_never_read(self):
        app = python_app(environment={f"N{n}": "x" * 1000 for n in range(4000)})
        self.done("PUT", "/config", {"applications": {"app": app}})
        for _ in range(10):
            c = self.server.client()
            self.addCleanup(c.close)
            c.send(control.request("GET", "/config"))
        self.done("DELETE", "/config/applications")
        self.serves_others()
        with self.server.client() as c:      # one that reads in the end gets all of what it asked for
            self.done("PUT", "/config", {"applications": {"app": app}})
            c.send(control.request("GET", "/config"))
            time.sleep(0.2)
            self.assertEqual(c.answer().json, {"applications": {"app": app}})
        self.done("DELETE", "/config")

    def test_many_idle_connections(self):
        router = self.server.one("patchbay: router")
        files = lambda: len(os.listdir(f"/proc/{router}/fd"))
        before = files()
        clients = [self.server.client() for _ in range(200)]
        self.serves_others()
        ticks = lambda: sum(map(int, open(f"/proc/{router}/stat").read().rpartition(")")[2]
                                .split()[11:13]))
        wait_for("all of them accepted", lambda: files() >= before + 200)
        start = ticks()
        time.sleep(1)
        self.assertLess(ticks() - start, 20)               # idle ones cost nothing worth a name
        for n, c in enumerate(clients):
            if n % 2:
                c.send(b"GET /con")
            c.close()
        wait_for("their descriptors' end", lambda: files() <= before)
        self.serves_others()

    def test_garbage(self):
        seed = int(os.environ.get("PATCHBAY_SEED", "20261123"))
        rng = random.Random(seed)
        valid = control.request("PUT", "/config/settings", {"http": {"idle_timeout": 9}}, ["A: b"])
        for n in range(300):
            data = bytearray(valid if n % 3 else rng.randbytes(rng.randrange(1, 300)))
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with self.server.client() as c:
                c.send(bytes(data))
                c.sock.shutdown(1)
                raw = c.read()
            with self.subTest(seed=seed, data=bytes(data)):
                if raw:
                    answer = control.parse(raw)
                    self.assertIn(answer.status, (200, 400, 404, 405, 411, 412, 413, 417, 431, 501,
                                                  505))
                    self.assertEqual(answer.body, document.pretty(answer.json))
        self.serves_others()

    def test_connections_closed_at_once(self):                                       # H24
        router = self.server.one("patchbay: router")
        before = len(os.listdir(f"/proc/{router}/fd"))
        for n in range(500):
            with self.server.client() as c:
                c.send([b"", b"GET /", control.request("GET", "/config")][n % 3])
        wait_for("no descriptor left", lambda: len(os.listdir(f"/proc/{router}/fd")) <= before)
        self.serves_others()


class SlowApply(control.Expectations, harness.Case):
    """An application whose start takes as long as the test wants."""

    def setUp(self):
        self.server = self.serve(api=True)
        self.port, self.gate = free_port(), self.server.dir / "gate"
        self.done("PUT", "/config", simple(self.port))
        self.router = self.server.one("patchbay: router")

    def slow(self, **more):
        return python_app("gate", environment={"GATE": str(self.gate)}, **more)

    def begin(self, path="/config/applications/slow", body=None):
        """A client whose change has begun and cannot end before the gate opens."""
        client = self.server.client()
        self.addCleanup(client.close)
        client.send(control.request("PUT", path, body or self.slow()))
        wait_for("the application's start", lambda: self.server.pids('"slow" application'))
        return client

    def unanswered(self, *clients):
        self.assertEqual(select.select([c.sock for c in clients], [], [], 0)[0], [])

    def test_client_leaves_during_its_own_apply(self):                               # A13
        files = lambda: len(os.listdir(f"/proc/{self.router}/fd"))
        self.begin().close()
        # Its place in the queue stays: the next change is applied on top of it.
        second = self.server.client()
        self.addCleanup(second.close)
        second.send(control.request("PUT", "/config/settings", {}))
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)
        self.gate.touch()
        self.check_answer(second.answer(), 200, DONE)
        self.holds({**simple(self.port), "applications": {
            **simple(self.port)["applications"], "slow": self.slow()}, "settings": {}})
        self.assertEqual(len(self.server.pids('"slow" application')), 1)
        self.done("DELETE", "/config/applications/slow")
        wait_for("its processes' end", lambda: self.server.pids('"slow"') == [])
        before = files()
        for _ in range(5):
            self.gate.unlink()
            self.begin().close()
            self.gate.touch()
            wait_for("the change", lambda: "slow" in self.server.get()["applications"])
            self.done("DELETE", "/config/applications/slow")
            wait_for("its processes' end", lambda: self.server.pids('"slow"') == [])
        wait_for("no descriptor left", lambda: files() <= before)

    def test_two_writers(self):                                                      # A12
        before = self.server.get()
        first = self.begin()
        second, third = self.server.client(), self.server.client()
        for c, body in ((second, "2"), (third, "3")):
            self.addCleanup(c.close)
            c.send(control.request("PUT", "/config/settings", {"http": {"idle_timeout": int(body)}}))
            time.sleep(0.1)                      # the order in which they are sent
        # Reads are answered from the current document; a change that is wrong waits its turn, too.
        for path in ("/config", "/status", "/", "/schema", "/readyz", "/healthz"):
            self.assertEqual(self.server.control("GET", path).status, 200)
        self.holds(before)
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)
        self.unanswered(first, second, third)
        self.gate.touch()
        for c in (first, second, third):
            self.check_answer(c.answer(), 200, DONE)
        after = self.server.get()
        self.assertEqual(after["applications"]["slow"], self.slow())
        self.assertEqual(after["settings"]["http"]["idle_timeout"], 3)

    def test_the_second_sees_what_the_first_made(self):
        """Judged against the document as it is when its turn comes."""
        first = self.begin()
        at = f"/config/listeners/127.0.0.1:{free_port()}"
        second = self.server.client()
        self.addCleanup(second.close)
        second.send(control.request("PUT", at, {"pass": "applications/slow"}))
        self.gate.touch()
        self.check_answer(first.answer(), 200, DONE)
        self.check_answer(second.answer(), 200, DONE)
        self.holds("applications/slow", at + "/pass")

    def test_stop_during_an_apply(self):
        client = self.begin()
        self.assertEqual(self.server.stop(), 0)
        client.read()
        self.server.start()
        self.holds(simple(self.port))


class Documents(control.Expectations, harness.Case):
    """A6: bounded time and memory whatever is sent."""

    def setUp(self):
        self.server = self.serve(api=True)
        self.router = self.server.one("patchbay: router")

    def memory(self, field="VmHWM"):
        with open(f"/proc/{self.router}/status") as f:
            return next(int(ln.split()[1]) // 1024 for ln in f if ln.startswith(field))

    def test_depth(self):
        for text in ("[" * 200000, '{"a":' * 200000, "[" * 200000 + "]" * 200000,
                     '{"listeners":' + "[" * 200000):
            got = self.server.api("PUT", "/config", text, status=400)
            self.assertEqual(got["error"], "Invalid JSON.")
        self.holds(control.FIRST)

    def test_size(self):
        million = "{" + ",".join(f'"m{n}":0' for n in range(1_000_000)) + "}"
        for text in (million, "[" + "0," * 15 * MIB + "0]", '"' + "x" * 30 * MIB + '"',
                     '{"' + "x" * 30 * MIB + '":1}', " " * 30 * MIB, "[" + "{}," * 10 * MIB + "{}]",
                     '{"settings":{"http":{"body_temp_path":"' + "/." * 15 * MIB + '"}}}',
                     "[" + "//\n" * 10 * MIB + "]"):
            with self.subTest(text=text[:40], size=len(text)):
                start = time.monotonic()
                answer = self.server.control("PUT", "/config", text)
                self.assertEqual(answer.status, 400)
                self.assertIn(answer.json["error"], ("Invalid JSON.", "Invalid configuration."))
                self.assertLess(time.monotonic() - start, harness.BOUND)
        self.assertLess(self.memory(), 1024)
        self.holds(control.FIRST)

    def test_larger_than_any_configuration(self):
        """The answer can be read, though the client is still sending."""
        with self.server.client() as c:
            head = b"PUT /config HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (100 * MIB)
            sender = threading.Thread(target=lambda: [c.send(head)] +
                                      [c.send(b" " * MIB) for _ in range(100)])
            sender.start()
            answer = c.answer()
            sender.join(harness.BOUND)
        self.assertIn(answer.status, (400, 413))
        self.assertTrue(answer.json["error"])
        self.assertLess(self.memory(), 1024)
        self.holds(control.FIRST)

    def test_many_large_ones_at_once(self):
        clients = [self.server.client() for _ in range(8)]
        for c in clients:
            self.addCleanup(c.close)
            c.send(b"PUT /config HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (31 * MIB))
        self.done("PUT", "/config", {})
        text = b" " * (31 * MIB)
        threads = [threading.Thread(target=c.send, args=(text,)) for c in clients]
        for t in threads:
            t.start()
        for c in clients:
            answer = c.answer()
            self.assertIn((answer.status, answer.json["error"]), (
                (400, "Invalid JSON."), (500, "Memory allocation failed.")))
        for t in threads:
            t.join(harness.BOUND)
        self.assertLess(self.memory(), 1024)
        self.holds({})


class Names(control.Expectations, harness.Case):                                     # A18
    NAMES = ["a/b", "/", "a%b", "%2F", "a%2Fb", 'q"q', "back\\slash", "é", "日本", " space ", "~",
             "~1", "a?b", "a#b", ".", "..", "a//b", "tab\t", "+", "a+b", "\x7f", "😀", "-1", "0",
             "line\nbreak", "\x01", "&<>;", "n" * 600]

    @staticmethod
    def encoded(name):
        return "".join(f"%{b:02X}" if not chr(b).isalnum() or b > 127 else chr(b)
                       for b in name.encode())

    def test_members(self):
        self.server = self.serve(api=True)
        at = "/config/applications/app/environment"
        self.done("PUT", "/config", {"applications": {"app": python_app(environment={})}})
        for name in self.NAMES:
            with self.subTest(name=name[:20]):
                path = f"{at}/{self.encoded(name)}"
                self.expect(404, control.NOT_THERE, "GET", path)
                self.expect(404, control.NOT_THERE, "DELETE", path)
                self.done("PUT", path, document.quoted("value of " + name))
                self.holds({name: "value of " + name}, at)
                self.holds("value of " + name, path)
                self.expect(405, control.NOT_ALLOWED, "POST", path, "1")
                self.done("DELETE", path)
                self.holds({}, at)

    def test_as_few_escapes_as_possible(self):
        self.server = self.serve(api=True)
        at = "/config/applications/app/environment"
        self.done("PUT", "/config", {"applications": {"app": python_app(environment={})}})
        for name in ("a:b*c", "a+b", ".", "..", "~1", "a(b)'c'!$&,;@-_"):
            self.done("PUT", f"{at}/{name}", '"x"')
            self.holds({name: "x"}, at)
            self.done("DELETE", f"{at}/{name}")

    def test_applications(self):
        self.server = self.serve(api=True)
        port = free_port()
        self.done("PUT", "/config", {"applications": {}, "listeners": {}})
        for name in ("a/b c", "100%", 'q"\\', "日本/é", ".."):
            with self.subTest(name=name):
                code = self.encoded(name)
                self.done("PUT", f"/config/applications/{code}", python_app(path=[str(harness.APPS)]))
                self.done("PUT", f"/config/listeners/127.0.0.1:{port}",
                          {"pass": f"applications/{code}"})
                self.assertEqual(get(("127.0.0.1", port)).status, 200)
                self.done("POST", f"/config/applications/{code}/path", '"/x"')
                self.holds("/x", f"/config/applications/{code}/path/1")
                self.expect(200, {"success": "Ok"}, "POST",
                            f"/control/applications/{code}/restart")
                self.holds(document.Number("1"),
                           f"/status/applications/{code}/processes/running")
                self.refused(f'Request "pass" points to invalid location "applications/{code}".',
                             "DELETE", f"/config/applications/{code}")
                self.done("DELETE", f"/config/listeners/127.0.0.1:{port}")
                self.done("DELETE", f"/config/applications/{code}")
                self.holds({}, "/config/applications")


if __name__ == "__main__":
    unittest.main()
