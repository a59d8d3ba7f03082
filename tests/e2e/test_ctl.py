"""patchbayctl against a real daemon: what an operator types, reads, and gets as exit code."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import unittest

import harness
from harness import free_port, get, python_app, simple, wait_for

CTL = harness.BUILD / "core" / "patchbayctl"
DONE = "Reconfiguration done.\n"
OK, REFUSED, USAGE, NO_ANSWER, DEGRADED, DIFFERS = range(6)


def ctl(server, *arguments, **more):
    """patchbayctl with the server's control socket."""
    environment = {**os.environ, "PATCHBAY_CONTROL": f"unix:{server.dir}/control.sock",
                   **more.pop("environment", {})}
    return subprocess.run([str(CTL), *arguments], capture_output=True, text=True,
                          timeout=harness.BOUND, env=environment, **more)


class Ctl(harness.Case):
    """server: of the test at hand."""

    def run_ctl(self, code, *arguments, **more):
        """stdout; the exit code must be that one."""
        run = ctl(self.server, *arguments, **more)
        self.assertEqual(run.returncode, code, f"{arguments}\n{run.stdout}\n{run.stderr}")
        self.stderr = run.stderr
        return run.stdout

    def file(self, name, content):
        path = self.server.dir / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return str(path)

    def answers(self, port, path="/version"):
        return get(("127.0.0.1", port), path).body.decode()


class Api(Ctl):
    """Configured by the API alone."""

    def setUp(self):
        self.server = self.serve(api=True)
        self.port = free_port()
        self.listener = f"/listeners/127.0.0.1:{self.port}"
        self.config = simple(self.port, environment={"VERSION": "1"})

    def configure(self):
        self.assertEqual(self.run_ctl(OK, "config", "set", "/", "@" + self.file("c", self.config)),
                         DONE)

    def test_set_get_append_delete(self):
        self.assertEqual(self.run_ctl(OK, "config", "get"),
                         '{\n\t"listeners": {},\n\t"routes": [],\n\t"applications": {}\n}\n')
        self.configure()
        self.assertEqual(self.answers(self.port), "1")
        self.assertEqual(json.loads(self.run_ctl(OK, "config", "get")), self.config)
        self.assertEqual(self.run_ctl(OK, "config", "get", self.listener + "/pass"),
                         '"applications/app"\n')
        environment = "applications/app/environment"
        self.assertEqual(self.run_ctl(OK, "config", "set", "--string", environment + "/VERSION",
                                      "2"), DONE)
        self.assertEqual(self.answers(self.port), "2")
        self.run_ctl(OK, "config", "set", environment, '{"VERSION": "3"}')
        self.run_ctl(OK, "config", "set", environment, "-", input='{"VERSION": "4"}')
        self.assertEqual(self.answers(self.port), "4")
        self.run_ctl(OK, "config", "set", "applications/app/path", json.dumps([str(harness.APPS)]))
        self.run_ctl(OK, "config", "append", "applications/app/path", '"/nonexistent"')
        self.assertEqual(json.loads(self.run_ctl(OK, "config", "get", "applications/app/path")),
                         [str(harness.APPS), "/nonexistent"])
        self.run_ctl(OK, "config", "delete", "applications/app/path/1")
        self.assertEqual(self.run_ctl(OK, "config", "delete", self.listener, "--quiet"), "")
        with self.assertRaises(OSError):
            self.answers(self.port)

    def test_names_with_slashes(self):
        path = f"{self.server.dir}/l.sock"
        self.config["listeners"] = {f"unix:{path}": {"pass": "applications/app"}}
        self.configure()
        part = "unix:" + path.replace("/", "%2F")
        self.assertEqual(self.run_ctl(OK, "config", "get", f"/listeners/{part}/pass"),
                         '"applications/app"\n')
        self.run_ctl(OK, "config", "delete", f"listeners/{part}")

    def test_refusals(self):
        self.configure()
        wrong = self.file("wrong.json", '{\n  "listeners": {\n    "127.0.0.1:1": {"pas": "x"}}}')
        for command in (("config", "set", "/", "@" + wrong), ("check", wrong), ("diff", wrong)):
            self.assertEqual(self.run_ctl(REFUSED, *command), "")
            self.assertIn("patchbayctl: Invalid configuration.\n", self.stderr)
            self.assertIn(f"{wrong}:3:21: /listeners/127.0.0.1:1/pas: Unknown parameter \"pas\". "
                          'Did you mean "pass"?', self.stderr)
        part = self.file("part.json", '{\n "pas": "x"}')
        self.run_ctl(REFUSED, "config", "set", self.listener, "@" + part)
        self.assertIn(f"{part}:2:2: ", self.stderr)
        cut = self.file("cut.json", '{\n  "listeners": ')
        self.run_ctl(REFUSED, "check", cut)
        self.assertIn("patchbayctl: Invalid JSON.\n", self.stderr)
        self.assertRegex(self.stderr, re.escape(cut) + r":2:\d+: ")
        self.assertEqual(json.loads(self.run_ctl(REFUSED, "check", wrong, "--json"))["error"],
                         "Invalid configuration.")
        self.run_ctl(REFUSED, "config", "get", "/listenrs")
        self.assertIn('Did you mean "listeners"?', self.stderr)
        self.assertEqual(self.answers(self.port), "1")

    def test_apply_failures(self):
        self.configure()
        taken = free_port()
        with harness.socket.socket() as other:
            other.bind(("127.0.0.1", taken))
            other.listen()
            self.run_ctl(REFUSED, "config", "set", f"/listeners/127.0.0.1:{taken}",
                         '{"pass": "applications/app"}')
        self.assertIn(f'Listener "127.0.0.1:{taken}" cannot be opened', self.stderr)
        self.assertIn("Another process has this address", self.stderr)
        self.run_ctl(REFUSED, "config", "set", "--string", "/applications/app/module", "nosuch")
        self.assertIn("  The last lines it printed:\n    ", self.stderr)
        self.assertIn("nosuch", self.stderr)
        self.assertEqual(self.answers(self.port), "1")

    def test_check_and_diff_change_nothing(self):
        self.configure()
        same = self.file("same", self.config)
        self.assertEqual(self.run_ctl(OK, "check", same), f"{same}: configuration is valid\n")
        self.assertIn("No application and no listener would change.\n",
                      self.run_ctl(OK, "diff", same))
        other = free_port()
        self.config["applications"]["app"]["environment"]["VERSION"] = "2"
        self.config["listeners"][f"127.0.0.1:{other}"] = {"pass": "applications/app"}
        said = self.run_ctl(DIFFERS, "diff", self.file("new", self.config))
        self.assertIn("application app: restart (its options changed)\n", said)
        self.assertIn(f"listener 127.0.0.1:{other}: open\n", said)
        self.assertIn('~ /applications/app/environment/VERSION: "1" -> "2"\n', said)
        self.assertIn(f'+ /listeners/127.0.0.1:{other}: {{"pass":"applications/app"}}\n', said)
        plan = json.loads(self.run_ctl(DIFFERS, "diff", "--json", str(self.server.dir / "new")))
        self.assertEqual(plan["plan"]["applications"]["restart"], ["app"])
        self.assertEqual(self.answers(self.port), "1")

    def test_history_and_rollback(self):
        self.configure()
        for version in "23":
            self.run_ctl(OK, "config", "set", "--string",
                         "/applications/app/environment/VERSION", version)
        self.assertEqual(self.answers(self.port), "3")
        lines = self.run_ctl(OK, "history").splitlines()
        self.assertRegex(lines[0], r"^ *ID  TIME +BY +FROM$")
        self.assertRegex(lines[1], r"^ *\d+  \S+ +\S+ +api +current$")
        ids = [entry["id"] for entry in json.loads(self.run_ctl(OK, "history", "--json"))]
        self.assertEqual(len(lines) - 1, len(ids))
        shown = json.loads(self.run_ctl(OK, "history", "show", str(ids[1])))
        self.assertEqual(shown["applications"]["app"]["environment"]["VERSION"], "2")
        self.assertEqual(self.run_ctl(OK, "rollback"), f"Version {ids[1]} is in effect again.\n")
        self.assertEqual(self.answers(self.port), "2")
        self.run_ctl(OK, "rollback", str(ids[2]))
        self.assertEqual(self.answers(self.port), "1")
        self.run_ctl(REFUSED, "rollback", "999999")
        self.run_ctl(USAGE, "rollback", "before")

    def test_restart(self):
        self.configure()
        before = self.answers(self.port, "/pid")
        self.assertEqual(self.run_ctl(OK, "restart", "app"),
                         'application "app" has been restarted.\n')
        self.assertNotEqual(self.answers(self.port, "/pid"), before)
        self.run_ctl(REFUSED, "restart", "ap")
        self.assertIn('Did you mean "app"?', self.stderr)

    def test_status_modules_schema(self):
        self.configure()
        self.answers(self.port)
        said = self.run_ctl(OK, "status")
        self.assertRegex(said, rf"(?m)^127\.0\.0\.1:{self.port} +open$")
        self.assertRegex(said, r"(?m)^app +ok +1 ")
        self.assertIn("from the control API", said)
        self.assertIn("applications", json.loads(self.run_ctl(OK, "status", "--json")))
        self.assertRegex(self.run_ctl(OK, "modules"), r"(?m)^python +3\.\d+")
        self.assertIn("$schema", json.loads(self.run_ctl(OK, "schema")))

    def test_edit(self):
        self.configure()
        editor = self.file("editor", 'sed -i "s/\\"VERSION\\": \\"1\\"/\\"VERSION\\": \\"$1\\"/" "$2"\n')
        edited = {"EDITOR": f"sh {editor} 2", "TMPDIR": str(self.server.dir)}
        self.assertEqual(self.run_ctl(OK, "config", "edit", environment=edited), DONE)
        self.assertEqual(self.answers(self.port), "2")
        self.assertEqual(self.run_ctl(OK, "config", "edit", environment={"EDITOR": "true"}),
                         "Nothing was changed.\n")
        # Somebody else is faster: the text stays.
        setter = self.file("setter", f"{CTL} config set --string "
                                     "/applications/app/environment/VERSION 3\n"
                                     'echo \'{"VERSION": "4"}\' >"$1"\n')
        self.run_ctl(REFUSED, "config", "edit", "/applications/app/environment",
                     environment={"EDITOR": f"sh {setter}", "TMPDIR": str(self.server.dir)})
        self.assertIn("The configuration has changed.", self.stderr)
        kept = re.search(r"your text is in (\S+)", self.stderr)[1]
        self.assertEqual(json.loads(pathlib.Path(kept).read_text()), {"VERSION": "4"})
        self.assertEqual(self.answers(self.port), "3")

    def test_import_unit(self):
        state = self.server.dir / "unit"
        (state / "certs").mkdir(parents=True)
        (state / "scripts").mkdir()
        (state / "version").write_text("13500\n")
        (state / "conf.json").write_text(json.dumps(self.config, separators=(",", ":")))
        self.assertEqual(self.run_ctl(OK, "import-unit", str(state)), "configuration: taken over\n")
        self.assertEqual(self.answers(self.port), "1")
        (state / "scripts" / "a.js").write_text("export default {}")
        self.run_ctl(DEGRADED, "import-unit", str(state))
        self.assertIn('script "a.js": not taken over', self.stderr)
        self.config["applications"]["app"]["typo"] = 1
        (state / "conf.json").write_text(json.dumps(self.config))
        self.run_ctl(REFUSED, "import-unit", str(state))
        self.assertIn('/applications/app/typo: Unknown parameter "typo".', self.stderr)
        self.run_ctl(REFUSED, "import-unit", str(self.server.dir / "nothing"))
        self.assertEqual(self.answers(self.port), "1")

    def test_progress_on_a_terminal(self):
        """While the router does not answer: a line a second, only where it can be rewritten."""
        self.configure()
        router = self.server.one("patchbay: router")
        main, side = pty.openpty()
        self.addCleanup(os.close, main)
        os.kill(router, signal.SIGSTOP)
        try:
            process = subprocess.Popen(
                [CTL, "--control", f"unix:{self.server.dir}/control.sock", "config", "set",
                 "/settings", "{}"], stderr=side, stdout=subprocess.PIPE)
            os.close(side)
            seen = b""
            while b" 2 s" not in seen:
                seen += os.read(main, 4096)
        finally:
            os.kill(router, signal.SIGCONT)
        self.assertEqual(process.communicate(timeout=harness.BOUND)[0].decode(), DONE)
        self.assertIn(b"waiting for the new configuration ... 1 s", seen)

    def test_timeout(self):
        self.configure()
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGSTOP)
        try:
            self.run_ctl(NO_ANSWER, "--timeout", "1", "status")
            self.assertIn("within 1 s.", self.stderr)
            self.assertNotIn("waiting for", self.stderr)  # no terminal
            self.run_ctl(NO_ANSWER, "--timeout=1", "config", "delete", "/settings")
            self.assertIn("Whether the change was made is not known", self.stderr)
        finally:
            os.kill(router, signal.SIGCONT)


class File(Ctl):
    """Configured by a file."""

    def setUp(self):
        self.port = free_port()
        self.config = simple(self.port, environment={"VERSION": "1"})
        self.server = self.serve(self.config)

    def test_reload(self):
        self.config["applications"]["app"]["environment"]["VERSION"] = "2"
        self.server.write(self.config)
        self.assertEqual(self.run_ctl(OK, "check"), "the configuration file is valid\n")
        self.assertIn("application app: restart (its options changed)\n",
                      self.run_ctl(DIFFERS, "diff"))
        self.assertEqual(self.answers(self.port), "1")
        self.assertEqual(self.run_ctl(OK, "reload"), DONE)
        self.assertEqual(self.answers(self.port), "2")
        self.run_ctl(OK, "diff")
        self.assertIn(f"from {self.server.conf}", self.run_ctl(OK, "status"))

    def test_mistake_in_the_file(self):
        self.server.write('{\n"listeners": {"127.0.0.1:1": {"pas": 1}}}')
        for command in ("check", "diff", "reload"):
            self.run_ctl(REFUSED, command)
            self.assertIn(f"{self.server.conf}:2:", self.stderr)
            self.assertIn('Did you mean "pass"?', self.stderr)
        self.assertEqual(self.answers(self.port), "1")

    def test_edits_are_refused(self):
        self.run_ctl(REFUSED, "config", "set", "/settings", "{}")
        self.assertIn("The configuration comes from a file.\n  Change ", self.stderr)

    def test_degraded(self):
        self.config["applications"]["app"].update(module="nosuch")
        self.server.write(self.config)
        self.run_ctl(DEGRADED, "reload")
        self.assertIn('not everything runs: "app"', self.stderr)
        self.assertIn("nosuch", self.stderr)
        said = self.run_ctl(DEGRADED, "status")
        self.assertRegex(said, r"(?m)^app +degraded ")
        self.assertIn("  the last lines it printed:\n    ", said)

    def test_a_new_application_that_cannot_start(self):
        self.config["applications"]["new"] = {**self.config["applications"]["app"],
                                              "module": "nosuch"}
        self.server.write(self.config)
        for _ in range(2):              # the second time it is not new
            self.run_ctl(DEGRADED, "reload")
            self.assertIn('not everything runs: "new"', self.stderr)
            self.assertIn("nosuch", self.stderr)

    def test_a_language_that_nobody_provides(self):
        self.server.stop()
        self.config["applications"]["other"] = {"type": "other"}
        self.server.write(self.config)
        self.server.start()
        self.run_ctl(DEGRADED, "reload")
        self.assertIn('not everything runs: "other"', self.stderr)
        self.assertIn('application "other" is down: The module to run "other" is not', self.stderr)
        self.assertIn('Install what it needs and reload, or remove it', self.stderr)
        self.run_ctl(DEGRADED, "status")


class NoServer(Ctl):
    def test_errors(self):
        self.server = self.serve(None, start=False)
        self.run_ctl(NO_ANSWER, "status")
        self.assertRegex(self.stderr, r"there is no control socket .*Is patchbayd running\?")
        self.run_ctl(USAGE, "statsu")
        self.assertIn('Did you mean "status"?', self.stderr)
        self.run_ctl(USAGE, "config", "set", "/a", "bare")
        self.assertIn("patchbayctl config set /a '\"bare\"'", self.stderr)
        self.assertIn("import-unit", self.run_ctl(OK, "--help"))
        self.assertRegex(self.run_ctl(OK, "--version"), r"^patchbayctl \d")

    def test_no_access(self):
        self.server = self.serve(simple(free_port()))
        socket = self.server.dir / "control.sock"
        wait_for("the control socket", socket.exists)
        # Root may everything, so it becomes somebody else; others lock themselves out.
        somebody = {"user": 65534, "group": 65534, "extra_groups": []}
        if os.getuid() != 0:
            somebody = {}
            socket.chmod(0)
        self.run_ctl(NO_ANSWER, "status", **somebody)
        self.assertRegex(self.stderr, r'no access to the control socket ".*": it belongs to \w+\. '
                                      r"Use sudo\.")


if __name__ == "__main__":
    unittest.main()
