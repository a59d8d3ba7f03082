"""What the service manager is told (sd_notify): ready, reloading, ready again, stopping."""
import os
import signal
import socket
import time
import unittest

import harness
from harness import free_port, get, simple, wait_for


def state(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0]


class Notify(harness.Case):
    def setUp(self):
        self.port = free_port()

    def listen(self, server, name=None):
        """The service manager's socket; name: an abstract one."""
        path = name or str(server.dir / "notify")
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(lambda: (s.close(), (server.dir / "notify").unlink(missing_ok=True)))
        s.bind("\0" + path[1:] if name else path)
        s.settimeout(harness.BOUND)
        server.environment["NOTIFY_SOCKET"] = path
        return s

    def next(self, s, *states):
        """The fields of the next message that says one of these states."""
        while True:
            fields = dict(ln.split("=", 1) for ln in s.recv(65536).decode().splitlines() if ln)
            if any(state in fields for state in states):
                return fields

    def check_life(self, server, s):
        server.start()
        self.assertEqual(self.next(s, "READY")["READY"], "1")
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)
        for config in (simple(self.port, environment={"VERSION": "2"}), "{"):
            # A reload that fails ends it as well: the old configuration serves.
            server.write(config)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            server.process.send_signal(signal.SIGHUP)
            fields = self.next(s, "RELOADING", "READY")
            self.assertEqual(fields.get("RELOADING"), "1", fields)
            self.assertGreaterEqual(int(fields["MONOTONIC_USEC"]), before)
            fields = self.next(s, "RELOADING", "READY")
            self.assertEqual(fields.get("READY"), "1", fields)
            self.assertEqual(get(("127.0.0.1", self.port), "/version").body, b"2")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.next(s, "STOPPING")["STOPPING"], "1")
        self.assertEqual(server.stop(), 0)

    def test_file_mode(self):
        server = self.serve(simple(self.port), start=False)
        self.check_life(server, self.listen(server))

    def test_abstract_socket(self):
        server = self.serve(simple(self.port), start=False)
        self.check_life(server, self.listen(server, f"@{server.dir.name}"))

    def test_api_mode(self):
        server = self.serve(api=True, start=False)
        s = self.listen(server)
        server.start()
        self.assertEqual(self.next(s, "READY")["READY"], "1")
        self.assertEqual(server.api("PUT", "/config", simple(self.port)),
                         {"success": "Reconfiguration done."})
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.next(s, "STOPPING")["STOPPING"], "1")

    def test_watchdog(self):
        """It hears of us as long as the router answers."""
        server = self.serve(simple(self.port), start=False)
        s = self.listen(server)
        server.environment["WATCHDOG_USEC"] = "200000"
        server.start()
        for _ in range(3):
            self.next(s, "WATCHDOG")
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)
        router = server.one("patchbay: router")
        os.kill(router, signal.SIGSTOP)
        try:
            wait_for("the router to stand still", lambda: state(router) == "T")
            s.settimeout(1)  # ten pings long
            with self.assertRaises(TimeoutError):
                while True:  # what it had answered before
                    s.recv(65536)
        finally:
            os.kill(router, signal.SIGCONT)
        s.settimeout(harness.BOUND)
        self.next(s, "WATCHDOG")
        os.kill(router, signal.SIGKILL)
        wait_for("another router", lambda: server.pids("patchbay: router") not in ([], [router]))
        for _ in range(3):
            self.next(s, "WATCHDOG")

    def test_the_watchdog_of_somebody_else(self):
        server = self.serve(simple(self.port), start=False)
        s = self.listen(server)
        server.environment |= {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}
        server.start()
        self.assertEqual(server.stop(), 0)
        s.settimeout(1)
        fields = []
        with self.assertRaises(TimeoutError):
            while True:
                fields.append(s.recv(65536).decode())
        self.assertIn("STOPPING=1", fields)
        self.assertNotIn("WATCHDOG=1", fields)

    def test_nobody_listens(self):
        """A socket that is not there, or full, never stops the daemon."""
        server = self.serve(simple(self.port), start=False)
        server.environment["NOTIFY_SOCKET"] = str(server.dir / "nothing")
        server.start()
        self.assertEqual(server.stop(), 0)
        s = self.listen(server)
        s.close()
        server.start()
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)


if __name__ == "__main__":
    unittest.main()
