"""What the control API says about a change it refuses: the rule, the place, the way out."""
import os
import socket
import unittest

import control
import harness
from harness import free_port, get, python_app, simple, wait_for

FAILED = "Failed to apply new configuration."


class Rules(control.Expectations, harness.Case):
    """400: members after Unit's own, in their order."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)
        cls.port = free_port()
        cls.listener = f"127.0.0.1:{cls.port}"
        cls.config = simple(cls.port)
        cls.config["settings"] = {"http": {}}
        cls.server.api("PUT", "/config", cls.config)

    def test_unknown_member(self):                                                   # A8
        got = self.refused('Unknown parameter "pas".', "PUT", f"/config/listeners/{self.listener}",
                           {"pas": "applications/app"},
                           pointer=f"/listeners/{self.listener}/pas", suggestion="pass")
        self.assertEqual(list(got), ["error", "detail", "pointer", "suggestion", "known"])
        self.assertEqual(set(got["known"]), {"pass", "application", "backlog"})
        got = self.refused('Unknown parameter "qwertyuiop".', "PUT", "/config/settings",
                           {"qwertyuiop": 1}, pointer="/settings/qwertyuiop")
        self.assertEqual(list(got), ["error", "detail", "pointer", "known"])
        self.assertLessEqual({"http", "listen_threads"}, set(got["known"]))
        self.assertLessEqual(len(got["known"]), 20)

    def test_single_mistakes(self):
        listener, app = f"/config/listeners/{self.listener}", "/config/applications/app"
        http = "/config/settings/http"
        for path, body, detail, members in (
            (f"{app}/modul", '"x"', 'Unknown parameter "modul".', {"suggestion": "module"}),
            ("/config/listenrs", {}, 'Unknown parameter "listenrs".',
             {"pointer": "/listenrs", "suggestion": "listeners"}),
            ("/config", [], "The configuration must be an object, but not an array.",
             {"pointer": ""}),
            ("/config", '"x"', "The configuration must be an object, but not a string.",
             {"pointer": ""}),
            ("/config/listeners", [], 'The "listeners" value must be an object, but not an array.',
             {"pointer": "/listeners"}),
            (f"{listener}/pass", "1.5", 'The "pass" value must be a string, but not a fractional '
             'number.', {"pointer": f"/listeners/{self.listener}/pass"}),
            (f"{listener}/pass", "true", 'The "pass" value must be a string, but not a boolean.', {}),
            (listener, {}, 'Required parameter "pass" is missing.',
             {"pointer": f"/listeners/{self.listener}"}),
            (f"{listener}/pass", '"applications/ap"',
             'Request "pass" points to invalid location "applications/ap".',
             {"pointer": f"/listeners/{self.listener}/pass", "suggestion": "applications/app",
              "known": ["applications/app"]}),
            (f"{listener}/pass", '"applications//x"',
             'Request "pass" value "applications//x" is invalid.', {}),
            (f"{listener}/pass", '""', 'Request "pass" value "" is invalid.', {}),
            (f"{listener}/application", '"ap"',
             'Listening socket is assigned for a non existing application "ap".',
             {"suggestion": "app"}),
            (f"{listener}/backlog", "-2",
             'The "backlog" number must be equal to or greater than -1.',
             {"allowed": {"minimum": -1, "maximum": 2147483647}}),
            (f"{listener}/backlog", "2147483648", 'The "backlog" number must not exceed 2147483647.',
             {"allowed": {"minimum": -1, "maximum": 2147483647}}),
            (f"{listener}/tls", {}, 'Patchbay is built without the "tls" option support.', {}),
            ("/config/listeners/localhost:80", {"pass": "applications/app"},
             'The listener address "localhost:80" is invalid.',
             {"pointer": "/listeners/localhost:80"}),
            (f"/config/listeners/unix:{'%2Fx' * 54}", {"pass": "applications/app"},
             f'The listener address "unix:{"/x" * 54}" is invalid.',
             {"pointer": "/listeners/unix:" + "~1x" * 54}),
            ("/config/applications/a", {}, 'Application must have the "type" property set.',
             {"pointer": "/applications/a"}),
            ("/config/applications/a", {"type": "pyhton", "module": "x"},
             'The module to run "pyhton" is not found among the available application modules.',
             {"pointer": "/applications/a/type", "suggestion": "python"}),
            ("/config/applications/a", {"type": "python"}, 'Required parameter "module" is missing.',
             {"pointer": "/applications/a"}),
            ("/config/applications/a~b%2Fc", {"type": "python", "module": 1},
             'The "module" value must be a string, but not an integer number.',
             {"pointer": "/applications/a~0b~1c/module"}),
            (f"{app}/processes", "0", 'The "processes" number must be equal to or greater than 1.', {}),
            (f"{app}/threads", "0", 'The "threads" number must be equal to or greater than 1.', {}),
            (f"{app}/protocol", '"wsgj"', 'The "protocol" can either be "wsgi" or "asgi".',
             {"suggestion": "wsgi", "allowed": ["wsgi", "asgi"]}),
            (f"{app}/path", [1], 'The "path" array must contain only string values.',
             {"pointer": "/applications/app/path/0"}),
            (f"{app}/path/0", '"x"', None, {}),
            (f"{app}/environment", {"": "x"}, "The environment name must not be empty.", {}),
            (f"{app}/environment", {"A=B": "x"},
             "The environment name must not contain '=' character.",
             {"pointer": "/applications/app/environment/A=B"}),
            (f"{app}/environment", {"A": 1}, 'The "A" environment value must be a string.',
             {"pointer": "/applications/app/environment/A"}),
            ("/config/settings/listen_threads", "0",
             'The "listen_threads" number must be equal to or greater than 1.', {}),
            (f"{http}/idle_timeout", "-1", 'The "idle_timeout" number must not be negative.',    # A19
             {"pointer": "/settings/http/idle_timeout"}),
            (f"{http}/idle_timeout", "2.5",
             'The "idle_timeout" value must be an integer number, but not a fractional number.', {}),
            (f"{http}/max_body_size", '"8x"',
             'The "max_body_size" value must be an integer number, but not a string.', {}),
            (f"{http}/server_version", "null",
             'The "server_version" value must be a boolean, but not a null.', {}),
        ):
            if detail is None:
                self.expect(404, control.NOT_THERE, "PUT", path, body)
                continue
            with self.subTest(path=path, body=body):
                self.refused(detail, "PUT", path, body, **members)

    def test_removing_what_is_needed(self):
        self.refused('Request "pass" points to invalid location "applications/app".', "DELETE",
                     "/config/applications/app", pointer=f"/listeners/{self.listener}/pass")
        self.refused('Required parameter "pass" is missing.', "DELETE",
                     f"/config/listeners/{self.listener}/pass")
        self.refused('Request "pass" points to invalid location "applications/app".', "PUT",
                     "/config/applications", {})

    def test_first_in_document_order_then_more(self):
        config = dict(self.config, applications={"app": python_app(modul="x", callble="y")})
        config["listeners"] = {self.listener: {"pas": "x"}}
        got = self.refused('Unknown parameter "pas".', "PUT", "/config", config)
        self.assertEqual(list(got), ["error", "detail", "pointer", "suggestion", "known", "more"])
        self.assertEqual(
            [(list(m)[:3], m["detail"], m["pointer"], m["suggestion"]) for m in got["more"]],
            [(["detail", "pointer", "suggestion"], 'Unknown parameter "modul".',
              "/applications/app/modul", "module"),
             (["detail", "pointer", "suggestion"], 'Unknown parameter "callble".',
              "/applications/app/callble", "callable")])
        config = {"applications": config["applications"], "listeners": config["listeners"]}
        self.refused('Unknown parameter "modul".', "PUT", "/config", config)

    def test_at_most_ten_more(self):
        got = self.refused('Unknown parameter "unknown0".', "PUT", "/config",
                           {f"unknown{n}": 1 for n in range(50)})
        self.assertEqual([m["detail"] for m in got["more"]],
                         [f'Unknown parameter "unknown{n}".' for n in range(1, 11)])

    def test_two_spellings_of_one_address(self):                                     # C9
        port = free_port()
        got = self.server.api("PUT", "/config/listeners", {
            self.listener: {"pass": "applications/app"}, f"*:{port}": {"pass": "applications/app"},
            f"0.0.0.0:{port}": {"pass": "applications/app"}}, status=400)
        self.assertEqual(got["error"], "Invalid configuration.")
        self.assertIn(f'"*:{port}"', got["detail"])
        self.assertIn(f'"0.0.0.0:{port}"', got["detail"])


class Apply(control.Expectations, harness.Case):
    """500: what could not be done, and that nothing has changed."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)
        cls.port = free_port()
        cls.config = simple(cls.port)
        cls.server.api("PUT", "/config", cls.config)

    def setUp(self):
        self.router = self.server.one("patchbay: router")
        self.before = (self.server.one('"app" application'), self.descriptors())

    def descriptors(self):
        return tuple(len(os.listdir(f"/proc/{p}/fd"))
                     for p in (self.server.process.pid, self.router))

    def tearDown(self):
        self.holds(self.config)
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)
        wait_for("processes and descriptors as before", lambda: self.before == (
            self.server.one('"app" application'), self.descriptors()))

    def fails_to_bind(self, address, code, errno, message):
        # One that could be opened comes before it, and must not stay open.
        other = free_port()
        config = dict(self.config, listeners={
            f"127.0.0.1:{other}": {"pass": "applications/app"}, **self.config["listeners"],
            address: {"pass": "applications/app"}})
        pointer = "/listeners/" + address.replace("~", "~0").replace("/", "~1")
        self.expect(500, {
            "error": FAILED, "detail": f'Listener "{address}" cannot be opened: {message}.',
            "pointer": pointer, "listener": address, "code": code, "errno": errno,
            "message": message}, "PUT", "/config", config)
        wait_for("the end of what was opened for it", lambda: not self.listens(other))

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def test_in_use(self):                                                           # A3
        taken = free_port()
        with socket.create_server(("127.0.0.1", taken)):
            for _ in range(3):
                self.fails_to_bind(f"127.0.0.1:{taken}", "in_use", "EADDRINUSE",
                                   "Address already in use")
        self.expect(200, control.DONE, "PUT", f"/config/listeners/127.0.0.1:{taken}",
                    {"pass": "applications/app"})
        self.done("DELETE", f"/config/listeners/127.0.0.1:{taken}")

    def test_no_address(self):
        self.fails_to_bind("192.0.2.1:8300", "no_address", "EADDRNOTAVAIL",
                           "Cannot assign requested address")

    def test_path(self):
        self.fails_to_bind("unix:/no/such/directory/socket", "path", "ENOENT",
                           "No such file or directory")
        self.fails_to_bind("unix:/dev/null/socket", "path", "ENOTDIR", "Not a directory")

    def test_unix_socket_in_use(self):
        path = f"{self.server.dir}/taken"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            self.fails_to_bind(f"unix:{path}", "in_use", "EADDRINUSE", "Address already in use")
        os.unlink(path)

    def application_fails(self, name, app):
        path = f"/config/applications/{name}"
        answer = self.server.control("PUT", path, app)
        got = answer.json
        self.check_answer(answer, 500, got)
        names = [n for n in got if n != "pointer"]
        self.assertEqual(names, ["error", "detail", "application", "output"])
        self.assertEqual((got["error"], got["application"]), (FAILED, name))
        self.assertEqual(got.get("pointer", f"/applications/{name}"), f"/applications/{name}")
        self.assertIn(f'"{name}"', got["detail"])
        self.assertTrue(got["detail"].endswith("."), got["detail"])
        self.assertLessEqual(len(got["output"].encode()), 4096)
        self.assertLessEqual(len(got["output"].rstrip("\n").split("\n")), 20)
        wait_for("nothing of it left", lambda: self.server.pids(f'"{name}"') == [])
        return got

    def test_import_error(self):                                                     # A3
        got = self.application_fails("new", python_app("nosuch_module"))
        self.assertIn("ModuleNotFoundError: No module named 'nosuch_module'", got["output"])
        self.logged(self.server, 'Python failed to import module "nosuch_module"')

    def test_a_lot_of_output(self):
        got = self.application_fails("noisy", python_app("noisy_failure"))
        self.assertIn("RuntimeError: the last word", got["output"])
        self.logged(self.server, "RuntimeError: the last word")      # the log has it, too

    def test_worker_that_dies(self):
        answer = self.server.control("PUT", "/config/applications/dying", python_app("crash_at_start"))
        self.assertEqual((answer.status, answer.json["error"], answer.json["application"]),
                         (500, FAILED, "dying"))

    def test_missing_callable(self):
        got = self.application_fails("new", python_app(callable="nosuch"))
        self.assertIn("nosuch", got["detail"] + got["output"])

    def test_existing_application_broken(self):
        for path, body in (("/config/applications/app/module", '"nosuch_module"'),
                           ("/config/applications/app", python_app("crash_at_start"))):
            got = self.server.api("PUT", path, body, status=500)
            self.assertEqual((got["error"], got["application"]), (FAILED, "app"))
            wait_for("the old processes alone", lambda: len(self.server.pids('"app"')) == 2)

    def test_unknown_user(self):
        """Known before anything is started: 400 or 500, but the cause is named."""
        for option, value in (("user", "no-such-user-here"), ("group", "no-such-group-here"),
                              ("working_directory", "/no/such/directory")):
            answer = self.server.control("PUT", "/config/applications/new",
                                         python_app(**{option: value}))
            self.assertIn(answer.status, (400, 500), option)
            self.assertIn(value, answer.json["detail"])


if __name__ == "__main__":
    unittest.main()
