"""One broken part costs the others nothing, says what is wrong with it, and heals by itself."""
import os
import shutil
import signal
import socket
import unittest

import control
import harness
from control import DONE
from document import Number
from harness import free_port, get, python_app, wait_for
from load import Load

FAILED = "Failed to apply new configuration."
RELOAD = ("POST", "/control/reload")
# A whole WSGI application that answers /pid with its process and all else with its version.
SOURCE = """import os

VERSION = "%s"


def application(environ, start_response):
    body = (str(os.getpid()) if environ["PATH_INFO"] == "/pid" else VERSION).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
BROKEN = "import sys\nsys.stderr.write('about to fail: %s\\n')\nimport nosuch_library\n"


class Isolation(control.Expectations, harness.Case):
    def prepare(self, **how):
        self.server = self.serve(start=False, **how)
        self.modules = self.server.dir / "modules"
        self.modules.mkdir()
        self.modules.chmod(0o755)
        self.port, self.other = free_port(), free_port()

    def module(self, text, name="site_app"):
        """Replaces the module's file in one step; no compiled form of the old one stays."""
        shutil.rmtree(self.modules / "__pycache__", ignore_errors=True)
        new = self.modules / "new"
        new.write_text(text)
        new.chmod(0o644)
        new.replace(self.modules / f"{name}.py")

    def app(self, module="site_app", **environment):
        return {"type": "python", "path": str(self.modules), "module": module,
                "environment": {"PYTHONDONTWRITEBYTECODE": "1", **environment}}

    def config(self, app=None, **more):
        return {"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/site"},
                              f"127.0.0.1:{self.other}": {"pass": "applications/steady"}},
                "applications": {"site": app or self.app(), "steady": python_app()}, **more}

    def get(self, path="/", port=None):
        return get(("127.0.0.1", port or self.port), path)

    def version(self):
        return self.get().body.decode()

    def state(self, name="site"):
        return self.server.get(f"/status/applications/{name}/state")

    def check_steady(self):
        self.assertEqual(self.get("/", self.other).status, 200)
        self.assertEqual(self.state("steady"), "ok")


class Start(Isolation):
    """A stored configuration of which parts cannot run (P21)."""

    def setUp(self):
        self.prepare(api=True)
        self.module(SOURCE % "1")
        self.taken = free_port()
        self.listener = f"127.0.0.1:{self.taken}"
        self.all = self.config()
        self.all["listeners"][self.listener] = {"pass": "applications/steady"}
        self.server.start()
        self.done("PUT", "/config", self.all)
        self.stored = (self.server.state / "conf.json").read_bytes()
        self.server.stop()

    def start_broken(self):
        (self.modules / "site_app.py").unlink()
        blocker = socket.create_server(("127.0.0.1", self.taken))
        self.addCleanup(blocker.close)
        self.server.start()
        return blocker

    def test_everything_else_serves(self):
        blocker = self.start_broken()
        self.holds(self.all)
        self.check_steady()
        for _ in range(3):
            self.assertEqual(self.get().status, 503)
        self.assertEqual((self.server.state / "conf.json").read_bytes(), self.stored)
        self.assertEqual(self.server.get("/status/listeners"), {
            f"127.0.0.1:{self.port}": {"state": "open"}, f"127.0.0.1:{self.other}": {"state": "open"},
            self.listener: {"state": "failed", "errno": "EADDRINUSE",
                            "message": "Address already in use"}})
        site = self.server.get("/status/applications/site")
        self.assertIn(site["state"], ("down", "starting"))
        self.assertIn("No module named 'site_app'", site["failure"]["output"])
        self.assertTrue(site["failure"]["message"])
        # Both heal when their cause goes away.
        blocker.close()
        self.module(SOURCE % "2")
        wait_for("the application", lambda: self.get().status == 200)
        self.assertEqual(self.version(), "2")
        wait_for("its state", lambda: self.state() == "ok")
        self.assertNotIn("failure", self.server.get("/status/applications/site"))
        wait_for("the listener",
                 lambda: self.server.get(f"/status/listeners/{self.listener}/state") == "open")
        self.assertEqual(self.get("/", self.taken).status, 200)
        self.holds(self.all)
        self.assertEqual((self.server.state / "conf.json").read_bytes(), self.stored)

    def test_it_can_be_changed_meanwhile(self):
        self.start_broken()
        # What is broken already does not stand in the way of a change elsewhere.
        self.done("PUT", "/config/settings", {"http": {"idle_timeout": 9}})
        self.check_steady()
        self.holds(Number("9"), "/config/settings/http/idle_timeout")
        self.done("DELETE", f"/config/listeners/{self.listener}")
        self.done("DELETE", f"/config/listeners/127.0.0.1:{self.port}")
        self.done("DELETE", "/config/applications/site")
        self.assertEqual(list(self.server.get("/status/applications")), ["steady"])
        self.assertEqual(list(self.server.get("/status/listeners")), [f"127.0.0.1:{self.other}"])
        self.check_steady()

    def test_router_restart_is_no_different(self):
        self.start_broken()
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())
        self.check_steady()
        self.assertEqual(self.get().status, 503)
        self.assertEqual(self.server.get(f"/status/listeners/{self.listener}/state"), "failed")
        self.holds(self.all)


class Reload(Isolation):
    """File mode: a new version of an application that fails."""

    def setUp(self):
        self.prepare()
        self.module(SOURCE % "1")
        self.server.write(self.config())
        self.server.start()

    def broken_reload(self):
        """The application is changed and its module broken; the rest is changed, too."""
        self.module(BROKEN % "one")
        new = self.config(self.app(N="2"), settings={"http": {"server_version": False}})
        new["applications"]["steady"]["environment"] = {"VERSION": "new"}
        self.server.write(new)
        return new

    def check_degraded(self, new):
        self.assertEqual(self.version(), "1")
        self.assertEqual(self.get("/version", self.other).body, b"new")
        self.assertEqual(self.get().get("Server"), "Patchbay")        # settings are the new ones
        self.holds(new)
        site = self.server.get("/status/applications/site")
        self.assertEqual(site["state"], "degraded")
        self.assertIn("No module named 'nosuch_library'", site["failure"]["output"])
        self.assertIn("about to fail: one", site["failure"]["output"])
        self.check_steady()

    def test_old_version_serves_until_it_is_mended(self):
        old = self.server.one('"site" application')
        new = self.broken_reload()
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        self.check_degraded(new)
        self.assertEqual(int(self.get("/pid").body), old)
        load = Load(("127.0.0.1", self.port), connections=4)
        load.start()
        load.wait_answers(20)
        self.module(SOURCE % "mended")
        wait_for("the new version", lambda: self.version() == "mended")
        load.wait_answers(20)
        counts = load.finish()
        self.assertEqual(counts["200"], counts["answers"], load.problems[:5])
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0))
        wait_for("its state", lambda: self.state() == "ok")
        wait_for("the old worker's end", lambda: not harness.alive(old))
        self.assertEqual(len(self.server.pids('"site" application')), 1)
        self.holds(new)

    def test_by_signal(self):
        new = self.broken_reload()
        self.server.reload()
        self.check_degraded(new)
        self.logged(self.server, "No module named 'nosuch_library'")

    def test_back_to_the_old_version(self):
        old = self.server.one('"site" application')
        self.broken_reload()
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        self.server.write(self.config())
        self.expect(200, DONE, *RELOAD)
        self.assertEqual(self.state(), "ok")
        self.assertEqual((self.version(), self.server.one('"site" application')), ("1", old))

    def test_the_next_reload_while_it_is_broken(self):
        self.broken_reload()
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        third = self.config(self.app(N="3"))
        self.server.write(third)
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        self.assertEqual((self.version(), self.state()), ("1", "degraded"))
        self.module(SOURCE % "mended")
        wait_for("the new version", lambda: self.version() == "mended")
        wait_for("one worker", lambda: len(self.server.pids('"site" application')) == 1)

    def test_removed_while_it_is_broken(self):
        self.broken_reload()
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        config = self.config()
        del config["listeners"][f"127.0.0.1:{self.port}"], config["applications"]["site"]
        self.server.write(config)
        self.expect(200, DONE, *RELOAD)
        wait_for("nothing of it", lambda: self.server.pids('"site"') == [])
        self.assertEqual(list(self.server.get("/status/applications")), ["steady"])

    def test_worker_of_the_old_version_dies_while_the_new_one_is_broken(self):
        """Nothing of the old version can be started any more: 503 from it, all else serves."""
        self.broken_reload()
        self.expect(200, {**DONE, "degraded": ["site"]}, *RELOAD)
        old = int(self.get("/pid").body)
        os.kill(old, signal.SIGKILL)
        wait_for("its end", lambda: not harness.alive(old))
        self.assertIn(self.get().status, (200, 503))
        self.check_steady()
        self.module(SOURCE % "mended")
        wait_for("the new version", lambda: self.get().status == 200 and self.version() == "mended")


class Change(Isolation):
    """API mode: a change of which a part fails changes nothing."""

    def setUp(self):
        self.prepare(api=True)
        self.module(SOURCE % "1")
        self.server.start()
        self.done("PUT", "/config", self.config())

    def test_put_with_a_broken_application(self):
        old = self.server.one('"site" application')
        self.module(BROKEN % "two")
        stored = (self.server.state / "conf.json").read_bytes()
        new = self.config(self.app(N="2"), settings={"http": {"server_version": False}})
        got = self.server.api("PUT", "/config", new, status=500)
        self.assertEqual((got["error"], got["application"]), (FAILED, "site"))
        self.assertIn("about to fail: two", got["output"])
        self.assertIn("No module named 'nosuch_library'", got["output"])
        self.holds(self.config())
        self.assertEqual((self.server.state / "conf.json").read_bytes(), stored)
        self.assertEqual(self.version(), "1")
        self.assertNotEqual(self.get().get("Server"), "Patchbay")
        wait_for("the old worker alone", lambda: self.server.pids('"site" application') == [old])
        self.assertEqual(self.state(), "ok")
        self.check_steady()

    def test_restart_with_broken_code(self):
        old = self.server.one('"site" application')
        self.module(BROKEN % "three")
        answer = self.server.control("GET", "/control/applications/site/restart")
        got = answer.json
        self.check_answer(answer, 500, got)
        self.assertEqual((list(got)[:2], got["error"]),
                         (["error", "detail"], "Failed to restart app."))
        self.assertTrue(got["detail"])
        self.assertEqual(int(self.get("/pid").body), old)
        wait_for("the old worker alone", lambda: self.server.pids('"site" application') == [old])
        self.assertEqual((self.version(), self.state()), ("1", "ok"))
        self.module(SOURCE % "2")
        self.expect(200, {"success": "Ok"}, "GET", "/control/applications/site/restart")
        self.assertEqual(self.version(), "2")
        self.holds(self.config())

    def test_restarts_under_load(self):
        self.done("PUT", "/config/applications/site/processes", "2")
        load = Load(("127.0.0.1", self.port), connections=16)
        load.start()
        load.wait_answers(50)
        for n in range(2, 12):
            self.module(SOURCE % n)
            self.expect(200, {"success": "Ok"}, "POST", "/control/applications/site/restart")
            self.assertEqual(self.version(), str(n))
            load.wait_answers(20)
        counts = load.finish()
        self.assertEqual(counts["200"], counts["answers"], (counts, load.problems[:5]))
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         load.problems[:5])
        wait_for("two workers", lambda: len(self.server.pids('"site" application')) == 2)
        wait_for("one prototype", lambda: len(self.server.pids('"site" prototype')) == 1)

    def test_crash_of_one_application(self):
        """Its workers die again and again; the other one's requests and the API see nothing."""
        self.done("PUT", "/config/applications/site", python_app())
        load = Load(("127.0.0.1", self.other), connections=8)
        load.start()
        load.wait_answers(20)
        died = int(self.server.get("/status/applications/site/processes/died"))
        for _ in range(10):
            self.assertEqual(self.get("/kill").status, 503)
            self.check_steady()
        counts = load.finish()
        self.assertEqual(counts["200"], counts["answers"], load.problems[:5])
        wait_for("the deaths to be counted", lambda: (
            (status := self.server.get("/status/applications/site"))
            and int(status["processes"]["died"]) > died
            and int(status["requests"]["failed"]["worker_died"]) > 0))


if __name__ == "__main__":
    unittest.main()
