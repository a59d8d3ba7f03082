"""The option "isolation" (config.md 5.6): each part set, seen from inside of the application and
from outside, refused with its reason, and nothing left behind. What the kernel does not allow here
is skipped, saying so."""
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time
import unittest

import harness
import surroundings
from harness import wait_for
from surroundings import needs_root

NAMESPACES = {"credential": "user", "pid": "pid", "network": "net", "mount": "mnt", "uname": "uts",
              "cgroup": "cgroup"}
CLONE = {"credential": 0x10000000, "pid": 0x20000000, "network": 0x40000000, "mount": 0x00020000,
         "uname": 0x04000000, "cgroup": 0x02000000}
APP = "/applications/app/isolation"


def may_unshare(*names):
    """Can a child of ours make such namespaces?"""
    flags = sum(CLONE[n] for n in names)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(flags) == 0 else 1)
    return os.waitpid(pid, 0)[1] == 0


def needs(*names):
    return unittest.skipUnless(surroundings.ROOT and may_unshare(*names),
                               f"this kernel does not let us make the namespaces {names}")


def cgroup_mount():
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, _, right = line.partition(" - ")
            if right.split()[0] == "cgroup2":
                return pathlib.Path(left.split()[4])
    return None


def own_cgroup(pid="self"):
    with open(f"/proc/{pid}/cgroup") as f:
        return next(line[3:].strip() for line in f if line.startswith("0::"))


def namespaces(pid="self"):
    return {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in NAMESPACES.values()}


def own_status(pid, field):
    with open(f"/proc/{pid}/status") as f:
        return next(line.split()[1:] for line in f if line.startswith(field + ":"))


def mounts():
    with open("/proc/self/mountinfo") as f:
        return sorted(f)


class Case(surroundings.Case):
    def isolated(self, isolation, **more):
        self.prepare({"app": {"user": "nobody", "isolation": isolation}}, **more)

    def setUp(self):
        self.mounts = mounts()

    def check_nothing_left(self):
        self.assertEqual(mounts(), self.mounts)


class Validation(Case):
    def test_errors(self):
        self.prepare({"app": {}})
        entry = {"container": 0, "host": 0, "size": 1}
        user = {"credential": True}
        long = "a/" * 2100
        for detail, isolation in (
                ('Unknown parameter "namespace".', {"namespace": {}}),
                ('Unknown parameter "user".', {"namespaces": {"user": True}}),
                ('The "pid" value must be a boolean, but not an integer number.',
                 {"namespaces": {"pid": 1}}),
                ('The "uidmap" array must contain only object values.',
                 {"namespaces": user, "uidmap": [1]}),
                ('The "gidmap" array must contain only object values.',
                 {"namespaces": user, "gidmap": [entry, "x"]}),
                ('Required parameter "size" is missing.',
                 {"namespaces": user, "uidmap": [{"container": 0, "host": 0}]}),
                ('The "host" number must not be negative.',
                 {"namespaces": user, "uidmap": [{**entry, "host": -1}]}),
                ('The "uidmap" needs the "credential" namespace.', {"uidmap": [entry]}),
                ('The "gidmap" needs the "credential" namespace.', {"gidmap": [entry]}),
                ('The "rootfs" value must be an absolute path.', {"rootfs": "srv"}),
                ('The "rootfs" must not be "/".', {"rootfs": "/"}),
                ('The "rootfs" must not be "/".', {"rootfs": "/srv/..//."}),
                ('The "new_privs" value must be a boolean, but not a string.', {"new_privs": "no"}),
                ('Required parameter "path" is missing.', {"cgroup": {}}),
                ('The cgroup path "" is invalid.', {"cgroup": {"path": ""}}),
                ('The cgroup path ".." is invalid.', {"cgroup": {"path": ".."}}),
                ('The cgroup path "/a/../b" is invalid.', {"cgroup": {"path": "/a/../b"}}),
                (f'The cgroup path "{long}" is too long.', {"cgroup": {"path": long}})):
            with self.subTest(isolation):
                answer = self.server.api("PUT", "/config?dry_run=1", self.configuration(
                    {"app": {"isolation": isolation}}), 400)
                self.assertEqual(answer["detail"], detail)
                self.assertTrue(answer["pointer"].startswith(APP), answer)
        for fine in ({}, {"namespaces": {}}, {"automount": {"tmpfs": False}}, {"uidmap": []},
                     {"cgroup": {"path": "a..b/..."}, "new_privs": True}):
            self.server.api("PUT", "/config?dry_run=1",
                            self.configuration({"app": {"isolation": fine}}))

    def test_empty_isolation_is_none(self):
        self.prepare({"app": {"isolation": {"namespaces": {}, "automount": {}}}})
        self.assertEqual(namespaces(self.server.one('"app" application')), namespaces())
        self.assertEqual(self.server.pids("keeper"), [])


class Namespaces(Case):
    def check(self, wanted, keeper):
        """Those namespaces are the application's own, all others the daemon's."""
        self.isolated({"namespaces": {name: True for name in wanted}})
        worker, ours = self.server.one('"app" application'), namespaces()
        theirs, inside = namespaces(worker), self.ask("namespaces()")
        self.assertEqual({n for n in ours if ours[n] != theirs[n]},
                         {NAMESPACES[name] for name in wanted})
        self.assertEqual({n: inside[n] for n in theirs}, theirs)
        self.assertEqual(theirs, namespaces(self.server.one('"app" prototype')))
        self.assertEqual(self.ask("os.getuid()"), pwd.getpwnam("nobody").pw_uid)
        self.assertEqual(self.ask('int(status("CapEff")[0], 16)'), 0)
        self.assertEqual(len(self.server.pids("keeper")), keeper)
        self.check_nothing_left()
        return worker

    @needs("mount")
    def test_mount(self):
        self.check(["mount"], keeper=0)

    @needs("network")
    def test_network(self):
        self.check(["network"], keeper=0)
        self.assertEqual(self.ask("import socket\n[n for _, n in socket.if_nameindex()]"), ["lo"])

    @needs("uname")
    def test_uname(self):
        self.check(["uname"], keeper=0)

    @needs("cgroup")
    def test_cgroup(self):
        self.check(["cgroup"], keeper=0)

    @needs("credential")
    def test_credential(self):
        self.check(["credential"], keeper=1)
        nobody = pwd.getpwnam("nobody")
        maps = '[open("/proc/self/" + n).read().split() for n in ("uid_map", "gid_map")]'
        self.assertEqual(self.ask(maps), [[str(nobody.pw_uid)] * 2 + ["1"],
                                          [str(nobody.pw_gid)] * 2 + ["1"]])
        for attempt in ("os.setuid(0)", "os.setgid(1)", "os.setgroups([1])"):
            self.assertIn(self.ask(attempt)["raised"][0], ("PermissionError", "OSError"), attempt)

    @needs("pid")
    def test_pid(self):
        worker = self.check(["pid"], keeper=1)
        self.assertEqual(self.ask("[os.getpid(), os.getppid()]"), [2, 1])
        prototype = self.server.one('"app" prototype')
        self.assertEqual(self.ask('status("PPid")'), [str(prototype)])  # of the host's /proc
        # The log has the host's numbers.
        self.server.api("PUT", "/config", {})
        wait_for("its end in the log",
                 lambda: f"app process {worker} exited with code 0" in self.server.text())
        wait_for("nothing left", lambda: self.server.pids('"app"') == [])

    @needs(*NAMESPACES)
    def test_all_together(self):
        self.check(list(NAMESPACES), keeper=1)
        self.assertEqual(self.ask("[os.getpid(), os.getppid()]"), [2, 1])
        self.reconfigure(user="nobody", processes=4,
                         isolation={"namespaces": {name: True for name in NAMESPACES}})
        workers = wait_for("four workers", lambda: len(p := self.server.pids('"app" application')) == 4
                           and p)
        inside = sorted(int(own_status(pid, "NSpid")[-1]) for pid in workers)
        self.assertEqual((inside[0], len(set(inside))), (2, 4))  # threads take numbers too

    @needs("credential")
    def test_maps(self):
        self.isolated({"namespaces": {"credential": True},
                       "uidmap": [{"container": 0, "host": 70000, "size": 10},
                                  {"container": 65534, "host": 80000, "size": 1}],
                       "gidmap": [{"container": 65534, "host": 90000, "size": 1}]})
        worker = self.server.one('"app" application')
        self.assertEqual(self.ask("[os.getresuid(), os.getresgid(), os.getgroups()]"),
                         [[65534] * 3, [65534] * 3, [65534]])
        self.assertEqual((own_status(worker, "Uid")[0], own_status(worker, "Gid")[0]),
                         ("80000", "90000"))
        self.assertEqual(self.ask('print("by name", file=open("/dev/stderr", "w"), flush=True)'),
                         None)
        wait_for("the line", lambda: "by name" in self.server.text())
        nobody = pwd.getpwnam("nobody")
        self.refused(f'isolation: the "uidmap" has no "container" id for the user "nobody" '
                     f'({nobody.pw_uid}).', user="nobody",
                     isolation={"namespaces": {"credential": True},
                                "uidmap": [{"container": 0, "host": 0, "size": 10}]})
        self.refused(f'isolation: the "gidmap" has no "container" id for the group '
                     f'{nobody.pw_gid}.', user="nobody",
                     isolation={"namespaces": {"credential": True},
                                "gidmap": [{"container": 0, "host": 0, "size": 10}]})

    @needs("credential")
    def test_map_that_the_kernel_refuses(self):
        overlap = [{"container": 65534, "host": 1, "size": 1}] * 2
        self.isolated({})
        answer = self.server.api("PUT", "/config", self.configuration({"app": {
            "user": "nobody", "isolation": {"namespaces": {"credential": True},
                                            "uidmap": overlap}}}), 500)
        self.assertRegex(answer["detail"], r'^Application "app" cannot be started: isolation: '
                                           r"writing /proc/\d+/uid_map failed: Invalid argument\.$")
        self.assertEqual(self.ask("1"), 1)
        wait_for("no keeper", lambda: self.server.pids("keeper") == [])

    @needs("credential", "network", "uname")
    def test_root_inside(self):
        """Mapped to an ordinary user; host name and network are its own to change, nothing else."""
        names = ["credential", "network", "uname", "mount", "pid"]
        self.isolated({})
        self.reconfigure(user="root", isolation={
            "namespaces": {name: True for name in names},
            "uidmap": [{"container": 0, "host": 70000, "size": 1}],
            "gidmap": [{"container": 0, "host": 70000, "size": 1}]})
        self.assertEqual(self.ask("os.getuid()"), 0)
        self.assertEqual(self.ask('import socket\nsocket.sethostname("inside")\n'
                                  'socket.gethostname()'), "inside")
        self.assertNotEqual(os.uname().nodename, "inside")
        self.assertEqual(self.ask(f'open("{self.server.log}").read()')["raised"][0],
                         "PermissionError")
        self.assertEqual(self.ask('import ctypes\n'
                                  'ctypes.CDLL(None).mount(b"x", b"/mnt", b"tmpfs", 0, None)'), -1)

    def test_new_privileges(self):
        self.prepare({"app": {"isolation": {"new_privs": False}}})
        self.assertEqual(self.ask('status("NoNewPrivs")'), ["1"])
        self.assertEqual(self.server.pids("keeper"), [])
        self.reconfigure(isolation={"new_privs": True})
        self.assertEqual(self.ask('status("NoNewPrivs")'), ["0"])

    @needs("mount", "network")
    def test_forbidden_by_the_kernel(self):
        if subprocess.run([*surroundings.NO_UNSHARE, "true"], check=False).returncode != 0:
            self.skipTest("no filter of system calls here")
        self.prepare({"app": {}}, wrapper=surroundings.NO_UNSHARE)
        for name, kernels in (("credential", "user"), ("pid", "pid"), ("network", "network"),
                              ("mount", "mount"), ("uname", "uname"), ("cgroup", "cgroup")):
            self.refused(f"isolation: unshare({kernels}) is forbidden by the kernel: Operation not "
                         "permitted.", isolation={"namespaces": {name: True}})
        wait_for("no keeper", lambda: self.server.pids("keeper") == [])
        self.assertEqual(self.ask("1"), 1)

    @needs_root
    def test_root_without_the_privilege(self):
        """As in a container that has no CAP_SYS_ADMIN."""
        drop = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
        if subprocess.run([*drop, "true"], check=False).returncode != 0:
            self.skipTest("capabilities cannot be dropped here")
        self.prepare({"app": {}}, wrapper=drop)
        self.refused('isolation: the "mount" namespace needs the "credential" namespace too: the '
                     "daemon lacks the privilege (CAP_SYS_ADMIN).",
                     isolation={"namespaces": {"mount": True}})


class Unprivileged(Case):
    """A daemon that was not started by root."""

    def serve_unprivileged(self):
        me = pwd.getpwnam("nobody")
        run = ["setpriv", "--reuid", "nobody", "--regid", str(me.pw_gid), "--clear-groups", "--"]
        if not surroundings.ROOT:
            run = []
        elif os.system(" ".join([*run, "test", "-x", str(harness.DAEMON)])) != 0:
            self.skipTest("the daemon's file is closed to other users")
        self.prepare({"app": {}}, start=False, wrapper=run)
        if surroundings.ROOT:
            os.chown(self.server.dir, me.pw_uid, me.pw_gid)
        self.run_as = run
        self.begin()

    def test_needs_the_credential_namespace(self):
        self.serve_unprivileged()
        for name in ("pid", "network", "mount", "uname", "cgroup"):
            self.refused(f'isolation: the "{name}" namespace needs the "credential" namespace too: '
                         "the daemon lacks the privilege (CAP_SYS_ADMIN).", isolation={"namespaces": {name: True}})
        self.refused('isolation: the "rootfs" needs the "credential" namespace too: the daemon '
                     "lacks the privilege (CAP_SYS_ADMIN).", isolation={"rootfs": "/srv"})
        self.reconfigure(isolation={"new_privs": False})
        self.assertEqual(self.ask('status("NoNewPrivs")'), ["1"])

    def test_with_it(self):
        self.serve_unprivileged()
        command = [*self.run_as, "unshare", "-U", "true"]
        if subprocess.run(command, check=False).returncode != 0:
            self.refused("isolation: unshare(user) is forbidden by the kernel: Operation not "
                         "permitted.", isolation={"namespaces": {"credential": True}})
            return
        uid = self.ask("os.getuid()")
        self.reconfigure(isolation={"namespaces": {name: True for name in NAMESPACES}})
        worker, ours = self.server.one('"app" application'), namespaces()
        self.assertEqual([n for n, link in self.ask("namespaces()").items()
                          if ours.get(n) == link], [])
        self.assertEqual(self.ask("[os.getuid(), os.getpid()]"), [uid, 2])
        self.assertEqual(self.ask('int(status("CapEff")[0], 16)'), 0)
        self.assertTrue(harness.alive(worker))
        self.reconfigure(isolation={"namespaces": {"credential": True},
                                    "uidmap": [{"container": 0, "host": uid, "size": 1}]})
        self.assertEqual(self.ask("os.getuid()"), 0)
        self.refused(f'isolation: the "uidmap" can map the user {uid} alone: the daemon lacks '
                     "the privilege for more (CAP_SYS_ADMIN).",
                     isolation={"namespaces": {"credential": True},
                                "uidmap": [{"container": 0, "host": 0, "size": 1}]})


@needs_root
class Ends(Case):
    """Deaths, in an application that has a keeper."""

    ISOLATION = {"namespaces": {"credential": True, "pid": True}}

    @needs("credential", "pid")
    def test_kill_worker(self):
        self.isolated(self.ISOLATION)
        os.kill(worker := self.server.one('"app" application'), signal.SIGKILL)
        wait_for("another one", lambda: self.server.pids('"app" application') not in ([], [worker]))
        self.assertGreater(self.ask("os.getpid()"), 2)
        wait_for("the line", lambda: f"app process {worker} exited on signal 9" in self.server.text())

    @needs("credential", "pid")
    def test_kill_prototype_or_keeper(self):
        """The kernel ends the namespace with it; then all is made anew."""
        self.isolated(self.ISOLATION)
        for title in ("prototype", "keeper", "prototype"):
            family = self.server.pids('"app"')
            keeper = self.server.one('"app" keeper')
            os.kill(self.server.one(f'"app" {title}'), signal.SIGKILL)
            wait_for("their end", lambda: not any(harness.alive(p) for p in family))
            wait_for("another worker", lambda: len(self.server.pids('"app" application')) == 1)
            self.assertEqual(self.ask("[os.getpid(), 1 + 1]"), [2, 2])
            self.assertIn(f"process {keeper} exited on signal 9", self.server.text())
            self.assertEqual(len(self.server.pids("keeper")), 1)

    @needs("credential")
    def test_kill_keeper_without_pid_namespace(self):
        """The prototype goes with it; workers serve until there are others."""
        self.isolated({"namespaces": {"credential": True}})
        old = self.server.one('"app" prototype')
        os.kill(self.server.one('"app" keeper'), signal.SIGKILL)
        wait_for("the prototype's end", lambda: not harness.alive(old))
        self.assertEqual(self.ask("1"), 1)
        wait_for("another one", lambda: len(self.server.pids('"app" prototype')) == 1)
        wait_for("one keeper", lambda: len(self.server.pids('"app" keeper')) == 1)
        self.assertEqual(self.ask("1"), 1)

    @needs("credential", "pid")
    def test_kill_router_and_main(self):
        self.isolated(self.ISOLATION)
        router, keeper = self.server.one("patchbay: router"), self.server.one('"app" keeper')
        os.kill(router, signal.SIGKILL)
        wait_for("the keeper's end", lambda: not harness.alive(keeper))
        wait_for("another one", lambda: len(self.server.pids('"app" keeper')) == 1)
        wait_for("its answer", lambda: self.server.ready())
        self.assertEqual(self.ask("os.getpid()"), 2)
        self.server.kill()  # waits for the end of the family, the keeper among it
        self.server.start()
        self.assertEqual(self.ask("os.getpid()"), 2)

    @needs("pid")
    def test_what_it_leaves_behind(self):
        """With a pid namespace it ends; without one it may stay, and the stop of the server too."""
        leave = """
import subprocess
subprocess.Popen(["sleep", "600"], start_new_session=True, stdin=subprocess.DEVNULL,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid"""
        self.isolated({"namespaces": {"pid": True}})
        self.ask(leave)
        left = [p for p, t in harness.children(self.server.process.pid).items() if "sleep" in t]
        self.assertEqual(len(left), 1)
        self.reconfigure()
        wait_for("its end", lambda: not harness.alive(left[0]))
        if not may_unshare("credential"):
            return
        self.reconfigure(isolation={"namespaces": {"credential": True}})
        left = self.ask(leave)
        keeper = self.server.one('"app" keeper')
        self.reconfigure()
        wait_for("the prototype's end", lambda: len(self.server.pids('"app" prototype')) == 1)
        self.assertTrue(harness.alive(left))
        self.assertTrue(harness.alive(keeper))
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(harness.BOUND), 0)
        self.assertFalse(harness.alive(keeper))
        self.assertNotIn("did not end in time", self.server.text())
        os.kill(left, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
