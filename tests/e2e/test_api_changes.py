"""What the control API can do beyond GET, PUT, POST and DELETE."""
import os
import re
import unittest

import control
import document
import harness
from control import DONE, NOT_ALLOWED, NOT_THERE
from document import Number
from harness import free_port, get, python_app, simple, wait_for

VALID = "Configuration is valid."
CHANGED = {"error": "The configuration has changed."}
PATCH = ["Content-Type: application/merge-patch+json"]


class DryRun(control.Expectations, harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)
        cls.ports = [f"127.0.0.1:{free_port()}" for _ in range(4)]
        to = {"pass": "applications/app"}
        cls.config = {
            "listeners": dict.fromkeys(cls.ports[:3], to),
            "applications": {"app": python_app(), "kept": python_app(environment={"A": "1"}),
                             "gone": python_app(environment={"A": "2"})}}
        cls.server.api("PUT", "/config", cls.config)

    def setUp(self):
        self.before = self.state()

    def tearDown(self):
        self.assertEqual(self.state(), self.before)
        self.assertEqual(self.server.get(), self.config)

    def state(self):
        return (self.server.pids("application"), self.server.pids("prototype"),
                self.server.get("/status/configuration/generation"),
                self.server.get("/status/listeners"), self.server.get("/control/history"))

    def plan(self, method, path, body=None, **expected):
        answer = self.server.control(method, path, body)
        got = answer.json
        self.check_answer(answer, 200, got)
        self.assertEqual(list(got)[:2], ["success", "plan"])
        self.assertEqual(got["success"], VALID)
        plan = got["plan"]
        self.assertEqual(list(plan), ["applications", "listeners"])
        self.assertEqual(list(plan["applications"]), ["start", "retire", "keep", "restart"])
        self.assertEqual(list(plan["listeners"]), ["open", "close", "keep", "change"])
        for kind, groups in plan.items():
            for group, names in groups.items():
                wanted = expected.get(f"keep_{kind}" if group == "keep" else group, [])
                self.assertEqual(sorted(names), sorted(wanted), f"{kind} {group}")

    def test_everything_at_once(self):
        one, two, three, four = self.ports
        new = {"listeners": {one: {"pass": "applications/app", "backlog": 5},
                             two: {"pass": "applications/app"},
                             four: {"pass": "applications/new"}},
               "applications": {"new": python_app("nosuch_module"),
                                "kept": dict(reversed(self.config["applications"]["kept"].items())),
                                "app": python_app(environment={"A": "3"})}}
        self.plan("PUT", "/config?dry_run=1", new, start=["app", "new"], retire=["app", "gone"],
                  keep_applications=["kept"], restart=["app"], open=[four], close=[three],
                  keep_listeners=[one, two], change=[one])

    def test_every_verb(self):
        one, two, three, _ = self.ports
        self.plan("DELETE", f"/config/listeners/{one}?dry_run=1", close=[one],
                  keep_listeners=[two, three], keep_applications=["app", "kept", "gone"])
        self.plan("DELETE", "/config?a=b&dry_run=1", close=[one, two, three],
                  retire=["app", "kept", "gone"], keep_listeners=[], keep_applications=[])
        self.plan("PUT", f"/config/listeners/{one}/pass?dry_run=1", '"applications/kept"',
                  change=[one], keep_listeners=[one, two, three],
                  keep_applications=["app", "kept", "gone"])
        self.plan("PUT", "/config?dry_run=1", self.config, keep_listeners=[one, two, three],
                  keep_applications=["app", "kept", "gone"])

    def test_refused_like_the_change_itself(self):
        self.refused('Unknown parameter "pas".', "PUT", "/config/listeners/*:80?dry_run=1",
                     {"pas": "x"}, suggestion="pass")
        self.expect(404, NOT_THERE, "DELETE", "/config/nope?dry_run=1")
        self.expect(405, NOT_ALLOWED, "POST", "/config/applications?dry_run=1", "1")
        answer = self.server.control("PUT", "/config?dry_run=1", "{")
        self.assertEqual((answer.status, answer.json["error"]), (400, "Invalid JSON."))


class MergePatch(control.Expectations, harness.Case):
    def test_patch(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", {"settings": {"listen_threads": Number("1"), "http": {
            "idle_timeout": Number("10"), "send_timeout": Number("20")}}})
        self.done("PATCH", "/config", {"settings": {"http": {
            "send_timeout": None, "idle_timeout": Number("1.1e1"), "body_read_timeout": Number("3"),
            "header_read_timeout": None}}}, PATCH)
        settings = {"listen_threads": Number("1"), "http": {
            "idle_timeout": Number("1.1e1"), "body_read_timeout": Number("3")}}
        self.holds({"settings": settings})
        self.done("PATCH", "/config/settings", {"listen_threads": None}, PATCH)
        self.holds({"settings": {"http": settings["http"]}})
        self.done("PATCH", "/config/settings/http/idle_timeout", "7", PATCH)
        self.holds(Number("7"), "/config/settings/http/idle_timeout")
        self.expect(404, NOT_THERE, "PATCH", "/config/nope/x", "{}", PATCH)
        for body, detail in (({"settings": []},
                              'The "settings" value must be an object, but not an array.'),
                             ({"settings": {"http": {"x": {"y": None}}}}, 'Unknown parameter "x".')):
            before = self.server.get()
            got = self.server.control("PATCH", "/config", body, PATCH)
            self.assertEqual((got.status, got.json["detail"]), (400, detail))
            self.holds(before)
        self.done("PATCH", "/config", {"settings": None}, PATCH)
        self.holds({})


class LostUpdates(control.Expectations, harness.Case):
    def test_if_match(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", {"settings": {"http": {"idle_timeout": 1}}})
        for path, one, two in (("/config/settings/http/idle_timeout", "2", "3"),
                               ("/config/settings/http", '{"idle_timeout":4}', '{}'),
                               ("/config", '{"settings":{}}', '{"settings":{"http":{}}}')):
            with self.subTest(path=path):
                tag = self.server.control("GET", path).get("ETag")
                self.assertRegex(tag, r'^"[^"\s]+"$')
                self.assertEqual(self.server.control("GET", path).get("ETag"), tag)
                self.done("PUT", path, one, [f"If-Match: {tag}"])
                self.assertNotEqual(self.server.control("GET", path).get("ETag"), tag)
                for method, body in (("PUT", two), ("DELETE", None)):
                    self.expect(412, CHANGED, method, path, body, [f"If-Match: {tag}"])
                self.holds(document.parse(one), path)
                fresh = self.server.control("GET", path).get("ETag")
                self.done("PUT", path, two, [f'If-Match: "nonsense", {fresh}'])
                self.done("PUT", path, two, ["If-Match: *"])
                self.expect(412, CHANGED, "PUT", path, one, ['If-Match: "nonsense"'])
                self.holds(document.parse(two), path)

    def test_status_line(self):
        self.server = self.serve(api=True)
        answer = self.server.control("PUT", "/config", "{}", ['If-Match: "x"'])
        self.assertTrue(answer.raw.startswith(b"HTTP/1.1 412 Precondition Failed\r\n"))

    def test_both_of_two_editors_cannot_win(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", {"settings": {"http": {"idle_timeout": 1}}})
        tag = self.server.control("GET", "/config").get("ETag")
        request = lambda n: control.request("PUT", "/config/settings/http/idle_timeout", str(n),
                                            [f"If-Match: {tag}"])
        clients = [self.server.client() for _ in range(8)]
        for n, c in enumerate(clients):
            c.send(request(n + 10))
        statuses = [c.answer().status for c in clients]
        for c in clients:
            c.close()
        self.assertEqual(sorted(statuses), [200] + [412] * 7)
        self.holds(Number(str(10 + statuses.index(200))), "/config/settings/http/idle_timeout")


class Jobs(control.Expectations, harness.Case):
    def start(self, body):
        answer = self.server.control("PUT", "/config", body, ["Prefer: respond-async"])
        self.assertEqual(answer.status, 202, answer)
        self.assertTrue(answer.raw.startswith(b"HTTP/1.1 202 Accepted\r\n"))
        self.assertEqual(list(answer.json), ["job"])
        self.assertRegex(answer.json["job"], r"^/jobs/\d+$")
        return answer.json["job"]

    def ended(self, job):
        got = self.server.control("GET", job)
        return got if {"success", "error"} & set(got.json) else None

    def test_respond_async(self):
        self.server = self.serve(api=True)
        port, gate = free_port(), self.server.dir / "gate"
        config = simple(port, module="gate", environment={"GATE": str(gate)})
        job = self.start(config)
        self.assertIsNone(self.ended(job))
        self.holds(control.FIRST)                          # reads are not kept waiting
        gate.touch()
        answer = wait_for("the job's end", lambda: self.ended(job))
        self.assertEqual(answer.json["success"], DONE["success"])
        self.assertEqual(get(("127.0.0.1", port)).status, 200)
        self.holds(config)
        failing = self.start(simple(port, module="nosuch_module"))
        self.assertNotEqual(failing, job)
        answer = wait_for("the job's end", lambda: self.ended(failing))
        self.assertEqual((answer.json["error"], answer.json["application"]),
                         ("Failed to apply new configuration.", "app"))
        self.holds(config)
        for path in ("/jobs/999999", "/jobs/x", "/jobs/-1"):
            self.assertEqual(self.server.control("GET", path).status, 404, path)


class Restart(control.Expectations, harness.Case):
    def test_restart(self):
        self.server = self.serve(api=True)
        port, name = free_port(), 'a b/c%"é'
        quoted = "a%20b%2Fc%25%22%C3%A9"
        self.done("PUT", "/config", {
            "listeners": {f"127.0.0.1:{port}": {"pass": 'applications/a b%2Fc%25"é'}},
            "applications": {name: python_app(processes=2), "other": python_app()}})
        others = self.server.pids('"other" application')
        pids = lambda: self.server.pids(f'"{name}" application')
        for method in ("GET", "POST"):
            old = pids()
            self.assertEqual(len(old), 2)
            self.expect(200, {"success": "Ok"}, method, f"/control/applications/{quoted}/restart")
            self.assertNotIn(int(get(("127.0.0.1", port), "/pid").body), old)
            wait_for("new workers alone", lambda: len(pids()) == 2 and not set(pids()) & set(old))
        self.assertEqual(self.server.pids('"other" application'), others)
        for path in ("/control/applications/none/restart", "/control/applications/a/restart"):
            self.expect(404, NOT_THERE, "GET", path)
            self.expect(404, NOT_THERE, "POST", path)
        for method in ("PUT", "DELETE"):
            self.expect(405, NOT_ALLOWED, method, f"/control/applications/{quoted}/restart")

    def test_request_in_flight_ends_on_the_old_worker(self):
        self.server = self.serve(api=True)
        port = free_port()
        self.done("PUT", "/config", simple(port))
        old = self.server.one('"app" application')
        with harness.Connection(("127.0.0.1", port)) as c:
            c.send("GET /stream/400/65536 HTTP/1.1\r\nHost: x\r\n\r\n")       # not read meanwhile
            wait_for("the request at the application", lambda: int(self.server.get(
                "/status/applications/app/requests/active")) == 1)
            self.expect(200, {"success": "Ok"}, "GET", "/control/applications/app/restart")
            new = int(get(("127.0.0.1", port), "/pid").body)
            self.assertNotEqual(new, old)
            self.assertTrue(harness.alive(old))
            self.assertEqual(len(c.response().body), 400 * 65536)
        wait_for("the old worker's end", lambda: not harness.alive(old))


class Log(control.Expectations, harness.Case):
    def test_who_changed_it(self):                                                   # A11
        self.server = self.serve(api=True)
        before = len(self.server.text())
        self.done("PUT", "/config", {"settings": {}})
        line = wait_for("the line of the change", lambda: re.search(
            rf"configuration change \(api\) by user {os.getuid()}\n", self.server.text()[before:]))
        self.assertTrue(line)


if __name__ == "__main__":
    unittest.main()
