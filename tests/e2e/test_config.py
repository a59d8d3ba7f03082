"""Configurations with every kind of mistake, through `patchbayd -t`: what a person reads."""
import json
import re
import subprocess
import unittest

import harness
from harness import python_app


def good():
    return {"listeners": {"127.0.0.1:8301": {"pass": "applications/app"}},
            "applications": {"app": python_app()}}


def changed(path, value):
    """The good configuration with one value replaced, added or (None) removed."""
    config = good()
    at = config
    for part in path[:-1]:
        at = at.setdefault(part, {})
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return config


L, A = ("listeners", "127.0.0.1:8301"), ("applications", "app")
H = ("settings", "http")

MISTAKES = [
    (changed(("listenrs",), {}), r'/listenrs: Unknown parameter "listenrs"\. Did you mean "listeners"\?'),
    (changed((*L, "pas"), "x"), r'Unknown parameter "pas"\. Did you mean "pass"\?'),
    (changed((*L, "pass"), 5), r'The "pass" value must be a string, but not an integer number\.'),
    (changed((*L, "pass"), None), r'Required parameter "pass" is missing\.'),
    (changed((*L, "pass"), "applications/ap"),
     r'Request "pass" points to invalid location "applications/ap"\.'),
    (changed((*L, "pass"), "applications//x"), r'Request "pass" value "applications//x" is invalid\.'),
    (changed((*L, "pass"), "foo/bar"), r'Request "pass" points to invalid location "foo/bar"\.'),
    (changed((*L, "application"), "nope"),
     r'Listening socket is assigned for a non existing application "nope"\.'),
    (changed((*L, "backlog"), -2), r'The "backlog" number must be equal to or greater than -1\.'),
    (changed((*L, "backlog"), 2147483648), r'The "backlog" number must not exceed 2147483647\.'),
    (changed((*L, "tls"), {}), r'Patchbay is built without the "tls" option support\.'),
    (changed((*A, "type"), None), r'Application must have the "type" property set\.'),
    (changed((*A, "type"), "pyhton"), r'The module to run "pyhton" is not found among the available '
                                      r'application modules\.'),
    (changed((*A, "type"), "python 2.7"), r'The module to run "python 2\.7" is not found'),
    (changed((*A, "module"), None), r'Required parameter "module" is missing\.'),
    (changed((*A, "modul"), "x"), r'Unknown parameter "modul"\. Did you mean "module"\?'),
    (changed((*A, "processes"), 0), r'The "processes" number must be equal to or greater than 1\.'),
    (changed((*A, "processes"), "2"), r'The "processes" value must be (an integer number|either an '
                                      r'integer number or an object), but not a string\.'),
    (changed((*A, "processes"), 1.5), r'The "processes" value must be .* but not a fractional number\.'),
    (changed((*A, "threads"), 0), r'The "threads" number must be equal to or greater than 1\.'),
    (changed((*A, "path"), [1]), r'The "path" array must contain only string values\.'),
    (changed((*A, "environment"), {"A=B": "x"}), r"The environment name must not contain '=' character\."),
    (changed((*A, "environment"), {"": "x"}), r'The environment name must not be empty\.'),
    (changed((*A, "environment"), {"A": 1}), r'The "A" environment value must be a string\.'),
    (changed((*A, "isolation"), {"rootfs": "srv"}), r'The "rootfs" value must be an absolute path\.'),
    (changed((*A, "user"), "no-such-user-here"), r'no-such-user-here'),
    (changed((*A, "working_directory"), "/no/such/directory"), r'/no/such/directory'),
    (changed(("settings", "listen_threads"), 0),
     r'The "listen_threads" number must be equal to or greater than 1\.'),
    (changed((*H, "idle_timeout"), -1), r'The "idle_timeout" number must not be negative\.'),
    (changed((*H, "max_body_size"), "8 M"),
     r'The "max_body_size" value must be an integer number, but not a string\.'),
    (changed((*H, "body_temp_path"), "/no/such/directory"), r'body_temp_path.*/no/such/directory'),
    (changed(("routes",), [{}]), r'Patchbay is built without the "routes" option support\.'),
    (changed(("listeners",), []), r'The "listeners" value must be an object, but not an array\.'),
    (changed(("listeners", "localhost:80"), {"pass": "applications/app"}),
     r'The listener address "localhost:80" is invalid\.'),
    (changed(("listeners", "unix:"), {"pass": "applications/app"}),
     r'The listener address "unix:" is invalid\.'),
    ({"listeners": {"*:8302": {"pass": "applications/app"}, "0.0.0.0:8302": {"pass": "applications/app"}},
      "applications": {"app": python_app()}}, r'"\*:8302".*"0\.0\.0\.0:8302"|"0\.0\.0\.0:8302".*"\*:8302"'),
    ("[]", r'The configuration must be an object, but not an array\.'),
    ("", r"An empty JSON payload isn't allowed\."),
    ('{"listeners": {}', r"There's an object without a closing brace"),
    ('{"listeners": {}, "listeners": {}}', r'Duplicate object member\.'),
    ('{"a": }', r'A valid JSON value is expected here\.'),
    ("[" * 200000, r'.'),
]


class Check(harness.Case):
    def check(self, config):
        server = self.serve(config, start=False)
        run = subprocess.run([*server.command(), "-t"], capture_output=True, text=True,
                             timeout=harness.BOUND)
        return server, run

    def test_good(self):
        text = "\ufeff// a comment\n" + json.dumps(good())[:-1] + ", /* and a comma */ }\n"
        server, run = self.check(text)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(run.stdout.startswith(f"{server.conf}: configuration is valid\n"
                                              "A start would do this:\n"), run.stdout)
        self.assertIn("application app: start\n", run.stdout)
        server, run = self.check("{}")
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_mistakes(self):
        for config, said in MISTAKES:
            with self.subTest(said=said):
                server, run = self.check(config)
                self.assertEqual(run.returncode, 1, run.stderr)
                self.assertRegex(run.stderr, said)
                # Each line says file, line and column.
                self.assertRegex(run.stderr, rf"(?m)^{re.escape(str(server.conf))}:\d+:\d+: ")
                self.assertFalse(server.log.exists() and "started" in server.text())

    def test_several_mistakes_are_all_named(self):
        config = changed((*L, "pas"), "x")
        config["applications"]["app"]["modul"] = "y"
        _, run = self.check(config)
        self.assertIn('"pas"', run.stderr)
        self.assertIn('"modul"', run.stderr)

    def test_missing_file(self):
        server = self.serve(None, start=False)
        for more in ([], ["-t"]):
            run = subprocess.run([*server.command(), *more], capture_output=True, text=True,
                                 timeout=harness.BOUND)
            self.assertEqual(run.returncode, 1)
            self.assertIn(str(server.conf), run.stderr)
            self.assertIn("No such file or directory", run.stderr)

    def test_start_with_a_mistake_says_so_and_ends(self):
        server = self.serve(changed((*L, "pas"), "x"), start=False)
        run = subprocess.run(server.command(), capture_output=True, text=True,
                             timeout=harness.BOUND)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r'patchbay\.json:\d+:\d+: .*Unknown parameter "pas"')

    def test_list_modules(self):
        server = self.serve(None, start=False)
        run = subprocess.run([*server.command(), "--list-modules", "--json"], capture_output=True,
                             text=True, timeout=harness.BOUND)
        self.assertEqual(run.returncode, 0, run.stderr)
        ids = {m["id"] for m in json.loads(run.stdout)["modules"]}
        self.assertLessEqual({"listener.tcp", "listener.unix", "encoder.python", "runtime.python",
                              "encoder.go", "runtime.go", "encoder.external", "runtime.external"},
                             ids)
        run = subprocess.run([*server.command(), "--list-modules"], capture_output=True,
                             text=True, timeout=harness.BOUND)
        for module in ids:
            self.assertIn(module, run.stdout)


if __name__ == "__main__":
    unittest.main()
