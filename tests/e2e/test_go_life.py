"""The life of a program in Go behind the server: starts that fail, the client that leaves, ends of all
kinds, limits, reloads under load. What lives in sdk/go (package unit) and modules/go (runtime)."""
import os
import signal
import socket
import time
import unittest

import harness
from goprogram import Program, go_app, program
from harness import Closed, Connection, get, wait_for
from load import Load

APP = "/config/applications/app"


def open_files(pid):
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))


class Start(Program):
    def setUp(self):
        self.prepare(api=True)

    def refused(self, status=500, **app):
        answer = self.server.control("PUT", APP, {"type": "external", **app})
        self.assertGreaterEqual(answer.status, 400, answer)
        self.assertEqual(get(self.address).status, 200)                # what ran, runs
        return answer.json["detail"], answer.json.get("output", "")

    def test_files_that_cannot_be_executed(self):
        where = self.server.dir
        plain = where / "plain"
        plain.write_text("#!/bin/sh\n")
        broken = where / "broken"
        broken.write_bytes(b"\x00\x01\x02\x03" * 100)
        script = where / "script"
        script.write_text("#!/no/such/interpreter\n")
        for file in (broken, script):
            file.chmod(0o755)
        for app, text in (
                ({"executable": "/no/such/file"}, '"/no/such/file" does not exist.'),
                ({"executable": "missing", "working_directory": str(where)},
                 f'"missing" in the working directory "{where}" does not exist.'),
                ({"executable": str(where)}, f'"{where}" is a directory, not a program.'),
                ({"executable": "/dev/null"}, "is no regular file."),
                ({"executable": str(plain)}, f'"{plain}" cannot be executed by user '),
                ({"executable": str(plain)}, "Permission denied."),
                ({"executable": f"{plain}/x"}, "cannot be looked at: Not a directory."),
                ({"executable": ""}, 'The "executable" must not be empty'),
                ({"executable": str(broken)}, "is no program for this machine"),
                ({"executable": str(script)}, "its interpreter (the one named behind #!")):
            self.assertIn(text, self.refused(**app)[0], app)

    def test_options_that_make_no_sense(self):
        for app, text in (
                ({}, 'Required parameter "executable" is missing.'),
                ({"executable": 1}, 'The "executable" value must be a string'),
                ({"executable": "a\0b"}, 'The "executable" value must not contain null character.'),
                ({"executable": "x", "arguments": "a"}, 'The "arguments" value must be an array'),
                ({"executable": "x", "arguments": ["a", 1]},
                 'The "arguments" array must contain only string values.'),
                ({"executable": "x", "arguments": ["a", "\0"]},
                 'The "arguments" array must not contain strings with null character.'),
                ({"executable": "x", "threads": 0}, "must be equal to or greater than 1."),
                ({"executable": "x", "module": "m"}, 'Unknown parameter "module".'),
                ({"executable": "x", "type": "go 1.19"},
                 'The module to run "go 1.19" is not found among the available application modules.'),
                ({"executable": "x", "type": "external2"}, 'The module to run "external2" is not')):
            self.assertIn(text, self.refused(400, **app)[0], app)

    def test_programs_that_end_before_they_are_ready(self):
        detail, output = self.refused(executable=str(program()),
                                      environment={"EXIT_BEFORE_READY": "1"})
        self.assertIn("its process exited with code 3 before it was ready", detail)
        self.assertIn("no database to talk to", output)
        detail, output = self.refused(executable="/bin/sh", arguments=["-c", "kill -SEGV $$"])
        self.assertIn("its process exited on signal 11 before it was ready", detail)
        self.assertIn("code 0", self.refused(executable="/bin/true")[0])

    def wrapped(self, init):
        """Through a shell that changes what the server says."""
        return {"executable": "/bin/sh", "arguments": [
            "-c", f'PATCHBAY_INIT="{init}" exec {program()}'], "environment": {"DIR": str(self.dir)}}

    def test_versions_that_do_not_fit(self):
        rest = "${PATCHBAY_INIT#*;}"
        for version in ("2.0", "0.9"):
            detail, output = self.refused(**self.wrapped(f"{version};{rest}"))
            for text in (detail, output):
                self.assertIn("speaks version 1.0 of the application protocol; the server "
                              f"Patchbay/0.1.0 speaks {version}: build the program with", text)
        server = {"type": "go", **self.wrapped(f"1.7;{rest}")}
        self.server.api("PUT", APP, server)                            # a newer server: fine
        self.assertEqual(get(self.address).status, 200)

    def test_nonsense_in_the_environment(self):
        for init, text in (("", 'PATCHBAY_INIT is ""'), ("1.0", 'PATCHBAY_INIT is "1.0"'),
                           ("1.0;-1;x", "expected is"), ("x.y;3;x", "expected is"),
                           ("1.0;0;x", "descriptor 0 of PATCHBAY_INIT is not the server's channel"),
                           ("1.0;999;x", "descriptor 999 of PATCHBAY_INIT is not")):
            detail, output = self.refused(**self.wrapped(init))
            self.assertIn("its process exited with code 1 before it was ready", detail)
            self.assertIn(text, output)

    def test_environment_and_arguments(self):
        self.server.api("PUT", APP, {
            "type": "external", "executable": program().name, "arguments": ["a b", "", "$HOME"],
            "working_directory": str(program().parent),
            "environment": {"DIR": str(self.dir), "X_OWN": "a=b"}})
        lines = get(self.address, "/env").body.decode().split("\n")
        self.assertIn('argv=["program" "a b" "" "$HOME"]', lines)
        self.assertIn("X_OWN=a=b", lines)
        self.assertFalse([line for line in lines if "PATCHBAY_INIT" in line])

    def test_rotation(self):
        files = [self.server.dir / "out.log", self.server.dir / "err.log"]
        self.server.api("PUT", APP, go_app(self.dir, stdout=str(files[0]), stderr=str(files[1])))
        self.assertNotIn("PATCHBAY_STD", get(self.address, "/env").body.decode())
        worker = self.workers()[0]

        def now():
            return [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in (1, 2)]

        self.assertEqual(now(), [str(file) for file in files])
        for file in files:
            file.rename(file.with_suffix(".1"))
        self.server.process.send_signal(signal.SIGUSR1)
        wait_for("the new files", lambda: now() == [str(file) for file in files])
        self.assertEqual(get(self.address).status, 200)

    def test_descriptors(self):
        """The program has its standard ones, the channel, doorbells, and what Go itself opens."""
        lines = get(self.address, "/descriptors").body.decode().split("\n")
        targets = [line.split(" ", 1)[1] for line in lines]
        self.assertEqual(targets[0], "/dev/null")
        others = [t for t in targets[3:] if not t.startswith("anon_inode:[event")
                  and "/fd" not in t and not t.startswith("pipe:")]
        self.assertEqual(len(others), 1, lines)
        self.assertTrue(others[0].startswith("socket:"), lines)

    def test_restart_and_on_demand(self):
        pid = get(self.address, "/pid").body
        self.server.api("POST", "/control/applications/app/restart")
        self.assertNotEqual(get(self.address, "/pid").body, pid)
        self.server.api("PUT", APP + "/processes", {"max": 3, "idle_timeout": 1})
        self.assertEqual(self.workers(), [])
        self.assertEqual(get(self.address).status, 200)
        self.assertEqual(len(self.workers()), 1)
        wait_for("the idle worker's end", lambda: not self.workers())
        self.assertIn("<nil>", self.notes("returned"))
        self.server.api("PUT", APP + "/processes", {"spare": 2, "max": 4})
        wait_for("two spare ones", lambda: len(self.workers()) == 2)


class Clients(Program):
    def setUp(self):
        self.prepare()

    def test_context_ends_when_the_client_leaves(self):
        for path in ("/cancelled", "/cancelled?begin=1"):
            for how in ("close", "reset", "half"):
                (self.dir / "cancelled").unlink(missing_ok=True)
                (self.dir / "waiting").unlink(missing_ok=True)
                c = self.ask(path)
                self.noted("waiting", "cancelled")
                if how == "reset":
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\1\0\0\0\0\0\0\0")
                if how == "half":
                    c.sock.shutdown(socket.SHUT_WR)
                else:
                    c.close()
                self.noted("cancelled", "context canceled")
                if how == "half":                                      # its answer comes all the same
                    self.assertEqual(c.response().status, 200)

    def test_context_of_a_client_that_had_ended_its_side_before(self):
        """The answer begins before anybody has looked whether a worker has the request."""
        c = Connection(self.address)
        self.addCleanup(c.close)
        c.send("GET /cancelled?begin=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        c.sock.shutdown(socket.SHUT_WR)
        self.noted("cancelled", "context canceled")
        self.assertEqual(c.response().status, 200)

    def test_slow_client_stops_the_handler(self):
        c = self.ask("/download?n=50000000&step=10000")
        pid = self.workers()[0]
        with open(f"/proc/{pid}/statm") as f:
            before = int(f.read().split()[1])
        time.sleep(1)
        self.assertEqual(self.notes("done"), [])
        self.assertEqual(get(self.address).status, 200)
        with open(f"/proc/{pid}/statm") as f:
            self.assertLess(int(f.read().split()[1]) - before, 4096)   # pages: 16 MiB
        self.assertEqual(len(c.response().body), 50000000)
        self.noted("done", "download")

    def test_client_that_leaves_ends_the_writing(self):
        c = self.ask("/download?n=50000000&step=10000")
        wait_for("the beginning", lambda: c._more())
        c.close()
        wait_for("the handler's error", lambda: self.notes("failed"))
        self.assertIn("the client is gone", self.notes("failed")[0])
        self.assertEqual(get(self.address).status, 200)

    def test_many_slow_clients(self):
        clients = [self.ask("/download?n=3000000&step=20000") for _ in range(60)]
        for c in clients:
            self.assertEqual(len(c.response().body), 3000000)

    def test_nothing_is_left_open(self):
        pid = self.workers()[0]
        for _ in range(2):                                             # what is opened once is open then
            get(self.address, "/download?n=100000")
            get(self.address, "/break/panic")
        before = open_files(pid)
        for _ in range(50):
            get(self.address, "/download?n=100000")
            get(self.address, "/break/panic")
            self.ask("/cancelled").close()
        wait_for("all of them ended", lambda: len(self.notes("cancelled")) == 50)
        wait_for("descriptors as before", lambda: len(open_files(pid)) <= len(before))
        threads = len(os.listdir(f"/proc/{pid}/task"))
        self.assertLess(threads, 40)
        wait_for("no active request",
                 lambda: int(self.server.get("/status/applications/app/requests/active")) == 0)


class Ends(Program):
    def test_exit_in_a_handler(self):
        self.prepare()
        held = self.ask("/until/never")
        wait_for("its begin", lambda: self.notes("begun"))
        self.assertEqual(get(self.address, "/break/exit").status, 503)
        self.assertEqual(held.response().status, 503)
        self.assertEqual(get(self.address).status, 200)
        self.logged(self.server, like=r"app process \d+ exited with code 7")

    def test_killed(self):
        self.prepare(processes=2)
        self.assertEqual(get(self.address).status, 200)
        for _ in range(5):
            held = self.ask("/until/never")
            for pid in self.workers():
                os.kill(pid, signal.SIGKILL)
            self.assertIn(held.response().status, (200, 503))
            self.assertEqual(get(self.address).status, 200)
        wait_for("two workers", lambda: len(self.workers()) == 2)

    def test_limit_of_time(self):
        self.prepare(limits={"timeout": 3})
        stuck = self.ask("/break/hang")
        time.sleep(2)
        other = self.ask("/until/go")                                  # in the same process
        self.assertEqual(stuck.response().status, 503)
        self.noted("hang", "cancelled")
        self.release("go")
        self.assertEqual(other.response().body, b"until go")           # has its own time
        self.assertEqual(get(self.address).status, 200)

    def test_limit_of_requests(self):
        self.prepare(limits={"requests": 5})
        pids = [get(self.address, "/pid").body for _ in range(20)]
        counts = {pid: pids.count(pid) for pid in pids}
        self.assertEqual(sorted(counts.values()), [5, 5, 5, 5])
        load = Load(self.address, 16, path="/pid")
        load.start()
        load.wait_answers(500)
        counts = load.finish()
        self.assertEqual((counts["lost"], counts["hanging"], counts["503"]), (0, 0, 0),
                         load.problems[:3])
        self.assertLessEqual(max(load.bodies.values()), 5)

    def test_reload_under_load_loses_nothing(self):
        self.prepare({"VERSION": "0"}, processes=2)
        load = Load(self.address, 32)
        load.start()
        for version in range(1, 6):
            self.config["applications"]["app"]["environment"]["VERSION"] = str(version)
            self.server.reload(self.config)
            load.wait_answers(200)
        counts = load.finish()
        self.assertEqual({k: v for k, v in counts.items() if k in ("lost", "refused", "hanging", "503")
                          and v}, {}, load.problems[:3])
        self.assertEqual(get(self.address).body, b"hello from 5")
        wait_for("the old ones' end", lambda: len(self.workers()) == 2)

    def test_reload_lets_requests_end(self):
        self.prepare({"VERSION": "0"})
        held = self.ask("/until/go")
        wait_for("its begin", lambda: self.notes("begun"))
        old = self.workers()
        self.config["applications"]["app"]["environment"]["VERSION"] = "1"
        self.server.reload(self.config)
        self.assertEqual(get(self.address).body, b"hello from 1")
        self.release("go")
        self.assertEqual(held.response().body, b"until go")
        wait_for("the old one's end", lambda: not set(old) & set(self.workers()))
        self.assertEqual(self.notes("returned"), ["<nil>"])

    def test_stop_lets_requests_end(self):
        self.prepare()
        held = self.ask("/until/go")
        wait_for("its begin", lambda: self.notes("begun"))
        self.server.process.send_signal(signal.SIGQUIT)
        time.sleep(0.3)
        self.release("go")
        self.assertEqual(held.response().body, b"until go")
        self.assertEqual(self.server.process.wait(20), 0)
        self.assertEqual(self.notes("returned"), ["<nil>"])

    def test_quick_stop(self):
        self.prepare()
        held = self.ask("/until/never")
        wait_for("its begin", lambda: self.notes("begun"))
        begin = time.monotonic()
        self.server.process.send_signal(signal.SIGQUIT)
        self.logged(self.server, text="(SIGQUIT) received")
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)          # the second one means now
        self.assertLess(time.monotonic() - begin, 20)
        with self.assertRaises(Closed):
            held.response()

    def test_router_that_dies(self):
        self.prepare()
        held = self.ask("/until/never")
        wait_for("its begin", lambda: self.notes("begun"))
        old = self.workers()
        os.kill(self.server.one("patchbay: router"), signal.SIGKILL)
        with self.assertRaises(Closed):
            held.response()
        wait_for("the orphan's end", lambda: not any(harness.alive(p) for p in old), 5)
        wait_for("the new router", lambda: self.answers())

    def answers(self):
        try:
            return get(self.address).status == 200
        except (OSError, Closed):
            return False

    def test_program_that_ignores_the_end_of_the_router(self):
        """The prototype sees to it."""
        self.prepare()
        stubborn = {"type": "external", "executable": "/bin/sh",
                    "arguments": ["-c", f"{program()} & exec sleep 1000"],
                    "environment": {"DIR": str(self.dir)}}
        self.config["applications"]["app"] = stubborn
        self.server.reload(self.config)
        shell = self.server.one("sleep 1000")
        self.assertEqual(get(self.address).status, 200)
        os.kill(self.server.one("patchbay: router"), signal.SIGKILL)
        wait_for("its end", lambda: not harness.alive(shell), 10)
        wait_for("the new router", lambda: self.answers())

    def test_second_call(self):
        self.prepare({"TWICE": "1"})
        self.assertEqual(get(self.address).status, 200)
        self.release("first")
        self.noted("second", "true")
        self.assertEqual(get(self.address).status, 200)


@unittest.skipUnless(os.getuid() == 0, "needs root")
class Isolated(Program):
    def test_in_a_root_of_its_own(self):
        self.prepare(api=True)
        root = self.server.dir / "root"
        (root / "bin").mkdir(parents=True)
        (root / "bin" / "program").write_bytes(program().read_bytes())
        (root / "bin" / "program").chmod(0o755)
        (root / "data").mkdir()
        (root / "data").chmod(0o777)
        namespaces = {"mount": True, "pid": True, "network": True, "uname": True}
        self.server.api("PUT", APP, {
            "type": "go", "executable": "/bin/program", "user": "nobody",
            "environment": {"DIR": "/data"},
            "isolation": {"rootfs": str(root), "namespaces": namespaces}})
        self.assertEqual(get(self.address, "/pid").body, b"2")
        with Connection(self.address) as c:
            data = b"x" * 1000000
            c.send(f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                   + data)
            self.assertEqual(c.response().body, data)
        answer = self.server.control("PUT", APP, {
            "type": "go", "executable": str(program()), "isolation": {"rootfs": str(root)}})
        self.assertIn("does not exist", answer.json["detail"])


if __name__ == "__main__":
    unittest.main()
