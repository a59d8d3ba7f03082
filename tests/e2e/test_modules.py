"""Modules that come, change and go while the server runs: a reload looks at the directory again."""
import json
import os
import shutil
import signal
import unittest

import harness
from harness import MODULES, free_port, python_app, wait_for


class Modules(harness.Case):
    """Each server has a modules directory of its own, with the listeners to begin with."""

    def setUp(self):
        self.port = free_port()

    def serve_with(self, *names, **more):
        server = harness.Server(start=False, **more)
        self.addCleanup(harness.finish, server)
        self.modules = server.dir / "modules"
        self.modules.mkdir()
        server.arguments += ["--modulesdir", str(self.modules)]
        self.install("listener_tcp", "listener_unix", *names)
        return server

    def install(self, *names):
        """As a package manager does it: under another name first."""
        for name in names:
            temporary = self.modules / f"{name}.so.dpkg-new"
            shutil.copyfile(MODULES / f"{name}.so", temporary)
            temporary.replace(self.modules / f"{name}.so")

    def uninstall(self, *names):
        for name in names:
            (self.modules / f"{name}.so").unlink()

    def site(self, **app):
        return {"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                "applications": {"app": python_app(**app)}}

    def serves(self):
        with harness.Connection(("127.0.0.1", self.port)) as c:
            return c.get("/").status == 200

    def serves_by_now(self):
        try:
            return self.serves()
        except (OSError, harness.Closed):
            return False

    def test_a_language_comes(self):
        server = self.serve_with()
        server.write({})
        server.start()
        server.reload(self.site(), refused=True)
        self.logged(server, 'is the package "patchbay-python" installed?')
        self.assertNotIn("python", server.get("/status")["modules"])
        self.install("encoder_python", "runtime_python")
        server.reload()
        self.assertTrue(self.serves())
        self.assertIn("python", server.get("/status")["modules"])
        # A router that is started again has it as well.
        router = server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("another router", lambda: server.pids("patchbay: router") not in ([], [router]))
        wait_for("the same configuration", self.serves_by_now)

    def test_a_language_goes_while_it_is_configured(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        workers = server.pids('"app" application')
        self.uninstall("encoder_python", "runtime_python")
        answer = server.api("POST", "/control/reload", status=400)
        self.assertEqual(answer["problems"][0]["reason"] if "problems" in answer
                         else answer["reason"], 'is the package "patchbay-python" installed?')
        # What runs goes on, also through the death of a worker and of the router.
        self.assertTrue(self.serves())
        self.assertEqual(server.pids('"app" application'), workers)
        os.kill(workers[0], signal.SIGKILL)
        wait_for("another worker", lambda: server.pids('"app" application') not in ([], workers))
        self.assertTrue(self.serves())
        # Without it the configuration is right again.
        server.reload({"listeners": {}})
        self.assertNotIn("python", server.get("/status")["modules"])

    def test_the_router_dies_without_the_language(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        self.uninstall("encoder_python", "runtime_python")
        router = server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        self.logged(server, "failed to apply previous configuration")
        self.install("encoder_python", "runtime_python")
        wait_for("the configuration, which is tried again", self.serves_by_now)
        server.reload()
        self.assertTrue(self.serves())

    def test_another_version_of_a_module(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        workers = server.pids('"app" application')
        server.reload()
        self.assertEqual(server.pids('"app" application'), workers)
        router = server.one("patchbay: router")
        with harness.Connection(("127.0.0.1", self.port)) as c:
            self.assertEqual(c.get("/").status, 200)
            self.install("encoder_python", "runtime_python", "listener_tcp")
            server.reload()
            self.assertEqual(c.get("/").status, 200)
        wait_for("new workers", lambda: set(server.pids('"app" application')).isdisjoint(workers))
        self.assertTrue(self.serves())
        self.assertEqual(server.one("patchbay: router"), router)
        for name in ("encoder_python", "listener_tcp"):  # the new files; the linker may keep the old
            self.assertRegex(self.mapped(router), rf"{name}\.so\n")

    def mapped(self, pid):
        """What of our modules a process has mapped."""
        with open(f"/proc/{pid}/maps") as f:
            return "".join(line for line in f if str(self.modules) in line)

    def test_a_broken_module_harms_nothing(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        (self.modules / "other.so").write_bytes(b"\x7fELF nonsense")
        server.reload()
        self.logged(server, "other.so: cannot be loaded")
        self.assertTrue(self.serves())
        # It is looked at each time: what it needs may have come.
        before = len(server.text())
        server.reload()
        self.logged(server, "other.so: cannot be loaded", since=before)

    def test_api_mode(self):
        server = self.serve_with(api=True)
        server.start()
        server.api("PUT", "/config", self.site(), status=400)
        self.install("encoder_python", "runtime_python")
        server.api("PUT", "/config", self.site(), status=400)
        kept = server.get("/control/history")
        plan = server.api("POST", "/control/reload?dry_run=1")
        self.assertEqual(plan["changed"], [])
        server.api("POST", "/control/reload")
        self.assertEqual(server.get("/control/history"), kept)
        server.api("PUT", "/config", self.site())
        self.assertTrue(self.serves())
        self.assertEqual(json.loads((server.state / "conf.json").read_text()), self.site())


if __name__ == "__main__":
    unittest.main()
