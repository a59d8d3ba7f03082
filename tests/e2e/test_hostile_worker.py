"""Applications that harm the server they run in (modules/hostile), each beside a healthy one, which
must not notice. Seconds of each harm: PATCHBAY_CHAOS_SECONDS (default 3)."""
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import harness
from harness import Closed, Connection, children, free_port, get, python_app, wait_for
from load import Load

SECONDS = float(os.environ.get("PATCHBAY_CHAOS_SECONDS", "3"))
HOSTILE = harness.BUILD / "tests" / "e2e" / "modules"
FILES = ("encoder_hostile.so", "runtime_hostile.so", "encoder_python.so", "runtime_python.so",
         "runtime_python.paths", "listener_tcp.so")


class HostileWorker(harness.Case):
    def setUp(self):
        modules = tempfile.mkdtemp(prefix="patchbay-e2e-modules-")
        self.addCleanup(shutil.rmtree, modules)
        os.chmod(modules, 0o755)
        for name in FILES:
            source = HOSTILE if "hostile" in name else harness.MODULES
            (pathlib.Path(modules) / name).symlink_to(source / name)
        port, other = free_port(), free_port()
        self.healthy, self.hostile = ("127.0.0.1", port), ("127.0.0.1", other)
        self.calm = {"listeners": {f"127.0.0.1:{port}": {"pass": "applications/healthy"}},
                     "applications": {"healthy": python_app(processes=1)}}
        self.server = self.serve(api=True, arguments=["--modulesdir", modules])
        self.apply(self.calm)
        load = Load(self.healthy, connections=8)       # so that what grows once has grown
        load.start()
        load.wait_answers(100)
        load.finish()
        self.router = self.server.one("patchbay: router")

    def apply(self, config):
        self.server.api("PUT", "/config", config)

    def with_harm(self, harm):
        return {"listeners": {**self.calm["listeners"],
                              "%s:%d" % self.hostile: {"pass": "applications/hostile"}},
                "applications": {**self.calm["applications"],
                                 "hostile": {"type": "hostile", "harm": harm, "processes": 2,
                                             "limits": {"timeout": 1}}}}

    def usage(self):
        """What router and main hold, and which processes there are."""
        main = self.server.process.pid
        count = lambda pid, what: len(os.listdir(f"/proc/{pid}/{what}"))
        maps = pathlib.Path(f"/proc/{self.router}/maps").read_text()
        return (count(self.router, "fd"), count(self.router, "task"),
                len(re.findall("memfd:", maps)), count(main, "fd"), count(main, "task"),
                sorted(children(main).values()))

    def asked(self, path, bound=20):
        """One answer, or the connection closed; anything else, or nothing, is a failure."""
        try:
            with Connection(self.hostile, bound) as c:
                answer = c.get(path, "Connection: close")
                self.assertTrue(c.closed(), "more than one answer")
                return answer.status
        except Closed:
            return None

    def under(self, harm):
        """Load on both for some seconds; then the hostile one is restarted, and removed."""
        before = self.usage()
        self.apply(self.with_harm(harm))
        self.assertEqual(self.asked("/"), 200)
        healthy = Load(self.healthy, connections=8,
                       check=lambda answer: answer.endswith(b"Hello, World!\n"))
        hostile = Load(self.hostile, connections=6, path="/harm")
        healthy.start()
        hostile.start()
        healthy.wait_answers(50)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.asked("/harm")
            healthy.wait_answers(1)
        counts = hostile.finish()
        self.assertEqual((counts["hanging"], counts["refused"]), (0, 0), (counts,
                                                                          hostile.problems[:5]))
        self.server.api("POST", "/control/applications/hostile/restart", status=200)
        self.assertEqual([self.asked("/") for _ in range(4)], [200] * 4, "after the restart")

        self.asked("/harm")                            # and removed while it does harm
        self.apply(self.calm)
        wait_for("the end of its processes", lambda: not self.server.pids('"hostile" application')
                 and not self.server.pids('"hostile" prototype'))
        healthy.wait_answers(50)
        steady = healthy.finish()
        self.assertEqual(steady["200"], steady["answers"], steady)
        self.assertEqual(set(steady) - {"200", "answers"}, {"hanging"}, (steady, healthy.problems[:5]))
        self.assertEqual((steady["hanging"], healthy.problems), (0, []))
        self.assertEqual(self.server.one("patchbay: router"), self.router)
        wait_for(f"no more than before: {before}, now {self.usage()}", lambda: all(
            now <= then if isinstance(then, int) else now == then
            for now, then in zip(self.usage(), before)), 20)
        self.assertEqual(get(self.healthy).status, 200)

    def test_scribbles_over_shared_memory(self):
        self.under("scribble")

    def test_sends_nonsense(self):
        self.under("nonsense")

    def test_closes_every_descriptor(self):
        self.under("close")

    def test_forks_children(self):
        self.under("fork")

    def test_shouts(self):
        self.under("shout")

    def test_is_deaf(self):
        self.under("deaf")

    def test_leaves_at_random(self):
        self.under("leave")


if __name__ == "__main__":
    unittest.main()
