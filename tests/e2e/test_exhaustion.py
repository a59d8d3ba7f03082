"""What the system has no more of: room on a disk, descriptors. The server goes on and recovers."""
import errno
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import unittest

import harness
from harness import Connection, free_port, get, simple, wait_for


def small_disk():
    """Why no file system of our own can be mounted; None: it can."""
    try:
        done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"],
                              capture_output=True)
    except FileNotFoundError:
        return "there is no unshare"
    return None if done.returncode == 0 else done.stderr.decode().strip()


class DiskFull(harness.Case):
    def setUp(self):
        if reason := small_disk():
            self.skipTest(reason)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)

    def serve_on_small_disk(self):
        """A server that alone sees a disk of 1 MiB: self.disk is the way there from here."""
        mount = 'mount -t tmpfs -o size=1m,mode=777 none "$DISK" && exec "$@"'
        server = self.serve(api=True, start=False,
                            wrapper=["unshare", "-m", "sh", "-c", mount, "sh"])
        disk = server.dir / "disk"
        disk.mkdir()
        server.environment["DISK"] = str(disk)
        return server, disk

    def start(self, server, disk):
        server.start()
        self.disk = pathlib.Path(f"/proc/{server.process.pid}/root{disk}")

    def fill(self):
        with open(self.disk / "filler", "ab", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError as e:
                self.assertEqual(e.errno, errno.ENOSPC)

    def log_on_full_disk(self, form):
        server, disk = self.serve_on_small_disk()
        server.log, server.arguments = disk / "log", ["--log-format", form]
        self.start(server, disk)
        server.api("PUT", "/config", simple(self.port, module="chatty"))
        log = self.disk / "log"
        self.fill()
        for _ in range(20):
            self.assertEqual(get(self.address, "/flood/5").status, 200)
        server.process.send_signal(signal.SIGUSR2)       # main says something before it stores
        server.api("PUT", "/config", simple(self.port, module="chatty", processes=2))
        self.assertEqual(get(self.address).status, 200)
        full = log.stat().st_size
        (self.disk / "filler").unlink()

        def told():
            get(self.address, "/lines/after/1")
            server.process.send_signal(signal.SIGUSR2)
            text = log.read_text()[full:]
            return (len(re.findall(r"\d+ log lines? w(?:as|ere) dropped", text)) >= 2
                    and "said after 0" in text and text)
        text = wait_for("the counts of main and router", told)
        # A line that was cut off is ended; main and router may both do that.
        return [line for line in text.splitlines()[1:] if line]

    def test_the_log(self):
        for line in self.log_on_full_disk("text"):
            self.assertRegex(line, r"^(\d{4}/\d\d/\d\d |said after 0 )")

    def test_the_log_as_json(self):
        for line in self.log_on_full_disk("json"):
            json.loads(line)

    def test_the_spool(self):
        server, disk = self.serve_on_small_disk()
        self.start(server, disk)
        config = simple(self.port)
        config["settings"] = {"http": {"body_temp_path": str(disk)}}
        server.api("PUT", "/config", config)
        free = lambda: os.statvfs(self.disk).f_bfree
        body, before = os.urandom(300_000), free()
        self.assertEqual(self.post(body), (200, body))
        wait_for("the end of the spooled body", lambda: free() == before)
        self.fill()
        for _ in range(5):
            self.assertIn(self.post(body)[0], (500, 503))
            self.assertEqual(get(self.address).status, 200)
            self.assertEqual(self.post(b"small"), (200, b"small"))   # needs no disk
        self.logged(server, like=re.escape(str(disk)) + r'.* failed \(28')
        (self.disk / "filler").unlink()
        self.assertEqual(self.post(body), (200, body))
        self.assertEqual(list(self.disk.iterdir()), [])

    def post(self, body):
        with Connection(self.address) as c:
            c.send(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n")
            try:
                c.send(body)
            except (BrokenPipeError, ConnectionResetError):
                pass                     # refused in the middle: the answer is there
            response = c.response()
            return response.status, response.body


def ticks(pid):
    """CPU time of a process in hundredths of a second."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 100 // os.sysconf("SC_CLK_TCK")


def limited(count):
    return ["sh", "-c", f'ulimit -n {count}; exec "$@"', "sh"]


class Descriptors(harness.Case):                                                   # P22
    def test_it_says_so_at_start(self):
        server = self.serve(simple(free_port()), wrapper=limited(64))
        self.logged(server, "[warn]")
        self.logged(server,
                    "only 64 descriptors are allowed: clients beyond that wait (ulimit -Hn)")

    def test_too_few_to_start(self):
        for count in (6, 8, 12, 16):
            server = self.serve(simple(free_port()), start=False, wrapper=limited(count))
            with self.assertRaisesRegex(AssertionError, "exited with 1"):
                server.start()
            server.process = None
            self.assertIn("Too many open files", (server.dir / "stderr").read_text())

    def test_clients_beyond_the_limit_wait(self):
        port = free_port()
        server = self.serve(simple(port), wrapper=limited(64))
        address = ("127.0.0.1", port)
        router = server.one("patchbay: router")
        clients = [Connection(address) for _ in range(100)]
        for c in clients:
            self.addCleanup(c.close)
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for("the line", lambda: re.search(r"accept\(\) on .* failed \(24\)", server.text()))
        before, lines = ticks(router), server.text().count("\n")
        time.sleep(2)
        self.assertLess(ticks(router) - before, 100)       # of 200: it does not spin
        self.assertLess(server.text().count("\n") - lines, 20)
        # Each one that leaves makes room for one that waits.
        for c in clients:
            self.assertEqual(c.response().status, 200)
            c.close()
        self.assertEqual(get(address).status, 200)
        server.reload(simple(port, environment={"VERSION": "2"}))
        self.assertEqual(get(address, "/version").body, b"2")

    def test_an_application_that_nobody_has_called(self):
        """It has no descriptors yet; whoever asks while there are none gets 503, the next not."""
        port = free_port()
        server = self.serve(api=True)
        server.api("PUT", "/config", simple(port, processes={"max": 1}))
        router = server.one("patchbay: router")
        held = lambda: len(os.listdir(f"/proc/{router}/fd"))
        with Connection(("127.0.0.1", port)) as c:
            wait_for("it", lambda: server.get("/status")["connections"]["accepted"] == 1)
            before = held()
            server.api("PUT", "/config/applications", {
                name: harness.python_app(processes={"max": 1})
                for name in ("app", *(f"app{i}" for i in range(50)))})
            wait_for("the end of what the change needed", lambda: held() <= before)
            limit = resource.prlimit(router, resource.RLIMIT_NOFILE)
            resource.prlimit(router, resource.RLIMIT_NOFILE, (0, limit[1]))
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(c.response().status, 503)
            self.logged(server, 'failed to start application "app": memfd_create(patchbay-app) '
                                "failed (24: Too many open files)")
            self.assertEqual(server.one("patchbay: router"), router)
            resource.prlimit(router, resource.RLIMIT_NOFILE, limit)
            wait_for("the next try", lambda: get(("127.0.0.1", port)).status == 200)

    def test_control_socket(self):
        port = free_port()
        server = self.serve(api=True, wrapper=limited(64))
        server.api("PUT", "/config", simple(port))
        router = server.one("patchbay: router")
        clients = [Connection(("127.0.0.1", port)) for _ in range(100)]
        for c in clients:
            self.addCleanup(c.close)
        wait_for("the line", lambda: re.search(r"accept\(\) on .* failed \(24\)", server.text()))
        with server.client() as waiting:
            waiting.send(b"GET /config HTTP/1.1\r\nHost: x\r\n\r\n")
            before, lines = ticks(router), server.text().count("\n")
            time.sleep(2)
            self.assertLess(ticks(router) - before, 100)
            self.assertLess(server.text().count("\n") - lines, 40)
            for c in clients:
                c.close()
            self.assertEqual(waiting.answer().status, 200)
        server.api("PUT", "/config", simple(port, environment={"VERSION": "2"}))
        self.assertEqual(get(("127.0.0.1", port), "/version").body, b"2")


if __name__ == "__main__":
    unittest.main()
