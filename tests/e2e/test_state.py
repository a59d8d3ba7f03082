"""What the state directory keeps: through restarts, kills at any moment, full disks and damage."""
import calendar
import os
import pathlib
import random
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest

import control
import document
import harness
from control import DONE, FIRST, NOT_THERE
from document import Number
from harness import free_port, get, python_app, simple, wait_for

SEED = int(os.environ.get("PATCHBAY_SEED", "20261123"))
ROUNDS = int(os.environ.get("PATCHBAY_KILLS", "12"))


def timeout_of(n):
    return {"settings": {"http": {"idle_timeout": Number(str(n))}}}


class Store(control.Expectations, harness.Case):
    def stored(self, server=None):
        return ((server or self.server).state / "conf.json").read_bytes()

    def test_file(self):
        self.server = self.serve(api=True)
        self.assertFalse((self.server.state / "conf.json").exists())
        text = '{"settings" : {"http": {"idle_timeout": 1.0e1, "send_timeout": 5,}}, // x\n' \
               '"applications": {"é\\u0041/": {"type": "python", "module": "basic", "path": ' \
               f'"{harness.APPS}", "environment": {{"Z": "\\t\\"", "A": "\\/"}} }} }} }}'
        self.done("PUT", "/config", text)
        compact = document.compact(document.parse(
            text.replace(",}", "}").replace(", // x", ", ")))
        self.assertEqual(self.stored().decode(), compact)
        self.assertIn('"idle_timeout":1.0e1,', compact)
        file = self.server.state / "conf.json"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.server.state.stat().st_mode), 0o700)
        for method, path, body in (("PUT", "/config/settings/http/send_timeout", "6"),
                                   ("DELETE", "/config/applications", None),
                                   ("DELETE", "/config", None)):
            self.done(method, path, body)
            self.assertEqual(self.stored().decode(), document.compact(self.server.get()))
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)

    def test_refused_changes_leave_the_file(self):
        self.server = self.serve(api=True)
        self.done("PUT", "/config", timeout_of(1))
        before = self.stored(), (self.server.state / "conf.json").stat()
        for body in ("{", '{"x":1}', {"applications": {"a": python_app("nosuch_module")}}):
            self.assertIn(self.server.control("PUT", "/config", body).status, (400, 500))
        self.server.api("PUT", "/config?dry_run=1", "{}")
        self.assertEqual((self.stored(), (self.server.state / "conf.json").stat()), before)
        self.assertEqual(len(self.server.get("/control/history")), 1)

    def test_restart_restores(self):
        self.server = self.serve(api=True)
        port = free_port()
        config = simple(port, environment={"VERSION": "stored"})
        path = f"unix:{self.server.dir}/l.sock"
        config["listeners"][path] = {"application": "app"}
        config["settings"] = {"http": {"idle_timeout": Number("1.50e1")}}
        self.done("PUT", "/config", config)
        before, info = self.stored(), (self.server.state / "conf.json").stat()
        for _ in range(2):
            self.assertEqual(self.server.stop(), 0)
            self.server.start()
            self.holds(config)
            self.assertEqual(get(("127.0.0.1", port), "/version").body, b"stored")
            self.assertEqual(get(path[5:], "/version").body, b"stored")
            self.assertEqual((self.stored(), (self.server.state / "conf.json").stat().st_mtime_ns,
                              (self.server.state / "conf.json").stat().st_ino),
                             (before, info.st_mtime_ns, info.st_ino))
            self.assertEqual(self.server.get("/status/configuration/source"), "api")

    def test_main_killed(self):                                                      # P10, A2
        self.server = self.serve(api=True)
        port = free_port()
        self.done("PUT", "/config", simple(port))
        self.server.kill()
        self.server.start()
        self.holds(simple(port))
        self.assertEqual(get(("127.0.0.1", port)).status, 200)

    def test_number_of_versions(self):
        self.server = self.serve(api=True)
        for n in range(15):
            self.done("PUT", "/config", timeout_of(n))
        entries = self.server.get("/control/history")
        self.assertIn(len(entries), (10, 11))              # ten previous ones, with or without this
        self.done("PUT", "/config", {"settings": {"control": {"history": 3}}})
        self.assertIn(len(self.server.get("/control/history")), (3, 4))


class History(control.Expectations, harness.Case):
    def setUp(self):
        self.server = self.serve(api=True)

    def test_list_show_restore(self):
        start = int(time.time()) - 1
        for n in range(1, 5):
            self.done("PUT", "/config", timeout_of(n))
        entries = self.server.get("/control/history")
        self.assertEqual([list(e) for e in entries[:1]], [["id", "time", "uid", "origin", "current"]])
        self.assertEqual([e["current"] for e in entries if e.get("current")], [True])
        self.assertTrue(entries[0]["current"])
        ids = [int(e["id"]) for e in entries]
        self.assertEqual(ids, sorted(ids, reverse=True))
        for n, entry in zip((4, 3, 2, 1), entries):
            self.assertEqual((int(entry["uid"]), entry["origin"]), (os.getuid(), "api"))
            when = time.strptime(entry["time"], "%Y-%m-%dT%H:%M:%SZ")
            self.assertLessEqual(start, calendar.timegm(when))
            self.holds(timeout_of(n), f"/control/history/{entry['id']}")
        for path in ("/control/history/999999", "/control/history/x", "/control/history/-1",
                     f"/control/history/{ids[0]}/x"):
            self.expect(404, NOT_THERE, "GET", path)
        second = f"/control/history/{ids[2]}/restore"
        plan = self.server.api("POST", f"{second}?dry_run=1")
        self.assertEqual(list(plan)[:2], ["success", "plan"])
        self.holds(timeout_of(4))
        self.expect(200, DONE, "POST", second)
        self.holds(timeout_of(2))
        self.assertEqual((self.server.state / "conf.json").read_text(),
                         document.compact(timeout_of(2)))
        self.expect(404, NOT_THERE, "POST", "/control/history/999999/restore")
        entries = self.server.get("/control/history")
        current = [e for e in entries if e.get("current")]
        self.assertEqual(len(current), 1)
        self.holds(timeout_of(2), f"/control/history/{current[0]['id']}")

    def test_restore_can_fail_like_a_put(self):
        port = free_port()
        self.done("PUT", "/config", {"listeners": {f"127.0.0.1:{port}": {"pass": "applications/a"}},
                                     "applications": {"a": python_app()}})
        old = self.server.get("/control/history")[0]["id"]
        self.done("PUT", "/config", timeout_of(1))
        with socket.create_server(("127.0.0.1", port)):
            got = self.server.api("POST", f"/control/history/{old}/restore", status=500)
        self.assertEqual((got["error"], got["code"]),
                         ("Failed to apply new configuration.", "in_use"))
        self.holds(timeout_of(1))
        self.expect(200, DONE, "POST", f"/control/history/{old}/restore")
        self.assertEqual(get(("127.0.0.1", port)).status, 200)

    def test_survives_a_restart(self):
        for n in range(1, 4):
            self.done("PUT", "/config", timeout_of(n))
        before = self.server.get("/control/history")
        self.server.stop()
        self.server.start()
        self.assertEqual(self.server.get("/control/history"), before)
        self.holds(timeout_of(1), f"/control/history/{before[2]['id']}")
        self.done("PUT", "/config", timeout_of(4))
        after = self.server.get("/control/history")
        self.assertEqual(len(after), len(before) + 1)
        self.assertGreater(int(after[0]["id"]), int(before[0]["id"]))


class Damage(control.Expectations, harness.Case):
    """conf.json cannot be used: the newest version that can is, and the file stays as it is."""

    def setUp(self):
        self.server = self.serve(api=True)
        for n in range(1, 4):
            self.done("PUT", "/config", timeout_of(n))
        self.server.stop()
        self.file = self.server.state / "conf.json"
        self.good = self.file.read_bytes()

    def check_started_from(self, text, said):
        """With that text in conf.json."""
        self.file.write_bytes(text)
        logged = len(self.server.text())
        self.server.start()
        try:
            self.holds(timeout_of(3))
            self.logged(self.server, like=rf"\[alert\] \S+ {said}", since=logged)
            self.assertEqual(self.file.read_bytes(), text)
        finally:
            self.server.stop()
        self.assertEqual(self.file.read_bytes(), text)

    def test_damaged(self):
        corrupted = "failed to restore previous configuration: file is corrupted or not enough memory"
        invalid = "the previous configuration is invalid: .*"
        for text, said in (
                (self.good[:len(self.good) // 2], corrupted),
                (b"\0\xff\xfegarbage" * 100, corrupted), (b"", corrupted),
                (b'{"settings":{"http":{"idle_timeout":-1}}}',
                 invalid + 'The "idle_timeout" number must not be negative'),
                (b"[]", invalid + "The configuration must be an object, but not an array")):
            with self.subTest(text=text[:40]):
                self.check_started_from(text, said)
        self.server.start()
        self.done("PUT", "/config", timeout_of(9))
        self.assertEqual(self.file.read_text(), document.compact(timeout_of(9)))

    def test_nothing_left_to_start_from(self):
        for p in self.server.state.rglob("*"):
            if p.is_file() and p != self.file:
                p.unlink()
        self.file.write_bytes(b"garbage")
        self.server.start()
        self.assertIn(self.server.get(), ({}, FIRST))
        self.assertEqual(self.file.read_bytes(), b"garbage")
        self.done("PUT", "/config", timeout_of(9))
        self.assertEqual(self.file.read_text(), document.compact(timeout_of(9)))

    def test_history_damaged_too(self):
        """Every file of the history but the oldest entry is cut: that one is found."""
        entries = sorted(p for p in self.server.state.rglob("*")
                         if p.is_file() and b"idle_timeout" in p.read_bytes() and p != self.file)
        self.assertEqual(len(entries), 3)
        first = next(p for p in entries if b'"idle_timeout":1}' in p.read_bytes())
        for p in {*entries, self.file} - {first}:
            p.write_bytes(p.read_bytes()[:-3])
        self.server.start()
        self.holds(timeout_of(1))


@unittest.skipUnless(os.getuid() == 0 and subprocess.run(
    ["unshare", "-m", "true"], capture_output=True).returncode == 0, "needs mount namespaces")
class Disk(control.Expectations, harness.Case):                                      # A1
    """The state directory is a file system of 64 KiB, in a mount namespace of the daemon's own."""

    def setUp(self):
        self.server = self.serve(api=True, start=False)
        state = self.server.state
        self.server.wrapper = ["unshare", "-m", "sh", "-ec",
                               f"mkdir -p {state}; mount -t tmpfs -o size=64k,mode=700 tmpfs {state};"
                               ' exec "$@"', "sh"]
        self.server.start()
        self.state = pathlib.Path(f"/proc/{self.server.process.pid}/root{state}")
        self.done("PUT", "/config", timeout_of(1))
        self.check_stored(1)

    def check_stored(self, n):
        self.assertEqual((self.state / "conf.json").read_text(), document.compact(timeout_of(n)))

    def change_without_storing(self, n, cause):
        warning = f"The configuration is active but could not be stored: {cause}."
        logged = len(self.server.text())
        self.expect(200, {**DONE, "warning": warning}, "PUT", "/config", timeout_of(n))
        self.holds(timeout_of(n))
        self.assertIn(cause, self.server.get("/status/configuration/stored"))
        self.logged(self.server, "[alert]", since=logged)
        self.logged(self.server, "failed to store current configuration", since=logged)

    def test_full_disk(self):
        with self.assertRaises(OSError), open(self.state / "filler", "wb", buffering=0) as f:
            while f.write(b"x" * 4096):
                pass
        names = sorted(p.name for p in self.state.rglob("*"))
        for n in (2, 3, 4):
            self.change_without_storing(n, "No space left on device")
            self.check_stored(1)
            self.assertEqual(sorted(p.name for p in self.state.rglob("*")), names)
        (self.state / "filler").unlink()
        self.done("PUT", "/config", timeout_of(5))
        self.check_stored(5)
        self.holds(True, "/status/configuration/stored")

    def remount(self, how):
        subprocess.run(["nsenter", "-t", str(self.server.process.pid), "-m", "mount", "-o",
                        f"remount,{how}", str(self.server.state)], check=True)

    def test_read_only(self):
        self.remount("ro")
        self.change_without_storing(2, "Read-only file system")
        self.check_stored(1)
        # A router that dies now must come back with what is active, not with what is stored.
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())
        self.holds(timeout_of(2))
        self.remount("rw")
        self.done("PUT", "/config", timeout_of(3))
        self.check_stored(3)


class Editor(threading.Thread):
    """Sends changes one after the other until one fails, or halt; .acked was answered last."""

    def __init__(self, server, document_of, first):
        super().__init__(daemon=True)
        self.server, self.document_of = server, document_of
        self.acked, self.sent, self.problem = first, first, None
        self.halt = threading.Event()

    def run(self):
        while not self.halt.is_set():
            self.sent += 1
            try:
                answer = self.server.control("PUT", "/config", self.document_of(self.sent))
            except (OSError, control.NoAnswer):
                return
            if answer.status != 200 or answer.json != DONE:
                self.problem = answer
                return
            self.acked = self.sent


class Killed(control.Expectations, harness.Case):
    """Killed at a random moment of a stream of edits: the last acknowledged one is there, or the one
    that was under way; never anything else."""

    def setUp(self):
        self.random = random.Random(SEED)
        self.server = self.serve(api=True)
        self.ports = [free_port(), free_port()]

    def document_of(self, n):
        config = simple(self.ports[0])
        if n % 3 == 0:
            config["listeners"][f"127.0.0.1:{self.ports[1]}"] = {"pass": "applications/app"}
        return {**config, **timeout_of(n)}

    def rounds(self, kill):
        n = 0
        self.done("PUT", "/config", self.document_of(n))
        for turn in range(ROUNDS):
            editor = Editor(self.server, self.document_of, n)
            editor.start()
            wait_for("a change", lambda: editor.acked > n or editor.problem)
            time.sleep(self.random.random() * 0.3)
            kill()
            editor.halt.set()               # a change sent in between has waited for the next router
            editor.join(harness.BOUND)
            with self.subTest(seed=SEED, turn=turn, acked=editor.acked, sent=editor.sent):
                self.assertFalse(editor.is_alive())
                n = int(self.server.get("/config/settings/http/idle_timeout"))
                if editor.problem:                     # who is told so finds what was there before
                    self.assertIn(editor.problem.status, (500, 503), editor.problem)
                    self.assertEqual(n, editor.acked, editor.problem)
                self.assertIn(n, (editor.acked, editor.sent))
                self.holds(self.document_of(n))
                stored = document.parse((self.server.state / "conf.json").read_bytes())
                self.assertIn(document.compact(stored), [document.compact(self.document_of(m))
                                                         for m in (editor.acked, editor.sent)])
                self.assertEqual(get(("127.0.0.1", self.ports[0])).status, 200)
                if n % 3 == 0:
                    self.assertEqual(get(("127.0.0.1", self.ports[1])).status, 200)
                else:
                    with self.assertRaises(ConnectionRefusedError):
                        get(("127.0.0.1", self.ports[1]))

    def test_router(self):                                                           # P11
        def kill():
            router = self.server.one("patchbay: router")
            os.kill(router, signal.SIGKILL)
            wait_for("the next router",
                     lambda: self.server.pids("patchbay: router") not in ([], [router]))
            wait_for("its configuration", self.server.ready)
        self.rounds(kill)

    def test_main(self):                                                             # A2
        def kill():
            self.server.kill()
            self.server.start()
        self.rounds(kill)

    def test_file_is_never_torn(self):
        self.done("PUT", "/config", self.document_of(0))
        editor = Editor(self.server, self.document_of, 0)
        editor.start()
        last, reads = 0, 0
        end = time.monotonic() + 3
        while time.monotonic() < end or editor.acked < 20:
            config = document.parse((self.server.state / "conf.json").read_bytes())
            n = int(config["settings"]["http"]["idle_timeout"])
            self.assertEqual(document.compact(config), document.compact(self.document_of(n)))
            self.assertGreaterEqual(n, last)
            last, reads = n, reads + 1
            self.assertIsNone(editor.problem)
        self.assertGreater(reads, 20)
        self.server.stop()
        editor.join(harness.BOUND)


if __name__ == "__main__":
    unittest.main()
