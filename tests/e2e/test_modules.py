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

    def two_sites(self):
        """One in Python and one in a language that nobody provides."""
        self.other = free_port()
        site = self.site()
        site["listeners"][f"127.0.0.1:{self.other}"] = {"pass": "applications/other"}
        site["applications"]["other"] = {"type": "other", "option": "value", "processes": 2}
        return site

    def status_at(self, port):
        with harness.Connection(("127.0.0.1", port)) as c:
            return c.get("/").status

    def state(self, server, name="app"):
        return server.get("/status")["applications"][name]

    def kill_router(self, server):
        router = server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("another router", lambda: server.pids("patchbay: router") not in ([], [router]))
        wait_for("its configuration", server.ready)

    def test_a_language_goes_while_it_is_configured(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        workers = server.pids('"app" application')
        self.uninstall("encoder_python", "runtime_python")
        answer = server.api("POST", "/control/reload")
        self.assertEqual(answer["degraded"], ["app"])
        self.assertEqual(answer["left_out"][0]["pointer"], "/applications/app")
        self.assertIn('is the package "patchbay-python" installed?',
                      answer["left_out"][0]["message"])
        self.logged(server, 'application "app" goes on with what is loaded')
        # What runs goes on, also through the death of a worker.
        self.assertTrue(self.serves())
        self.assertEqual(server.pids('"app" application'), workers)
        os.kill(workers[0], signal.SIGKILL)
        wait_for("another worker", lambda: server.pids('"app" application') not in ([], workers))
        self.assertTrue(self.serves())
        self.assertEqual(self.state(server)["state"], "degraded")
        # Another router cannot start it. All else goes on.
        self.kill_router(server)
        wait_for("503", lambda: self.status_at(self.port) == 503)
        self.assertEqual(self.state(server)["state"], "down")
        self.logged(server, 'application "app" is left out, its requests get 503')
        # What is new must have its module; without it the configuration is right again.
        server.reload(self.site(processes=2), refused=True)
        server.reload({"listeners": {}})
        self.assertNotIn("python", server.get("/status")["modules"])
        self.assertEqual(server.get("/status")["configuration"]["left_out"], [])

    def test_a_start_without_a_language(self):
        """From a file, then from what was stored: the others are served, and the language comes."""
        for api in (False, True):
            with self.subTest(api=api):
                self.port = free_port()
                server = self.serve_with("encoder_python", "runtime_python", api=api)
                if api:
                    server.state.mkdir()
                    (server.state / "conf.json").write_text(json.dumps(self.two_sites()))
                else:
                    server.write(self.two_sites())
                server.start()
                self.assertTrue(self.serves())
                self.assertEqual(self.status_at(self.other), 503)
                self.logged(server, 'application "other" is left out, its requests get 503: '
                                    'The module to run "other" is not found')
                other = self.state(server, "other")
                self.assertEqual(other["state"], "down")
                self.assertIn('Install what it needs and reload, or remove it',
                              other["failure"]["message"])
                self.assertEqual(server.get("/status")["configuration"]["left_out"][0]["pointer"],
                                 "/applications/other")
                self.assertEqual(self.state(server)["state"], "ok")

    def test_a_language_is_there_again(self):
        server = self.serve_with(api=True)
        server.state.mkdir()
        (server.state / "conf.json").write_text(json.dumps(self.site()))
        server.start()
        self.assertEqual(self.status_at(self.port), 503)
        router = server.one("patchbay: router")
        self.install("encoder_python")  # half of it
        self.assertIn("application modules", server.api("POST", "/control/reload")
                      ["left_out"][0]["message"])
        self.install("runtime_python")
        self.assertNotIn("left_out", server.api("POST", "/control/reload"))
        self.assertTrue(self.serves())
        self.assertEqual(server.one("patchbay: router"), router)
        self.assertEqual(json.loads((server.state / "conf.json").read_text()), self.site())

    def test_the_router_dies_without_the_language(self):
        """No reload has told anybody that the files are gone."""
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        self.uninstall("encoder_python", "runtime_python", "listener_unix")
        self.kill_router(server)
        self.logged(server, 'application "app" is left out, its requests get 503: ')
        self.assertEqual(self.status_at(self.port), 503)
        self.assertIn("encoder_python.so: cannot be loaded", self.state(server)["failure"]["message"])
        self.install("encoder_python", "runtime_python")
        wait_for("the application, which is tried again",
                 lambda: self.status_at(self.port) == 200)
        server.reload()
        self.assertTrue(self.serves())

    def test_a_listener_type_goes(self):
        server = self.serve_with("encoder_python", "runtime_python")
        path = server.dir / "app.sock"
        site = self.site()
        site["listeners"][f"unix:{path}"] = {"pass": "applications/app"}
        server.write(site)
        server.start()
        self.uninstall("listener_unix")
        answer = server.api("POST", "/control/reload")
        self.assertEqual(answer["left_out"][0]["message"].split(". ")[0],
                         f'The module to open the listener "unix:{path}" is not found among the '
                         "available listener modules")
        self.assertEqual(harness.get(str(path)).status, 200)  # it is open, and stays it
        self.kill_router(server)
        wait_for("the other listener", self.serves_by_now)
        self.assertEqual(server.get("/status")["listeners"][f"unix:{path}"]["state"], "failed")
        self.logged(server, f'listener "unix:{path}" is left out')
        self.install("listener_unix")
        server.reload()
        self.assertEqual(harness.get(str(path)).status, 200)

    def test_a_broken_file_in_the_place_of_a_module(self):
        server = self.serve_with("encoder_python", "runtime_python")
        server.write(self.site())
        server.start()
        self.uninstall("runtime_python")
        (self.modules / "runtime_python.so").write_bytes(b"\x7fELF nonsense")
        answer = server.api("POST", "/control/reload")
        self.assertIn("runtime_python.so: cannot be loaded", answer["left_out"][0]["message"])
        self.assertTrue(self.serves())
        self.install("runtime_python")
        self.assertNotIn("degraded", server.api("POST", "/control/reload"))
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
        for name in ("encoder_python", "listener_tcp"):
            self.assertRegex(self.mapped(router), rf"{name}\.so\n")  # the new file
        # The old ones go with the last generation that uses them.
        wait_for("the end of the old files", lambda: "(deleted)" not in self.mapped(router))

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
