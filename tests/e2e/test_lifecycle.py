"""The daemon's life: start, reload, refusal, signals, stop. What a reload keeps and what it ends."""
import os
import re
import signal
import socket
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import Closed, Connection, free_port, get, python_app, simple, wait_for
from load import Load


class Reload(harness.Case):
    def setUp(self):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)

    def version(self, address=None):
        return get(address or self.address, "/version").body.decode()

    def test_changed_application_is_replaced(self):
        server = self.serve(simple(self.port, environment={"VERSION": "1"}))
        self.assertEqual(self.version(), "1")
        old = server.one('patchbay: "app" application')
        server.reload(simple(self.port, environment={"VERSION": "2"}))
        self.assertEqual(self.version(), "2")
        wait_for("the old worker's end", lambda: not harness.alive(old))           # P6
        wait_for("the old prototype's end", lambda: len(server.pids('"app" prototype')) == 1)

    def test_same_application_keeps_its_workers(self):                             # C3, S15
        config = simple(self.port, environment={"A": "1", "B": "2"}, processes=2)
        server = self.serve(config)
        before = server.pids('"app" application')
        self.assertEqual(len(before), 2)
        app = config["applications"]["app"]
        config["applications"]["app"] = dict(reversed(list(app.items())))
        config["applications"]["app"]["processes"] = 2
        server.reload('// members in another order\n' + __import__("json").dumps(config))
        self.assertEqual(server.pids('"app" application'), before)

    def test_listeners_come_and_go(self):                                          # S35, C6, C7
        other = free_port()
        both = simple(self.port)
        both["listeners"][f"127.0.0.1:{other}"] = {"pass": "applications/app"}
        server = self.serve(simple(self.port))
        for _ in range(5):
            server.reload(both)
            self.assertEqual(get(("127.0.0.1", other)).status, 200)
            idle = Connection(("127.0.0.1", other))
            self.addCleanup(idle.close)
            idle.get("/")
            server.reload(simple(self.port))
            with self.assertRaises(ConnectionRefusedError):
                Connection(("127.0.0.1", other))
            self.assertTrue(idle.closed())

    def test_idle_connection_sees_the_new_configuration(self):                     # S06, C5
        server = self.serve(simple(self.port, environment={"VERSION": "1"}))
        with Connection(self.address) as c:
            self.assertEqual(c.get("/version").body, b"1")
            server.reload(simple(self.port, environment={"VERSION": "2"}))
            self.assertEqual(c.get("/version").body, b"2")

    def test_request_in_flight_ends_on_the_old_one(self):
        server = self.serve(simple(self.port, environment={"VERSION": "1"}))
        with Connection(self.address) as c:
            c.send("GET /sleep/1.5 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            server.reload(simple(self.port, environment={"VERSION": "2"}))
            self.assertEqual(self.version(), "2")
            self.assertEqual(c.response().body, b"slept")
            self.assertEqual(c.get("/version").body, b"2")

    def test_queued_requests_of_a_replaced_application_are_answered(self):         # P7, S52
        server = self.serve(simple(self.port))
        connections = [Connection(self.address) for _ in range(6)]
        for c in connections:
            c.send("GET /sleep/0.2 HTTP/1.1\r\nHost: x\r\n\r\n")
        server.reload(simple(self.port, environment={"VERSION": "2"}))
        for c in connections:
            self.assertEqual(c.response().body, b"slept")
            c.close()

    def test_two_alternating_configurations_under_load(self):                      # C1
        one, two = (simple(self.port) for _ in range(2))
        one["applications"]["other"] = python_app(environment={"VERSION": "1"})
        two["applications"]["other"] = python_app(environment={"VERSION": "2"})
        two["settings"] = {"http": {"idle_timeout": 60}}
        server = self.serve(one)
        worker = server.pids('"app" application')
        router = server.one("patchbay: router")
        load = Load(self.address)
        load.start()
        load.wait_answers(200)
        for i in range(40):
            server.reload(two if i % 2 == 0 else one)
        load.wait_answers(200)
        counts = load.finish()
        self.assertEqual(set(counts) - {"200", "answers"}, {"hanging"}, (counts, load.problems[:5]))
        self.assertEqual(counts["hanging"], 0)
        self.assertEqual(server.pids('"app" application'), worker)
        self.assertEqual(server.one("patchbay: router"), router)
        wait_for("one live generation",
                 lambda: "1 generation live" in server.text().splitlines()[-1]
                 or re.findall(r"(\d+) generations? live", server.text())[-1] == "1")

    def test_engines_grow_and_shrink_under_load(self):                             # S31, I7
        config = simple(self.port)
        config["settings"] = {"listen_threads": 2}
        server = self.serve(config)
        router = server.one("patchbay: router")
        threads = lambda: len(os.listdir(f"/proc/{router}/task"))
        base = threads()
        load = Load(self.address, connections=16)
        load.start()
        for n in (8, 1, 8, 3, 2):
            load.wait_answers(100)
            config["settings"]["listen_threads"] = n
            server.reload(config)
        counts = load.finish()
        self.assertEqual(counts["answers"], counts["200"], load.problems[:5])
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         load.problems[:5])
        wait_for("as many threads as before", lambda: threads() == base)

    def test_backlog_and_unix_listeners(self):
        server = self.serve(simple(self.port))
        path, name = f"{server.dir}/l.sock", f"@patchbay-test-{os.getpid()}"
        config = simple(self.port)
        config["listeners"] = {
            f"127.0.0.1:{self.port}": {"pass": "applications/app", "backlog": 5},
            f"unix:{path}": {"application": "app"}, f"unix:{name}": {"pass": "applications/app"}}
        server.reload(config)
        self.assertEqual(oct(os.stat(path).st_mode & 0o777), "0o666")
        import json
        for address in (path, name):
            env = json.loads(get(address, "/environ").body)
            self.assertEqual((env["SERVER_PORT"], env["REMOTE_ADDR"]), ("80", "unix:"))
        config["listeners"][f"127.0.0.1:{self.port}"]["backlog"] = 7               # C11
        server.reload(config)
        with open("/proc/net/tcp") as f:
            self.assertIn(f":{self.port:04X} ", f.read())
        server.reload(simple(self.port))
        self.assertFalse(os.path.exists(path))

    def test_ipv6_and_wildcard(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        p4, p6 = free_port("0.0.0.0"), free_port("::1")
        config = simple(self.port)
        config["listeners"] = {f"*:{p4}": {"pass": "applications/app"},
                               f"[::1]:{p6}": {"pass": "applications/app"}}
        self.serve(config)
        self.assertEqual(get(("127.0.0.1", p4)).status, 200)
        import json
        env = json.loads(get(("::1", p6), "/environ").body)
        self.assertEqual((env["REMOTE_ADDR"], env["SERVER_ADDR"], env["SERVER_PORT"]),
                         ("::1", "::1", str(p6)))
        env = json.loads(get(("127.0.0.1", p4), "/environ").body)
        self.assertEqual(env["SERVER_ADDR"], "127.0.0.1")


class Refused(harness.Case):
    """A configuration that cannot be applied changes nothing (S28)."""

    def test_running_configuration_stays(self):
        port, taken = free_port(), free_port()
        good = simple(port, environment={"VERSION": "1"})
        server = self.serve(good)
        worker = server.pids('"app" application')
        blocker = socket.create_server(("127.0.0.1", taken))
        self.addCleanup(blocker.close)
        busy = simple(port)
        busy["listeners"][f"127.0.0.1:{taken}"] = {"pass": "applications/app"}
        router = server.one("patchbay: router")
        descriptors = len(os.listdir(f"/proc/{router}/fd"))
        for config, said in [
            ("{", "object without a closing brace"),
            (busy, rf'Listener "127\.0\.0\.1:{taken}" cannot be opened: Address already in use'),
            ({"listeners": {"*:70000": {"pass": "applications/app"}},
              "applications": good["applications"]}, "listener address"),
            (dict(good, nonsense=1), 'Unknown parameter "nonsense"'),
        ]:
            with self.subTest(said=said):
                server.reload(config, refused=True)
                self.logged(server, like=said)
                self.assertEqual(get(("127.0.0.1", port), "/version").body, b"1")
                # What a refused one had started is on its way out.
                wait_for("the worker as before",
                         lambda: server.pids('"app" application') == worker)
        wait_for("no more descriptors than before",
                 lambda: len(os.listdir(f"/proc/{router}/fd")) <= descriptors)

    def test_start_with_a_broken_application(self):                                # P21, P1, P5
        port, other = free_port(), free_port()
        config = simple(port)
        config["applications"]["broken"] = python_app("nosuch_module")
        config["listeners"][f"127.0.0.1:{other}"] = {"pass": "applications/broken"}
        server = self.serve(config)
        self.assertEqual(get(("127.0.0.1", port)).status, 200)
        for _ in range(5):
            self.assertEqual(get(("127.0.0.1", other)).status, 503)
        self.logged(server, 'Python failed to import module "nosuch_module"')


def everybody_may_read(path):
    return all(p.stat().st_mode & 0o001 for p in [path, *path.parents])


class Unprivileged(harness.Case):
    @unittest.skipUnless(os.getuid() == 0 and everybody_may_read(harness.BUILD)
                         and everybody_may_read(harness.APPS), "needs root and a readable build")
    def test_uploads_when_the_directory_for_them_is_not_ours(self):
        port = free_port()
        server = self.serve(simple(port), start=False,
                            arguments=["--user", "nobody", "--group", "nogroup"])
        server.start()
        with open(f"/proc/{server.one('patchbay: router')}/status") as f:
            self.assertRegex(f.read(), r"Uid:\s+65534\s")
        body = b"x" * 300000
        with Connection(("127.0.0.1", port)) as c:
            c.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + body)
            self.assertEqual(c.response().body, body)
        self.logged(server, f'the directory "{server.dir}" cannot be written to')
        config = simple(port)
        config["settings"] = {"http": {"body_temp_path": str(server.dir)}}
        server.reload(config, refused=True)
        self.logged(server, f'The "body_temp_path" directory "{server.dir}" cannot be used: '
                    "Permission denied.")


class Signals(harness.Case):
    def setUp(self):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)

    def test_graceful_stop(self):                                                  # P13
        for sig in (signal.SIGTERM, signal.SIGQUIT):
            server = self.serve(simple(self.port))
            with Connection(self.address) as c:
                c.send("GET /sleep/1.5 HTTP/1.1\r\nHost: x\r\n\r\n")
                time.sleep(0.3)
                server.process.send_signal(sig)
                self.assertEqual(c.response().body, b"slept")
            self.assertEqual(server.stop(), 0)
            self.logged(server, f"signal signo:{int(sig)} ({sig.name}) received")

    def test_rotation(self):                                                       # A16, P20
        server = self.serve(simple(self.port))
        old = server.dir / "old.log"
        server.log.rename(old)
        server.process.send_signal(signal.SIGUSR1)
        wait_for("the new log", server.log.exists)
        for pid in (server.process.pid, server.one("patchbay: router")):
            wait_for(f"process {pid} to use it",
                     lambda p=pid: os.readlink(f"/proc/{p}/fd/2") == str(server.log))
        self.assertIn("signal 10 (SIGUSR1) received, log files rotation", old.read_text()
                      + server.text())
        # What the application says comes through the router: nothing to reopen in its processes.
        worker = server.one('"app" application')
        self.assertRegex(os.readlink(f"/proc/{worker}/fd/2"), "^pipe:")
        self.assertEqual(get(self.address, "/say/after-rotation").body, b"said")
        wait_for("the line, as it is", lambda: "\nafter-rotation\n" in "\n" + server.text())

    def test_ignored(self):                                                        # P15
        server = self.serve(simple(self.port))
        server.process.send_signal(signal.SIGUSR2)
        wait_for("the line", lambda: "signal signo:12 (SIGUSR2) received, ignored" in server.text())
        self.assertEqual(get(self.address).status, 200)

    def test_main_killed(self):                                                    # P10
        server = self.serve(simple(self.port))
        family = list(harness.children(server.process.pid))
        self.assertGreaterEqual(len(family), 3)
        server.process.kill()
        server.process.wait()
        wait_for("the end of all", lambda: not any(harness.alive(p) for p in family), 10)
        server.process = None
        (server.dir / "pid").unlink(missing_ok=True)
        server.start()
        self.assertEqual(get(self.address).status, 200)

    def test_first_router_killed_before_main_knows_that_it_serves(self):
        server = self.serve(simple(self.port), start=False)
        with ThreadPoolExecutor() as pool:
            started = pool.submit(server.start)
            wait_for("main", lambda: server.process)
            # Main runs little by little: its news of what the router does is old.
            while not server.applied() and server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                time.sleep(0.001)
                server.process.send_signal(signal.SIGSTOP)
                time.sleep(0.01)
            os.kill(server.one("patchbay: router"), signal.SIGKILL)
            server.process.send_signal(signal.SIGCONT)
            started.result()
        wait_for("the next router", lambda: server.applied() == 2)
        self.assertEqual(get(self.address).status, 200)

    def test_unix_socket_left_by_a_crash(self):                                    # C10, P11
        server = self.serve(simple(self.port), start=False)
        path = f"{server.dir}/l.sock"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        server.write({"listeners": {f"unix:{path}": {"pass": "applications/app"}},
                      "applications": {"app": python_app()}})
        server.start()
        self.assertEqual(get(path).status, 200)


class Names(harness.Case):
    def test_titles_and_descriptors(self):
        port = free_port()
        server = self.serve(simple(port))
        titles = sorted(harness.children(server.process.pid).values())
        self.assertEqual(titles, ['patchbay: "app" application', 'patchbay: "app" prototype',
                                  "patchbay: router"])
        with open(f"/proc/{server.process.pid}/cmdline", "rb") as f:
            self.assertRegex(f.read().decode(), r"^patchbay: main v[\d.]+ \[.*--no-daemon --config ")
        # No listener, no client connection, no log of another leaks into the worker (P16).
        with open("/proc/net/tcp") as f:
            inodes = {ln.split()[9] for ln in f if f":{port:04X} " in ln}
        worker = server.one('"app" application')
        for fd in os.listdir(f"/proc/{worker}/fd"):
            target = os.readlink(f"/proc/{worker}/fd/{fd}")
            self.assertNotIn(target.strip("socket:[]"), inodes)

    def test_as_unitd(self):                                                       # B10
        port = free_port()
        server = self.serve(simple(port), start=False)
        server.program = server.dir / "unitd"
        server.program.symlink_to(harness.DAEMON)
        out = subprocess.run([server.program, "--version"], capture_output=True, text=True)
        self.assertEqual((out.returncode, out.stdout), (0, ""))
        self.assertRegex(out.stderr, r"^unit version: 1\.35\.0\nconfigured as ")
        server.start()
        self.assertIn("unit: router", harness.children(server.process.pid).values())
        self.assertEqual(get(("127.0.0.1", port)).get("Server"), "Unit/1.35.0")

    def test_daemon(self):
        port = free_port()
        server = self.serve(simple(port), start=False)
        command = [a for a in server.command() if a != "--no-daemon"]
        subprocess.run(command, check=True, timeout=harness.BOUND, stdin=subprocess.DEVNULL)
        pid = int((server.dir / "pid").read_text())
        self.assertEqual(get(("127.0.0.1", port)).status, 200)     # answered before it returned
        family = [pid, *harness.children(pid)]
        os.kill(pid, signal.SIGTERM)
        wait_for("the end of the daemon", lambda: not any(harness.alive(p) for p in family))
        self.assertFalse((server.dir / "pid").exists())


if __name__ == "__main__":
    unittest.main()
