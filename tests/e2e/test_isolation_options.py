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
        root = self.server.dir / "root"
        root.mkdir(mode=0o755)
        shutil.copytree(self.apps, root / "apps")
        if surroundings.ROOT:
            os.chown(root, uid, -1)
        for more in ({}, {"mount": True}, {"pid": True, "mount": True}):
            self.reconfigure(path="/apps", isolation={
                "rootfs": str(root), "namespaces": {"credential": True, **more}})
            self.assertEqual(set(self.ask('os.listdir("/")')), {"apps", "proc", "tmp", "usr"})
            self.assertEqual(self.ask("os.getuid()"), uid)
            self.check_nothing_left()
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
            self.logged(self.server, f"process {keeper} exited on signal 9")
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


class Root(Case):
    """rootfs and what is mounted into it. Without "path" the application's files lie in it."""

    def new_root(self, isolation=None, **more):
        self.prepare({"app": {}}, **more)
        self.root = self.server.dir / "root"
        self.root.mkdir(mode=0o755)
        (self.root / "apps").mkdir(mode=0o755)
        for file in self.apps.iterdir():
            shutil.copy(file, self.root / "apps")

    def enter(self, **isolation):
        options = {"user": "nobody", "path": "/apps", **isolation.pop("app", {})}
        self.reconfigure(**options, isolation={"rootfs": str(self.root), **isolation})
        return self.server.one('"app" application')

    def check_inside(self, procfs=True):
        self.assertEqual(self.ask("os.getcwd()"), "/")
        inside = set(self.ask('os.listdir("/")'))
        self.assertEqual(inside, {"apps", "tmp", "usr"} | ({"proc"} if procfs else set()))
        self.assertEqual(self.ask(f'open("{self.server.conf.parent}/apps/evaluate.py")')
                         ["raised"][0], "FileNotFoundError")
        self.assertEqual(self.ask('os.listdir("/../..") == os.listdir("/")'), True)
        self.assertEqual(self.ask("""
import ctypes, decimal, hashlib, json, sqlite3, ssl, zlib
hashlib.sha256(b"").hexdigest()[:8]"""), "e3b0c442")
        self.assertEqual(self.ask('open("/usr/lib/x", "w")')["raised"][0], "PermissionError")

    @needs("mount")
    def test_with_mount_namespace(self):
        self.new_root()
        worker = self.enter(namespaces={"mount": True})
        self.check_inside()
        self.assertNotEqual(namespaces(worker)["mnt"], namespaces()["mnt"])
        text = pathlib.Path(f"/proc/{worker}/mountinfo").read_text()
        points = [line.split()[4] for line in text.splitlines()]
        self.assertIn("/", points)
        # The old root is gone: nothing of it is mounted any more.
        self.assertEqual([p for p in points if not p.startswith(("/tmp", "/proc", "/usr"))], ["/"])
        self.check_nothing_left()
        self.server.api("PUT", "/config", {})
        wait_for("its end", lambda: not harness.alive(worker))
        self.check_nothing_left()
        self.assertEqual(os.listdir(self.root / "proc"), [])

    @needs("mount")
    def test_without_mount_namespace(self):
        """What is mounted for it is for it alone even so."""
        self.new_root()
        worker = self.enter()
        self.check_inside()
        self.check_nothing_left()
        os.kill(worker, signal.SIGKILL)
        os.kill(self.server.one('"app" prototype'), signal.SIGKILL)
        wait_for("another one", lambda: self.server.pids('"app" application') not in ([], [worker])
                 and len(self.server.pids('"app" prototype')) == 1)
        self.check_inside()
        self.check_nothing_left()

    @needs_root
    def test_chroot_alone(self):
        """Nothing mounted: the rootfs has all it needs itself."""
        self.new_root()
        for line in (self.modules / "runtime_python.paths").read_text().splitlines():
            if line.startswith("/usr/lib/python3.") and "dist-packages" not in line:
                shutil.copytree(line, self.root / line[1:], ignore=shutil.ignore_patterns(
                    "__pycache__", "test", "idlelib", "config-*"))
        worker = self.enter(automount={"language_deps": False, "tmpfs": False, "procfs": False})
        self.assertEqual(set(self.ask('os.listdir("/")')), {"apps", "usr"})
        self.assertEqual(namespaces(worker)["mnt"], namespaces()["mnt"])
        self.assertEqual(os.readlink(f"/proc/{worker}/root"), str(self.root))

    @needs("mount")
    def test_automount(self):
        self.new_root()
        self.enter()
        self.assertEqual(self.ask('s = os.statvfs("/tmp")\n'
                                  '[s.f_blocks * s.f_frsize, s.f_flag & 14]'), [1048576, 14])
        self.assertEqual(self.ask('oct(os.stat("/tmp").st_mode)'), "0o41777")
        self.assertEqual(self.ask('open("/tmp/x", "w").write("x" * 100)'), 100)
        self.assertEqual(self.ask('open("/tmp/y", "wb", 0).write(b"x" * 2000000) < 1048577'), True)
        self.assertEqual(os.listdir(self.root / "tmp"), [])
        for name, path in (("tmpfs", "tmp"), ("procfs", "proc")):
            self.enter(automount={name: False})
            self.assertEqual(self.ask(f'os.listdir("/{path}")'), [], name)
        self.refused_start({"language_deps": False})

    def refused_start(self, automount):
        """Without Python's library Python does not start, and says so."""
        shutil.rmtree(self.root / "usr")
        answer = self.server.api("PUT", "/config", self.configuration({"app": {
            "path": "/apps", "isolation": {"rootfs": str(self.root), "automount": automount}}}), 500)
        self.assertRegex(answer["detail"] + answer["output"], "Python failed to start|encodings")

    @needs("mount")
    def test_what_the_root_has_is_not_hidden(self):
        self.new_root()
        own = self.root / "usr/lib/python3/dist-packages"
        own.mkdir(parents=True)
        (own / "only_inside.py").write_text("value = 7")
        (own / "only_inside.py").chmod(0o644)
        self.enter()
        self.assertEqual(self.ask("import only_inside\nonly_inside.value"), 7)

    @needs("mount")
    def test_a_link_in_it_does_not_lead_outside(self):
        self.new_root()
        outside = self.server.dir / "outside"
        outside.mkdir(mode=0o755)
        (self.root / "usr").symlink_to(f"../../..{outside}")
        (self.root / "tmp").symlink_to(outside)
        answer = self.server.api("PUT", "/config", self.configuration({"app": {
            "user": "nobody", "path": "/apps", "isolation": {"rootfs": str(self.root)}}}), 500)
        self.assertIn("cannot be made in the rootfs", answer["detail"])
        self.assertEqual(os.listdir(outside), [])

    @needs("mount")
    def test_paths_are_inside(self):
        self.new_root()
        for name in ("work", "logs"):
            (self.root / name).mkdir()
            (self.root / name).chmod(0o777)
        self.enter(app={"working_directory": "/work", "stdout": "/logs/out", "stderr": "err"})
        self.assertEqual(self.ask("os.getcwd()"), "/work")
        self.ask('import sys\nprint("said", flush=True)\nprint("cried", file=sys.stderr, flush=True)')
        self.assertEqual((self.root / "logs/out").read_text(), "said\n")
        self.assertEqual((self.root / "work/err").read_text(), "cried\n")
        (self.root / "logs/out").rename(self.root / "logs/old")
        self.server.process.send_signal(signal.SIGUSR1)
        wait_for("a new file", lambda: (self.root / "logs/out").exists())
        self.refused('The working directory "/nowhere" cannot be entered: No such file or '
                     "directory.", isolation={"rootfs": str(self.root)}, working_directory="/nowhere")

    @needs("mount", "pid", "credential")
    def test_with_everything(self):
        self.new_root()
        names = {name: True for name in NAMESPACES}
        worker = self.enter(namespaces=names)
        self.check_inside()
        self.assertEqual(self.ask("os.getpid()"), 2)
        self.assertEqual(sorted(int(n) for n in self.ask('os.listdir("/proc")') if n.isdigit()),
                         [1, 2])
        self.assertEqual(self.ask('status("PPid")'), ["1"])
        theirs = namespaces(worker)
        self.assertEqual([n for n, link in namespaces().items() if theirs[n] == link], [])

    @needs("mount")
    def test_root_inside_cannot_undo_it(self):
        self.new_root()
        self.enter(app={"user": "root"}, new_privs=False,
                   namespaces={"credential": True, "mount": True, "pid": True},
                   uidmap=[{"container": 0, "host": 70000, "size": 1}],
                   gidmap=[{"container": 0, "host": 70000, "size": 1}])
        self.assertEqual(self.ask("os.getuid()"), 0)
        self.assertEqual(self.ask('import ctypes\nctypes.CDLL(None).umount2(b"/proc", 2)'), -1)
        self.assertEqual(self.ask("""
import ctypes
ctypes.CDLL(None).mount(None, b"/usr/lib/python3.11", None, 32 | 4096, None)"""), -1)  # read-write

    @needs_root
    def test_errors(self):
        self.prepare({"app": {}})
        file = self.server.dir / "file"
        file.write_text("")
        link = self.server.dir / "link"
        link.symlink_to("/")
        self.refused('The rootfs "/no/such" cannot be entered: No such file or directory.',
                     isolation={"rootfs": "/no/such"})
        self.refused(f'The rootfs "{file}" cannot be entered: Not a directory.',
                     isolation={"rootfs": str(file)})
        self.refused(f'The rootfs "{link}" must not be "/".', isolation={"rootfs": str(link)})
        self.check_nothing_left()


def may_make_cgroups():
    try:
        probe = pathlib.Path(f"{cgroup_mount()}{own_cgroup()}/patchbay-probe-{os.getpid()}")
        probe.mkdir()
        os.setxattr(probe, "user.probe", b"")
        probe.rmdir()
        return surroundings.ROOT
    except OSError:
        return False


@unittest.skipUnless(may_make_cgroups(), "no groups of cgroup v2 can be made here")
class ControlGroups(Case):
    def setUp(self):
        super().setUp()
        self.name = f"patchbay-test-{os.getpid()}-{time.monotonic_ns()}"
        self.base = pathlib.Path(f"{cgroup_mount()}{own_cgroup()}".rstrip("/"))
        self.group = self.base / self.name
        self.addCleanup(self.tidy)

    def tidy(self):
        """What a failed test leaves."""
        for path in sorted(self.group.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
        if self.group.exists():
            self.group.rmdir()

    def grouped(self, path, **namespaces_):
        return {"cgroup": {"path": path}, "namespaces": namespaces_}

    def gone(self, path=None):
        wait_for("the group's end", lambda: not (path or self.group).exists())

    def test_relative_and_absolute(self):
        mount = cgroup_mount()
        own = own_cgroup().rstrip("/")
        for path in (f"{self.name}/a/b", f"{own}/{self.name}/a/b"):
            with self.subTest(path):
                self.isolated(self.grouped(path))
                worker, prototype, keeper = (self.server.one(f'"app" {title}') for title in
                                             ("application", "prototype", "keeper"))
                self.assertEqual(own_cgroup(worker), f"{own}/{self.name}/a/b")
                self.assertEqual(own_cgroup(prototype), own_cgroup(worker))
                self.assertEqual(own_cgroup(keeper), own_cgroup())
                self.assertEqual(self.ask('open("/proc/self/cgroup").read()').splitlines()[-1],
                                 f"0::{own}/{self.name}/a/b")
                group = pathlib.Path(f"{mount}{own}/{self.name}/a/b")
                self.assertEqual(set(group.joinpath("cgroup.procs").read_text().split()),
                                 {str(worker), str(prototype)})
                self.assertEqual(group.stat().st_mode & 0o777, 0o777 & ~current_umask())
                self.server.api("PUT", "/config", {})
                self.gone()
                self.server.stop()

    def test_in_a_cgroup_namespace(self):
        self.isolated(self.grouped(self.name, cgroup=True))
        self.assertEqual(self.ask('open("/proc/self/cgroup").read()').splitlines()[-1], "0::/")
        self.server.stop()
        self.gone()

    def test_what_was_there_stays(self):
        self.group.mkdir()
        self.isolated(self.grouped(f"{self.name}/made/inner"))
        self.assertTrue((self.group / "made/inner").exists())
        self.server.api("PUT", "/config", {})
        self.gone(self.group / "made")
        self.assertTrue(self.group.exists())

    def test_generations_and_applications_share_it(self):
        """Whoever is the last removes it, also the parts that others have made."""
        self.prepare({"app": {"isolation": self.grouped(f"{self.name}/a")},
                      "other": {"isolation": self.grouped(self.name)}})
        for n in range(5):
            self.config["applications"]["app"]["environment"] = {"N": str(n)}
            self.server.api("PUT", "/config", self.config)
            self.assertEqual(self.ask('os.environ["N"]'), str(n))
        wait_for("one keeper", lambda: len(self.server.pids('"app" keeper')) == 1)
        del self.config["applications"]["app"]
        self.config["listeners"] = {a: l for a, l in self.config["listeners"].items()
                                    if l["pass"] != "applications/app"}
        self.server.api("PUT", "/config", self.config)
        self.gone(self.group / "a")
        self.assertTrue(self.group.exists())
        self.server.api("PUT", "/config", {})
        self.gone()

    def test_kill_each(self):
        """SIGKILL to anybody: the next one goes on in the group, and nothing is left at the end."""
        self.isolated(self.grouped(f"{self.name}/a"))
        for title in ('"app" application', '"app" prototype', '"app" keeper', "patchbay: router"):
            before = self.server.pids('"app"')
            os.kill(self.server.one(title), signal.SIGKILL)
            wait_for("others", lambda: self.server.pids('"app"') != before)
            wait_for("an answer", lambda: self.server.ready()
                     and len(self.server.pids('"app" application')) == 1
                     and len(self.server.pids('"app" prototype')) == 1
                     and len(self.server.pids('"app" keeper')) == 1)
            self.assertEqual(self.ask("1"), 1)
            self.assertTrue((self.group / "a").exists())
        self.server.kill()
        self.gone()
        self.server.start()
        self.assertEqual(self.ask("1"), 1)
        self.assertTrue((self.group / "a").exists())
        self.server.stop()
        self.gone()

    def test_keeper_and_main_killed_at_once(self):
        """Nobody is there to tidy up; the next one that uses the group does."""
        self.isolated(self.grouped(f"{self.name}/a"))
        keeper = self.server.one('"app" keeper')
        os.kill(self.server.process.pid, signal.SIGSTOP)  # it starts no other one meanwhile
        os.kill(keeper, signal.SIGKILL)
        self.server.kill()
        self.assertTrue((self.group / "a").exists())
        self.server.start()
        self.assertEqual(self.ask("1"), 1)
        self.server.stop()
        self.gone()

    @needs("mount")
    def test_without_cgroup_v2(self):
        self.prepare({"app": {}}, wrapper=["unshare", "-m", "sh", "-c",
                                           f'umount -l {cgroup_mount()}; exec "$@"', "sh"])
        self.refused("isolation: there is no cgroup v2 mounted.", isolation=self.grouped("a"))

    def test_failed_start(self):
        self.isolated({})
        answer = self.server.api("PUT", "/config", self.configuration({"app": {
            "module": "nosuch", "isolation": self.grouped(f"{self.name}/a")}}), 500)
        self.assertIn("nosuch", answer["output"])
        self.gone()

    def test_errors(self):
        self.group.mkdir()
        self.isolated({})
        (self.group / "cgroup.max.descendants").write_text("0")
        self.refused(f'isolation: the cgroup "{self.group}/a" cannot be made: Resource temporarily '
                     "unavailable.", isolation=self.grouped(f"{self.name}/a"))
        self.assertEqual(self.ask("1"), 1)


def current_umask():
    old = os.umask(0)
    os.umask(old)
    return old


if __name__ == "__main__":
    unittest.main()
