"""A daemon whose configuration comes from files: who may edit, drift, conf.d, references, units."""
import json
import os
import re
import signal
import subprocess
import unittest

import control
import document
import harness
from control import DONE
from document import Number
from harness import Connection, free_port, get, python_app, simple, wait_for

SECRET = "s3cr3t-\u00e9-value"
RELOAD = ("POST", "/control/reload")


def editable(config):
    return {**config, "settings": {**config.get("settings", {}), "control": {"edits": "allow"}}}


class Edits(control.Expectations, harness.Case):
    def setUp(self):
        self.port = free_port()
        self.config = simple(self.port)

    def test_refused(self):
        self.server = self.serve("// from a file\n" + json.dumps(self.config))
        self.holds(self.config)
        for method, path, body in (("PUT", "/config", "{}"), ("PUT", "/config/settings", "{}"),
                                   ("DELETE", "/config", None),
                                   ("DELETE", "/config/applications/app", None)):
            answer = self.server.control(method, path, body)
            got = answer.json
            self.check_answer(answer, 409, got)
            self.assertEqual((list(got), got["error"]),
                             (["error", "detail"], "The configuration comes from a file."))
            self.assertIn(str(self.server.conf), got["detail"])
            self.assertIn('"settings": {"control": {"edits": "allow"}}', got["detail"])
        answer = self.server.control("DELETE", "/config")
        self.assertTrue(answer.raw.startswith(b"HTTP/1.1 409 Conflict\r\n"))
        self.holds(self.config)
        self.assertEqual(self.server.api("PUT", "/config?dry_run=1", self.config)["success"],
                         "Configuration is valid.")
        self.refused('Unknown parameter "pas".', "PUT", "/config/listeners/*:80?dry_run=1",
                     {"pas": 1})
        status = self.server.get("/status/configuration")
        self.assertEqual((status["source"], status["file"]), ("file", str(self.server.conf)))
        self.assertEqual(status.get("drift", []), [])
        # A restart changes no configuration.
        self.expect(200, {"success": "Ok"}, "POST", "/control/applications/app/restart")

    def test_allowed_and_drift(self):
        self.config = editable(self.config)
        self.server = self.serve(self.config)
        text = self.server.conf.read_bytes()
        self.done("PUT", "/config/settings/http", {"idle_timeout": 7})
        self.holds(Number("7"), "/config/settings/http/idle_timeout")
        drift = self.server.get("/status/configuration/drift")
        self.assertEqual([p for p in drift if not "/settings/http".startswith(p)
                          and p != "/settings/http/idle_timeout"], [])
        self.assertEqual(len(drift), 1)
        self.done("PUT", "/config/applications/app/environment", {"VERSION": "drifted"})
        self.assertEqual(get(("127.0.0.1", self.port), "/version").body, b"drifted")
        self.assertEqual(len(self.server.get("/status/configuration/drift")), 2)
        self.assertEqual(self.server.conf.read_bytes(), text)
        self.expect(200, DONE, *RELOAD)
        self.holds(self.config)
        self.assertEqual(self.server.get("/status/configuration").get("drift", []), [])
        self.assertEqual(get(("127.0.0.1", self.port), "/version").body, b"none")
        self.done("PUT", "/config/settings/http", {"idle_timeout": 7})
        self.server.reload()
        self.holds(self.config)
        self.assertEqual(self.server.get("/status/configuration").get("drift", []), [])

    def test_drift_survives_the_router(self):
        self.server = self.serve(editable(self.config))
        self.done("PUT", "/config/settings/http", {"idle_timeout": 7})
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())
        self.holds(Number("7"), "/config/settings/http/idle_timeout")
        self.assertEqual(len(self.server.get("/status/configuration/drift")), 1)

    def test_restart_takes_the_file(self):
        self.server = self.serve(editable(self.config))
        self.done("PUT", "/config/settings/http", {"idle_timeout": 7})
        self.server.stop()
        self.server.start()
        self.holds(editable(self.config))

    def test_wrong_value(self):
        self.server = self.serve(self.config)
        bad = editable(self.config)
        bad["settings"]["control"]["edits"] = "alow"
        self.server.write(bad)
        got = self.server.api(*RELOAD, status=400)
        self.assertEqual((got["error"], got["suggestion"]), ("Invalid configuration.", "allow"))


class Reload(control.Expectations, harness.Case):
    def test_reload(self):
        port = free_port()
        self.server = self.serve(simple(port, environment={"VERSION": "1"}))
        new = simple(port, environment={"VERSION": "2"})
        self.server.write(new)
        plan = self.server.api("POST", "/control/reload?dry_run=1")["plan"]
        self.assertEqual((plan["applications"]["restart"], plan["listeners"]["keep"]),
                         (["app"], [f"127.0.0.1:{port}"]))
        self.assertEqual(get(("127.0.0.1", port), "/version").body, b"1")
        self.expect(200, DONE, *RELOAD)
        self.holds(new)
        self.assertEqual(get(("127.0.0.1", port), "/version").body, b"2")
        for text, error in (("{", "Invalid JSON."), ('{"listenrs": {}}', "Invalid configuration.")):
            self.server.write(text)
            got = self.server.api(*RELOAD, status=400)
            self.assertEqual(got["error"], error)
            self.holds(new)
        self.server.conf.unlink()
        answer = self.server.control(*RELOAD)
        self.assertIn(answer.status, (400, 500))
        self.assertIn("No such file or directory", answer.json["detail"])
        self.holds(new)
        self.assertEqual(self.server.control("DELETE", "/control/reload").status, 405)

    def test_without_files(self):
        """Only the modules are looked at again (test_modules)."""
        self.server = self.serve(api=True)
        self.server.api("PUT", "/config/settings", {"listen_threads": 1})
        self.server.api(*RELOAD, status=200)
        self.assertEqual(self.server.get("/config/settings"), {"listen_threads": 1})
        self.server.process.send_signal(signal.SIGHUP)
        wait_for("the line", lambda: "signal signo:1 (SIGHUP) received, ignored" in self.server.text())

    def test_history_of_files(self):
        port = free_port()
        self.server = self.serve(simple(port, environment={"VERSION": "1"}))
        self.server.reload(simple(port, environment={"VERSION": "2"}))
        entries = self.server.get("/control/history")
        self.assertEqual([e["origin"] for e in entries[:2]], ["file", "file"])
        self.holds(simple(port, environment={"VERSION": "1"}), f"/control/history/{entries[1]['id']}")


class Directory(control.Expectations, harness.Case):
    """conf.d/*.json beside the file."""

    def setUp(self):
        self.port, self.other = free_port(), free_port()
        self.server = self.serve(simple(self.port), start=False)
        (self.server.dir / "conf.d").mkdir()

    def write(self, name, config):
        text = config if isinstance(config, str) else json.dumps(config)
        (self.server.dir / "conf.d" / name).write_text(text)

    def check(self):
        return subprocess.run([*self.server.command(), "-t"], capture_output=True, text=True,
                              timeout=harness.BOUND)

    def listener(self, to="app"):
        return {"listeners": {f"127.0.0.1:{self.other}": {"pass": f"applications/{to}"}}}

    def test_merged(self):
        self.server.write({**simple(self.port), "settings": {"http": {"idle_timeout": 9}}})
        self.write("20-b.json", {"settings": {"http": {"send_timeout": 8}, "listen_threads": 1}})
        self.write("10-a.json", "// first\n" + json.dumps(
            {**self.listener("two"), "applications": {"two": python_app()}}))
        for ignored in ("README", "30.json.bak", ".hidden.json.swp", "x.jsonc"):
            self.write(ignored, "nonsense")
        self.server.start()
        merged = simple(self.port)
        merged["listeners"].update(self.listener("two")["listeners"])
        merged["applications"]["two"] = python_app()
        merged["settings"] = {"http": {"idle_timeout": 9, "send_timeout": 8}, "listen_threads": 1}
        self.holds(merged)
        self.assertEqual(get(("127.0.0.1", self.other)).status, 200)
        (self.server.dir / "conf.d" / "10-a.json").unlink()
        self.server.reload()
        self.assertEqual(list(self.server.get("/config/listeners")), [f"127.0.0.1:{self.port}"])
        self.write("15.json", self.listener())
        self.expect(200, DONE, *RELOAD)
        self.assertEqual(get(("127.0.0.1", self.other)).status, 200)

    def test_conflict_names_both_files(self):
        self.write("a.json", self.listener())
        self.write("b.json", self.listener())
        run = self.check()
        self.assertEqual(run.returncode, 1)
        self.assertIn(str(self.server.dir / "conf.d" / "a.json"), run.stderr)
        self.assertIn(str(self.server.dir / "conf.d" / "b.json"), run.stderr)
        self.assertIn(f"/listeners/127.0.0.1:{self.other}", run.stderr)
        (self.server.dir / "conf.d" / "b.json").unlink()
        self.server.start()
        before = self.server.get()
        for config, pointer in ((simple(self.port), f"/listeners/127.0.0.1:{self.port}"),
                                ({"applications": {"app": python_app()}}, "/applications/app")):
            self.write("c.json", config)
            got = self.server.api(*RELOAD, status=400)
            self.assertEqual((got["error"], got["pointer"]), ("Invalid configuration.", pointer))
            places = [got["location"], *(m["location"] for m in got["more"])]
            self.assertEqual({p["file"] for p in places},
                             {str(self.server.conf), str(self.server.dir / "conf.d" / "c.json")})
            self.server.reload(refused=True)
            self.holds(before)
        self.write("c.json", {"settings": {"http": {"idle_timeout": 1}}})
        self.write("d.json", {"settings": {"http": {"idle_timeout": 1}}})      # equal or not: twice
        self.assertEqual(self.server.api(*RELOAD, status=400)["pointer"],
                         "/settings/http/idle_timeout")

    def test_mistakes_are_placed_in_their_file(self):
        for text, place, said in (
                ('{"listeners":\n  {"127.0.0.1:1": {"pas": "x"}}}', "2:20", 'Unknown parameter "pas"'),
                ('{"settings": {}, \n}x', "2:2", "Unexpected character after the end"),
                ('{"applications": {"é": {"type": 1}}}', "1:33", 'The "type" value must be a string')):
            self.write("z.json", text)
            run = self.check()
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stderr, rf"(?m)^{re.escape(str(self.server.dir))}/conf\.d/z\.json:"
                                         rf"{place}: .*{re.escape(said)}")

    def test_the_file_alone(self):
        (self.server.dir / "conf.d").rmdir()
        self.server.start()
        self.holds(simple(self.port))


class References(control.Expectations, harness.Case):
    """${env:…} and ${file:…}: the application sees the value, nobody else does (A20)."""

    def setUp(self):
        self.port = free_port()
        self.server = self.serve(start=False, environment={"PB_SECRET": SECRET, "PB_EMPTY": ""})
        self.file = self.server.dir / "secret"
        self.file.write_text(SECRET + "\n")
        self.file.chmod(0o600)

    def config(self, text):
        return simple(self.port, environment={"VERSION": text})

    def version(self):
        return get(("127.0.0.1", self.port), "/version").body.decode()

    def test_expanded_for_the_application_only(self):
        self.server.write(self.config("${env:PB_SECRET}"))
        self.server.start()
        for text, value in (
                ("${env:PB_SECRET}", SECRET), (f"${{file:{self.file}}}", SECRET),
                (f"<${{file:{self.file}}}|${{env:PB_SECRET}}>", f"<{SECRET}|{SECRET}>"),
                ("${env:PB_NONE:-other}", "other"), ("${env:PB_NONE:-}", ""),
                ("${env:PB_SECRET:-other}", SECRET), ("$${env:PB_SECRET}", "${env:PB_SECRET}"),
                ("${env:PB_EMPTY}", ""),
                ("${env:PB_EMPTY:-other}", "other"), ("${host} $env $ $$5 {", "${host} $env $ $$5 {")):
            with self.subTest(text=text):
                self.server.reload(self.config(text))
                self.assertEqual(self.version(), value)
                self.holds(self.config(text))
        self.server.reload(self.config(f"${{file:{self.file}}}"))
        self.assertNotIn(SECRET, self.server.control("POST", "/control/reload?dry_run=1").body.decode())
        for path in ("/", "/config", "/config/applications/app/environment/VERSION", "/status",
                     "/control/history", "/control/history/1", "/schema"):
            self.assertNotIn(SECRET, self.server.control("GET", path).body.decode(), path)
        self.assertNotIn(SECRET, self.server.text())
        for p in self.server.state.rglob("*"):
            if p.is_file():
                self.assertNotIn(SECRET.encode(), p.read_bytes(), p)
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())
        self.assertEqual(self.version(), SECRET)

    def test_a_changed_file_counts(self):
        self.server.write(self.config(f"${{file:{self.file}}}"))
        self.server.start()
        worker = self.server.one('"app" application')
        self.expect(200, DONE, *RELOAD)
        self.assertEqual(self.server.one('"app" application'), worker)
        self.file.write_text("first line\nrotated\n\n")
        self.expect(200, DONE, *RELOAD)
        self.assertEqual(self.version(), "first line\nrotated\n")      # one line break is dropped

    def test_in_other_places(self):
        self.server.environment["PB_APP"] = "app"
        config = self.config("1")
        config["listeners"][f"127.0.0.1:{self.port}"]["pass"] = "applications/${env:PB_APP}"
        self.server.write(config)
        self.server.start()
        self.assertEqual(self.version(), "1")
        self.holds(config)

    def test_errors(self):
        self.server.write(self.config("1"))
        self.server.start()
        (self.server.dir / "nul").write_bytes(b"a\0b")
        before = self.server.get()
        for text, said in (
                ("${env:PB_NONE}", "PB_NONE"),
                ("${file:/no/such/file}",
                 '^The file "/no/such/file" cannot be opened: No such file or directory\\.$'),
                (f"${{file:{self.server.dir}}}", "(?i)a directory|regular file"),
                (f"${{file:{self.server.dir}/nul}}", "(?i)nul"),
                ("${file:relative}", "absolute path"), ("${env:}", "name"), ("${env:PB_SECRET", "name")):
            with self.subTest(text=text):
                self.server.write(self.config(text))
                got = self.server.api(*RELOAD, status=400)
                self.assertEqual(got["error"], "Invalid configuration.")
                self.assertRegex(got["detail"], said)
                self.assertEqual(got["pointer"], "/applications/app/environment/VERSION")
                self.assertNotIn(SECRET, json.dumps(got, ensure_ascii=False))
                self.holds(before)
        self.assertEqual(self.version(), "1")
        self.server.write(self.config("${env:PB_NONE}"))
        run = subprocess.run([*self.server.command(), "-t"], capture_output=True, text=True,
                             timeout=harness.BOUND)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"patchbay\.json:\d+:\d+: .*PB_NONE")

    def test_a_wrong_value_is_not_shown(self):
        """An error about an expanded value says where, not what."""
        config = self.config("1")
        config["applications"]["app"]["protocol"] = "${env:PB_SECRET}"
        self.server.write(self.config("1"))
        self.server.start()
        self.server.write(config)
        answer = self.server.control(*RELOAD)
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json["pointer"], "/applications/app/protocol")
        self.assertNotIn(SECRET, answer.body.decode())
        self.server.reload(refused=True)
        self.assertNotIn(SECRET, self.server.text())


class Units(control.Expectations, harness.Case):
    def test_taken(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", {"settings": {"http": {}}})
        for option, values in (("idle_timeout", ("30s", "5m", "2h", "1d", "2000ms")),
                               ("max_body_size", ("64k", "8m", "1g", "64K", "1kb", "1MB", "2KiB"))):
            for value in values:
                self.done("PUT", f"/config/settings/http/{option}", document.quoted(value))
                self.holds(value, f"/config/settings/http/{option}")

    def test_refused(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", {"settings": {"http": {}}})
        for option, values in (("idle_timeout", ("30", "500ms", "s", "-5s", "1.5m", "5 parsecs", "64k",
                                                 "99999999999999999999d", "", "1s1s")),
                               ("max_body_size", ("64", "30s", "k", "-1k", "99999999999g"))):
            for value in values:
                with self.subTest(option=option, value=value):
                    got = self.refused(
                        f'The "{option}" value must be an integer number, but not a string.', "PUT",
                        f"/config/settings/http/{option}", document.quoted(value),
                        pointer=f"/settings/http/{option}")
                    self.assertTrue(got["known"])
        self.refused('The "idle_timeout" number must not exceed 2147483647.', "PUT",
                     "/config/settings/http/idle_timeout", '"99999d"')

    def test_effective(self):
        self.server = self.serve(api=True)
        port = free_port()
        config = simple(port)
        config["settings"] = {"http": {"max_body_size": "64k", "idle_timeout": "1s"}}
        self.done("PUT", "/config", config)
        for size, status in ((65536, 200), (65537, 413)):
            with Connection(("127.0.0.1", port)) as c:
                c.send(f"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
                       + b"x" * size)
                self.assertEqual(c.response().status, status)
        with Connection(("127.0.0.1", port)) as c:
            self.assertEqual(c.response().status, 408)
        # The same quantity written in another way is the same configuration.
        config["settings"]["http"] = {"max_body_size": 65536, "idle_timeout": 1}
        worker = self.server.one('"app" application')
        self.done("PUT", "/config", config)
        self.assertEqual(self.server.one('"app" application'), worker)


if __name__ == "__main__":
    unittest.main()
