"""An orderly end: which requests are finished, how long it takes, and that nothing is left."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

import harness
from harness import Closed, Connection, alive, free_port, get, simple, wait_for

TERM, QUIT, INT = signal.SIGTERM, signal.SIGQUIT, signal.SIGINT


def shared_memory():
    return set(os.listdir("/dev/shm"))


class Case(harness.Case):
    def setUp(self):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)

    def ask(self, path):
        """A connection with a request that a worker has taken."""
        c = Connection(self.address)
        self.addCleanup(c.close)
        c.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        return c

    def end(self, server, *signals):
        """Sends them one after the other; (exit code, seconds until the end)."""
        began = time.monotonic()
        for s in signals[:-1]:
            server.process.send_signal(s)
            wait_for("the signal", lambda: f"({s.name}) received" in server.text())
        return server.stop(signals[-1]), time.monotonic() - began


class Deadlines(Case):
    """The bounds here are far from what is measured; see core/main/supervisor.cpp."""

    def test_term_ends_what_does_not_end(self):
        server = self.serve(simple(self.port))
        stuck = self.ask("/sleep/3600")
        time.sleep(0.3)
        code, took = self.end(server, TERM)
        self.assertEqual(code, 0, server.text()[-2000:])
        self.assertGreater(took, 4.5)
        self.assertLess(took, 40)
        with self.assertRaises(Closed):
            stuck.response()

    def test_quit_waits_longer_than_term(self):
        server = self.serve(simple(self.port))
        slow = self.ask("/sleep/7")
        time.sleep(0.3)
        server.process.send_signal(QUIT)
        wait_for("the end of listening", lambda: self.refused())
        self.assertEqual(slow.response().body, b"slept")
        self.assertEqual(server.stop(QUIT), 0)     # a second one would be "now"; it has ended

    def refused(self):
        try:
            Connection(self.address).close()
            return False
        except ConnectionRefusedError:
            return True

    def test_a_second_signal_means_now(self):
        for signals in ((TERM, TERM), (QUIT, TERM), (QUIT, INT)):
            with self.subTest(signals=signals):
                server = self.serve(simple(self.port))
                stuck = self.ask("/sleep/3600")
                time.sleep(0.3)
                code, took = self.end(server, *signals)
                self.assertEqual(code, 0, server.text()[-2000:])
                self.assertLess(took, 30)
                with self.assertRaises(Closed):
                    stuck.response()

    def test_idle_servers_end_at_once(self):
        for s in (TERM, QUIT, INT):
            server = self.serve(simple(self.port))
            idle = Connection(self.address)
            self.addCleanup(idle.close)
            self.assertEqual(idle.get("/").status, 200)
            code, took = self.end(server, s)
            self.assertEqual((code, idle.closed()), (0, True))
            self.assertLess(took, 40)

    def test_stopped_worker(self):
        server = self.serve(simple(self.port))
        os.kill(server.one('"app" application'), signal.SIGSTOP)
        self.assertEqual(self.end(server, TERM)[0], 0, server.text()[-2000:])

    def test_stopped_prototype(self):
        server = self.serve(simple(self.port))
        os.kill(server.one('"app" prototype'), signal.SIGSTOP)
        self.assertEqual(self.end(server, TERM)[0], 0, server.text()[-2000:])

    def test_stopped_router(self):
        server = self.serve(simple(self.port))
        os.kill(server.one("patchbay: router"), signal.SIGSTOP)
        self.assertEqual(self.end(server, TERM, TERM)[0], 0, server.text()[-2000:])
        self.logged(server, "the router did not end in time and is killed")

    def test_while_it_starts(self):
        for delay in (0, 0.02, 0.1, 0.2):
            server = self.serve(simple(self.port), start=False)
            server.stderr = open(server.dir / "stderr", "wb")
            server.process = subprocess.Popen(server.command(), stderr=server.stderr)
            wait_for("the pid file", (server.dir / "pid").exists)
            time.sleep(delay)
            self.assertEqual(server.stop(), 0, server.text()[-2000:])
            self.assertFalse(server.socket.exists())


class Queue(Case):
    def test_accepted_by_the_kernel_is_answered(self):                             # P14
        for s in (TERM, QUIT):
            server = self.serve(simple(self.port, processes=2))
            router = server.one("patchbay: router")
            os.kill(router, signal.SIGSTOP)        # from here on the kernel alone accepts
            waiting = [self.ask("/") for _ in range(50)]
            server.process.send_signal(s)
            wait_for("the signal", lambda: f"({s.name}) received" in server.text())
            os.kill(router, signal.SIGCONT)
            for c in waiting:
                self.assertEqual(c.response().status, 200)
            self.assertEqual(server.stop(0), 0)


class NothingIsLeft(Case):
    def test_files_and_memory(self):
        before = shared_memory()
        server = self.serve(simple(self.port), start=False)
        config = simple(self.port)
        path = server.dir / "listener.sock"
        config["listeners"][f"unix:{path}"] = {"pass": "applications/app"}
        server.write(config)
        server.start()
        self.assertEqual(get(str(path)).status, 200)
        family = [server.process.pid, *harness.children(server.process.pid)]
        server.process.send_signal(TERM)
        wait_for("the control socket to vanish", lambda: not server.socket.exists())
        # Who waits for that may start the next daemon: everything else has gone before.
        self.assertFalse((server.dir / "pid").exists() or path.exists())
        self.assertEqual([p for p in family[1:] if alive(p)], [])
        following = self.serve(config, start=False)
        following.start()
        self.assertEqual(get(self.address).status, 200)
        self.assertEqual(server.stop(0), 0)
        self.assertEqual(following.stop(), 0)
        self.assertEqual(sorted(p.name for p in server.dir.iterdir()),
                         ["patchbay.json", "patchbay.log", "state", "stderr"])
        self.assertEqual(shared_memory() - before, set())

    def test_what_applications_leave_behind_does_not_hold_us(self):
        server = self.serve(simple(self.port, module="orphans"))
        self.assertEqual(get(self.address, "/long").status, 200)
        pids = harness.children(server.process.pid)
        server.process.send_signal(TERM)
        try:
            self.assertEqual(server.process.wait(30), 0)
            left = [p for p in pids if alive(p)]
            self.assertEqual(len(left), 1)
            self.assertFalse(server.socket.exists())
        finally:
            for p in pids:
                if alive(p):
                    os.kill(p, signal.SIGKILL)


class FirstProcess(Case):
    """P12: in a container the daemon is process 1, and everybody's heir."""

    def setUp(self):
        super().setUp()
        try:
            done = subprocess.run(["unshare", "-fp", "--mount-proc", "true"], capture_output=True)
        except FileNotFoundError:
            self.skipTest("there is no unshare")
        if done.returncode != 0:
            self.skipTest("no PID namespace: " + done.stderr.decode().strip())

    def test_grandchildren_are_reaped(self):
        server = self.serve(simple(self.port, module="orphans"), start=False,
                            wrapper=["unshare", "-fp", "--mount-proc", "--kill-child"])
        server.start()
        [main] = [p for p, t in harness.children(server.process.pid).items()
                  if "patchbay: main" in t]
        self.assertEqual((server.dir / "pid").read_text(), "1\n")
        self.assertEqual(get(self.address, "/short").status, 200)
        self.assertEqual(get(self.address, "/long").status, 200)

        def main_has():
            """Its children, zombies included: {pid: state}."""
            found = {}
            for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
                try:
                    pid, _, rest = stat.read_text().partition(" (")
                    state, parent = rest.rpartition(")")[2].split()[:2]
                except OSError:
                    continue
                if int(parent) == main:
                    found[int(pid)] = state
            return found
        # Router, prototype and the one that does not end.
        wait_for("nothing but living children",
                 lambda: len(c := main_has()) == 3 and "Z" not in c.values())
        os.kill(main, TERM)
        self.assertEqual(server.process.wait(harness.BOUND), 0)
        self.assertFalse((server.dir / "pid").exists())


if __name__ == "__main__":
    unittest.main()
