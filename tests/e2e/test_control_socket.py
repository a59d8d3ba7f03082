"""The control socket itself: where it is, whose it is, how long it lives."""
import grp
import os
import pwd
import signal
import socket
import stat
import subprocess
import time
import unittest

import control
import document
import harness
from harness import free_port, wait_for

CONNECT = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
           "try:\n    s.connect(sys.argv[1])\nexcept OSError as e:\n    sys.exit(e.strerror)\n"
           "s.sendall(sys.argv[2].encode() + b'\\r\\n\\r\\n')\nprint(s.recv(15).decode())\n")
ROOT = os.getuid() == 0


class ControlSocket(control.Expectations, harness.Case):
    def as_user(self, user, line, **more):
        """What a client of another user is told."""
        run = subprocess.run(["/usr/bin/python3", "-c", CONNECT, str(self.server.socket), line],
                             user=user, capture_output=True, text=True, timeout=harness.BOUND, **more)
        return (run.stdout or run.stderr).strip()

    def test_mode_and_end(self):
        self.server = self.serve(api=True)
        info = self.server.socket.stat()
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, os.getuid()))
        self.assertEqual(self.server.stop(), 0)
        self.assertFalse(self.server.socket.exists())

    @unittest.skipUnless(ROOT, "needs root")
    def test_other_users(self):                                                      # A11
        self.server = self.serve(api=True)
        self.assertEqual(self.as_user("nobody", "GET /config HTTP/1.1"), "Permission denied")
        self.server.stop()
        self.server.arguments = ["--control-mode", "0660", "--control-group", "nogroup"]
        self.server.start()
        info = self.server.socket.stat()
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid),
                         (0o660, 0, grp.getgrnam("nogroup").gr_gid))
        self.assertEqual(self.as_user("nobody", "GET /config HTTP/1.1", group="nogroup"),
                         "HTTP/1.1 200 OK")
        self.assertEqual(self.as_user("nobody", "DELETE /config HTTP/1.1", group="nogroup"),
                         "HTTP/1.1 200 OK")
        uid = pwd.getpwnam("nobody").pw_uid
        self.logged(self.server, f"configuration change (api) by user {uid}\n")
        self.assertEqual(int(self.server.get("/control/history/")[0]["uid"]), uid)

    @unittest.skipUnless(ROOT, "needs root")
    def test_owner(self):
        self.server = self.serve(api=True, arguments=["--control-user", "nobody"])
        self.assertEqual(self.server.socket.stat().st_uid, pwd.getpwnam("nobody").pw_uid)
        self.assertEqual(self.as_user("nobody", "GET /config HTTP/1.1"), "HTTP/1.1 200 OK")

    def test_somebody_answers_there(self):
        self.server = self.serve(api=True)
        other = self.serve(api=True, start=False)
        other.socket = self.server.socket
        run = subprocess.run(other.command(), capture_output=True, text=True, timeout=harness.BOUND)
        self.assertEqual(run.returncode, 1)
        self.assertIn("socket already in use", run.stderr)
        self.holds(control.FIRST)

    def test_nobody_answers_there(self):
        self.server = self.serve(api=True, start=False)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.server.socket))
        self.server.start()
        self.holds(control.FIRST)

    def test_parents_are_made(self):
        self.server = self.serve(api=True, start=False)
        self.server.socket = self.server.dir / "run" / "deeper" / "control.sock"
        self.server.start()
        self.assertEqual(stat.S_IMODE(self.server.socket.parent.stat().st_mode), 0o755)
        self.holds(control.FIRST)

    def test_tcp(self):
        port = free_port()
        self.server = self.serve(api=True, start=False)
        self.server.arguments = ["--control", f"127.0.0.1:{port}"]
        self.server.ready = lambda: self.exchange(port, "GET", "/readyz").status == 200
        self.server.start()
        self.check_answer(self.exchange(port, "PUT", "/config", "{}"), 200, control.DONE)
        self.check_answer(self.exchange(port, "GET", "/config"), 200, {})

    def exchange(self, port, method, path, body=None):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=harness.BOUND) as s:
                s.sendall(control.request(method, path, body))
                data = b""
                while more := s.recv(65536):
                    data += more
        except ConnectionRefusedError:
            return control.Answer(0, "", [], b"", b"")
        return control.parse(data)

    def kill_router(self):
        router, inode = self.server.one("patchbay: router"), self.server.socket.stat().st_ino
        os.kill(router, signal.SIGKILL)
        wait_for("its end", lambda: not harness.alive(router))
        self.assertEqual(self.server.socket.stat().st_ino, inode)

    def test_changes_wait_for_the_next_router(self):
        """And are made to the configuration that it restores, not to an empty one."""
        self.server = self.serve(api=True)
        for n in range(1, 21):
            config = {"settings": {"http": {"idle_timeout": n}}, "listeners": {}}
            self.done("PUT", "/config", config)
            time.sleep(0.2)                # a router that ends as soon as it begins is given a rest
            self.kill_router()
            self.done("PUT", "/config/listeners", {})
            self.check_kept(config)

    def check_kept(self, config):
        """In effect and stored, when all that waited has been done."""
        wait_for("the configuration", self.server.ready)
        self.holds(config)
        self.assertEqual((self.server.state / "conf.json").read_text(), document.compact(config))

    def test_changes_wait_for_the_start(self):
        """A script that waits for the socket, and no longer, does not lose what is stored."""
        self.server = self.serve(api=True)
        config = {"settings": {"http": {"idle_timeout": 5}}, "listeners": {}}
        self.done("PUT", "/config", config)

        def first_change():
            try:
                self.done("PUT", "/config/listeners", {})
            except (OSError, control.NoAnswer):
                return False
            return True

        ready = self.server.ready
        for _ in range(10):
            self.server.stop()
            self.server.ready = first_change
            self.server.start()
            self.server.ready = ready
            self.check_kept(config)

    def test_reads_wait_for_the_next_router(self):
        """Who reads, edits and sends it back must not be given anything but the configuration."""
        self.server = self.serve(api=True)
        config = {"settings": {"http": {"idle_timeout": 5}}}
        self.done("PUT", "/config", config)
        tag = self.server.control("GET", "/config").get("ETag")
        for _ in range(5):
            self.kill_router()
            self.assertEqual(self.holds(config).get("ETag"), tag)
            self.kill_router()
            self.holds({"idle_timeout": 5}, "/config/settings/http")
            self.kill_router()
            self.assertEqual(self.server.get("/")["config"]["settings"]["http"]["idle_timeout"], 5)


if __name__ == "__main__":
    unittest.main()
