"""What the processes of an application have around them: user, directory, environment, output,
descriptors. Each option is looked at from inside of the application."""
import grp
import os
import pwd
import resource
import signal
import stat
import unittest

import harness
import surroundings
from harness import wait_for
from surroundings import needs_root

IDENTITY = "[os.getresuid(), os.getresgid(), sorted(os.getgroups())]"
# Links of /proc/self/fd but for the one that lists them.
DESCRIPTORS = """
import contextlib
found = {}
for fd in os.listdir("/proc/self/fd"):
    with contextlib.suppress(OSError):
        found[int(fd)] = os.readlink(f"/proc/self/fd/{fd}")
sorted(found.items())
"""


class Surroundings(surroundings.Case):
    def test_as_the_daemon(self):
        """Without options: the daemon's environment, directory, limits and umask."""
        soft = min(500, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        script = f"umask 027; cd '{harness.HERE}'; ulimit -S -n {soft}; exec \"$@\""
        self.prepare({"app": {}}, environment={"FROM_DAEMON": "1", "BOTH": "daemon"},
                     wrapper=["/bin/sh", "-c", script, "sh"])
        self.assertEqual(self.ask('os.environ["FROM_DAEMON"]'), "1")
        self.assertEqual(self.ask("os.getcwd()"), str(harness.HERE))
        self.assertEqual(self.ask("old = os.umask(0)\nos.umask(old)\nold"), 0o027)
        self.assertEqual(self.ask(
            "import resource\nresource.getrlimit(resource.RLIMIT_NOFILE)[0]"), soft)
        self.assertEqual(self.ask('os.readlink("/proc/self/fd/0")'), "/dev/null")
        self.assertEqual(self.ask("os.read(0, 1) == b''"), True)
        self.assertEqual(self.ask('status("NoNewPrivs")'), ["0"])
        self.assertEqual(self.ask('sorted(k for k in os.environ if k.startswith("NOTIFY"))'), [])

    def test_environment_on_top(self):
        self.prepare({"app": {"environment": {"BOTH": "option", "MINE": "x=y", "EMPTY": ""}}},
                     environment={"FROM_DAEMON": "1", "BOTH": "daemon"})
        self.assertEqual(self.ask('[os.environ.get(n) for n in ("FROM_DAEMON", "BOTH", "MINE", "EMPTY")]'),
                         ["1", "option", "x=y", ""])
        self.assertEqual(self.ask('import subprocess\nsubprocess.run("echo $BOTH", shell=True, '
                                  'capture_output=True).stdout.decode()'), "option\n")

    def test_working_directory(self):
        self.prepare({"app": {}})
        place = self.server.dir / "place"
        place.mkdir(mode=0o755)
        self.reconfigure(working_directory=str(place), stdout="out", path="../apps")
        self.assertEqual(self.ask("os.getcwd()"), str(place))
        self.assertEqual(self.ask('print("to a relative file")\n1'), 1)
        self.assertEqual((place / "out").read_text(), "to a relative file\n")
        self.refused(f'The working directory "{place}/no" cannot be entered: '
                     "No such file or directory.", status=400, working_directory=f"{place}/no")
        self.assertEqual(self.ask("os.getcwd()"), str(place))

    @needs_root
    def test_user_and_group(self):
        daemon, games = pwd.getpwnam("daemon"), grp.getgrnam("games")
        self.prepare({"app": {"user": "daemon"}})
        groups = sorted(os.getgrouplist("daemon", daemon.pw_gid))
        self.assertEqual(self.ask(IDENTITY), [[daemon.pw_uid] * 3, [daemon.pw_gid] * 3, groups])
        self.reconfigure(user="daemon", group="games")
        groups = sorted(os.getgrouplist("daemon", games.gr_gid))
        self.assertEqual(self.ask(IDENTITY), [[daemon.pw_uid] * 3, [games.gr_gid] * 3, groups])
        self.reconfigure(group="games")
        self.assertEqual(self.ask(IDENTITY)[:2], [[0] * 3, [games.gr_gid] * 3])
        self.refused('The user "no-such-user" does not exist.', status=400, user="no-such-user")
        self.refused('The group "no-such-group" does not exist.', status=400, group="no-such-group")
        closed = self.server.dir / "closed"
        closed.mkdir(mode=0o700)
        self.refused(f'The working directory "{closed}" cannot be entered: Permission denied.',
                     user="daemon", working_directory=str(closed))
        self.refused(f'The stdout file "{closed}/out" cannot be opened: Permission denied.',
                     user="daemon", stdout=f"{closed}/out")

    @needs_root
    def test_a_daemon_without_privilege(self):
        me = pwd.getpwnam("nobody")
        run = ["setpriv", "--reuid", "nobody", "--regid", str(me.pw_gid), "--clear-groups", "--"]
        self.prepare({"app": {"user": "nobody"}}, start=False, wrapper=run)
        os.chown(self.server.dir, me.pw_uid, me.pw_gid)
        if os.system(" ".join([*run, "test", "-x", str(harness.DAEMON)])) != 0:
            self.skipTest("the daemon's file is closed to other users")
        self.begin()
        self.assertEqual(self.ask("os.getuid()"), me.pw_uid)
        group = grp.getgrgid(me.pw_gid).gr_name
        self.reconfigure(group=group)
        self.assertEqual(self.ask("os.getgid()"), me.pw_gid)
        self.refused('The user "daemon" cannot be taken on: the daemon was not started by root.',
                     user="daemon")
        self.refused('The group "games" cannot be taken on: the daemon was not started by root.',
                     group="games")


class Output(surroundings.Case):
    def write(self, text):
        self.assertEqual(self.ask(f"""
import sys
print({text!r} + " out", flush=True)
print({text!r} + " err", file=sys.stderr, flush=True)
1"""), 1)

    @needs_root
    def test_files_of_the_application(self):
        """Its user's, appended to, mode 0666 less umask; opened again when logs are rotated (P20)."""
        nobody = pwd.getpwnam("nobody")
        self.prepare({"app": {}}, start=False, wrapper=["/bin/sh", "-c", 'umask 037; exec "$@"', "sh"])
        place = self.server.dir / "output"
        place.mkdir()
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
        out, err = place / "out", place / "err"
        self.config = self.configuration(
            {"app": {"user": "nobody", "stdout": str(out), "stderr": str(err)}})
        (place / "err").write_text("before\n")
        os.chown(err, nobody.pw_uid, nobody.pw_gid)
        self.begin()
        made = out.stat()
        self.assertEqual((made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)),
                         (nobody.pw_uid, nobody.pw_gid, 0o640))
        self.write("one")
        self.assertEqual(out.read_text(), "one out\n")
        self.assertEqual(err.read_text(), "before\none err\n")
        out.rename(place / "out.1")
        err.rename(place / "err.1")
        self.server.process.send_signal(signal.SIGUSR1)
        wait_for("new files", lambda: out.exists() and err.exists())
        worker = self.server.one('"app" application')
        wait_for("the worker's turn", lambda: os.readlink(f"/proc/{worker}/fd/2") == str(err)
                 and os.readlink(f"/proc/{worker}/fd/1") == str(out))
        self.write("two")
        self.assertEqual((out.read_text(), err.read_text()), ("two out\n", "two err\n"))
        self.assertEqual((place / "out.1").read_text(), "one out\n")
        # One that cannot be opened any more: the old one stays, and the log says so.
        os.chown(place, 0, 0)
        out.rename(place / "out.2")
        self.server.process.send_signal(signal.SIGUSR1)
        wait_for("the reason", lambda: f'The stdout file "{out}" cannot be opened: Permission denied.'
                 in err.read_text())
        self.write("three")
        self.assertIn("three out\n", (place / "out.2").read_text())
        self.assertNotIn("three", self.server.text())

    @needs_root
    def test_standard_error_of_another_user(self):
        """Without a file it is a pipe to the router, which the application may open by name."""
        self.prepare({"app": {"user": "nobody"}})
        self.assertEqual(self.ask('print("by name", file=open("/dev/stderr", "w"), flush=True)'), None)
        wait_for("the line", lambda: "by name" in self.server.text())


class Descriptors(surroundings.Case):
    def check_process(self, found):
        """Descriptors of one process of ours: the usual three and anonymous ones of the worker."""
        kinds = [link.split(":")[0] for fd, link in found if fd > 2]
        self.assertEqual(set(kinds) - {"socket", "anon_inode"}, set(), found)
        self.assertEqual(kinds.count("socket"), 1, found)   # to the router
        self.assertLessEqual(len(kinds), 2 + self.engines + 1, found)

    def test_only_what_is_needed(self):
        self.engines = 2
        self.prepare({"app": {}, "other": {}}, start=False)
        self.config["settings"] = {"listen_threads": self.engines}
        # What the daemon was given by whoever started it is not for applications either.
        self.server.wrapper = ["/bin/sh", "-c", 'exec 7</etc/passwd; exec "$@"', "sh"]
        self.begin()
        for name in ("app", "other"):
            found = self.ask(DESCRIPTORS, name)
            self.check_process([(fd, link) for fd, link in found if not link.endswith("/fd")])
        for title in ("prototype", "application"):
            for pid in self.server.pids(title):
                sockets = [l for f in os.listdir(f"/proc/{pid}/fd")
                           if (l := os.readlink(f"/proc/{pid}/fd/{f}")).startswith("socket:")]
                self.assertEqual(len(sockets), 1, (title, sockets))

    def test_children_of_the_application(self):                                   # P16
        self.prepare({"app": {}})
        count = "len([f for f in os.listdir('/proc/self/fd') if int(f) > 2])"
        self.assertEqual(self.ask(f"""
import json
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(writing, str({count}).encode())
    os._exit(0)
os.waitpid(pid, 0)
os.close(writing)
n = os.read(reading, 10).decode()
os.close(reading)
n"""), "3")  # the pipe and the directory being read
        self.assertEqual(self.ask(f"""
import subprocess
command = ["/bin/sh", "-c", "ls /proc/$$/fd"]
subprocess.run(command, close_fds=False, capture_output=True).stdout.decode().split()"""),
            ["0", "1", "2"])

    @needs_root
    def test_what_is_not_its_own(self):
        """Control socket, state and log of the server; memory of an application of the same user."""
        self.prepare({"app": {"user": "nobody"}, "other": {"user": "nobody"}})
        self.assertEqual(self.ask(f"""
import socket
socket.socket(socket.AF_UNIX).connect({str(self.server.socket)!r})
1""")["raised"][0], "PermissionError")
        for file in (self.server.log, self.server.state / "version"):
            self.assertEqual(self.ask(f"open({str(file)!r}).read()")["raised"][0],
                             "PermissionError", file)
        other = self.server.one('"other" application')
        for attempt in (f'open("/proc/{other}/mem", "rb")', f'os.listdir("/proc/{other}/fd")',
                        f'open("/proc/{other}/environ", "rb")'):
            self.assertEqual(self.ask(attempt)["raised"][0], "PermissionError", attempt)
        attach = f"import ctypes\nctypes.CDLL(None).ptrace(16, {other}, 0, 0)"  # PTRACE_ATTACH
        self.assertEqual(self.ask(attach), -1)
        # Its own are its own.
        self.assertEqual(self.ask('os.path.exists("/proc/self/fd/0")'), True)

    @needs_root
    def test_no_way_back(self):
        self.prepare({"app": {"user": "nobody"}})
        for attempt in ("os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.seteuid(0)"):
            self.assertEqual(self.ask(attempt)["raised"][0], "PermissionError", attempt)
        for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            self.assertEqual(int(self.ask(f'status("{name}")')[0], 16), 0, name)


if __name__ == "__main__":
    unittest.main()
