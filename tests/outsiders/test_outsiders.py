"""Modules by outsiders. The SDK is installed into a directory that was not known when it was
configured; the projects of this folder and those that `patchbay-module new` writes are built against
it and nothing else, checked, and run under patchbayd."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import harness  # noqa: E402
from harness import Connection, free_port, get  # noqa: E402

CONTRACT = harness.BUILD / "tests" / "contract" / "modules"


def run(*command, **more):
    """Runs it; what it printed. Fails with all of it if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=900, **more)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Sdk:
    """The SDK, installed once for all tests."""
    home = None

    @classmethod
    def install(cls):
        if cls.home is None:
            cls.home = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-sdk-"))
            cls.home.chmod(0o755)
            unittest.addModuleCleanup(shutil.rmtree, cls.home)
            cls.prefix = cls.home / "prefix"
            run("cmake", "--install", harness.BUILD, "--component", "sdk", "--prefix", cls.prefix)
            cls.env = {**os.environ, "CMAKE_PREFIX_PATH": str(cls.prefix),
                       "PATH": f"{cls.prefix / 'bin'}:{os.environ['PATH']}",
                       "CMAKE_BUILD_PARALLEL_LEVEL": "2"}
            cls.built = {}

    @classmethod
    def build(cls, project):
        """Builds a project of this folder and runs its tests; its modules."""
        if project not in cls.built:
            build = cls.home / "build" / project
            run("cmake", "-S", HERE / project, "-B", build, env=cls.env)
            run("cmake", "--build", build, env=cls.env)
            run("ctest", "--test-dir", build, "--output-on-failure", env=cls.env)
            cls.built[project] = sorted((build / "modules").glob("*.so"))
        return cls.built[project]


def setUpModule():
    Sdk.install()


class OutsiderCase(harness.Case):
    def modules(self, *files):
        """A modules directory with the listeners of this tree and these."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-modules-"))
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        for file in (harness.MODULES / "listener_tcp.so", harness.MODULES / "listener_unix.so",
                     harness.MODULES / "encoder_python.so", harness.MODULES / "runtime_python.so",
                     harness.MODULES / "runtime_python.paths", *files):
            (folder / file.name).symlink_to(file)
        return folder

    def serve_with(self, config, *files, **more):
        return self.serve(config, arguments=["--modulesdir", str(self.modules(*files))], **more)


class Package(unittest.TestCase):
    """What was installed, beside what the projects use of it."""

    def test_pkg_config(self):
        file = next(Sdk.prefix.rglob("patchbay-sdk.pc"))
        env = {**os.environ, "PKG_CONFIG_PATH": str(file.parent)}
        ask = lambda what: run("pkg-config", what, "patchbay-sdk", env=env).strip()
        include = re.fullmatch(r"-I(\S+)", ask("--cflags"))[1]
        self.assertTrue((pathlib.Path(include) / "patchbay" / "abi.h").is_file(), include)
        modules = pathlib.Path(ask("--variable=modulesdir")).resolve()
        self.assertTrue(modules.is_relative_to(Sdk.prefix), modules)
        header = (pathlib.Path(include) / "patchbay" / "abi.h").read_text()
        major, minor = (re.search(rf"#define PB_ABI_{part} (\d+)u", header)[1]
                        for part in ("MAJOR", "MINOR"))
        self.assertEqual(ask("--variable=abi"), major)
        self.assertEqual(ask("--modversion"), f"{major}.{minor}")

    def test_a_module_without_cmake(self):
        file = next(Sdk.prefix.rglob("patchbay-sdk.pc"))
        env = {**Sdk.env, "PKG_CONFIG_PATH": str(file.parent)}
        module = Sdk.home / "plain.so"
        flags = run("pkg-config", "--cflags", "patchbay-sdk", env=env).split()
        run("cc", "-std=c11", "-shared", "-fPIC", "-fvisibility=hidden", *flags,
            ROOT / "tests" / "contract" / "modules" / "good_encoder.c", "-o", module)
        run("patchbay-module", "check", module, env=env)

    def test_the_version_is_that_of_the_abi(self):
        project = Sdk.home / "version"
        project.mkdir()
        for wanted, found in (("1.0", True), ("1", True), ("1.99", False), ("2.0", False)):
            (project / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.25)\nproject(version LANGUAGES CXX)\n"
                f"find_package(Patchbay {wanted} QUIET)\nmessage(\"found=${{Patchbay_FOUND}}\")\n")
            with self.subTest(wanted=wanted):
                done = subprocess.run(["cmake", "-S", project, "-B", project / "build"],
                                      env=Sdk.env, capture_output=True, text=True, timeout=300)
                self.assertIn(f"found={1 if found else 0}", done.stderr)


class QuickStart(unittest.TestCase):
    """The commands of sdk/README.md, as a new user types them."""

    def test_the_commands_of_the_readme(self):
        section = (ROOT / "sdk" / "README.md").read_text().partition("## Quick start")[2]
        commands = re.search(r"```sh\n(.*?)```", section, re.S)[1]
        self.assertGreater(commands.count("\n"), 4)
        programs, work = Sdk.home / "programs", Sdk.home / "work"
        programs.mkdir()
        work.mkdir()
        modules = next(Sdk.prefix.rglob("PatchbayConfig.cmake")).parents[2] / "patchbay" / "modules"
        daemon = programs / "patchbayd"                # the installed one knows its directory
        daemon.write_text(f'#!/bin/sh\nexec "{harness.DAEMON}" --modulesdir "{modules}" "$@"\n')
        daemon.chmod(0o755)
        env = {**Sdk.env, "PATH": f"{programs}:{Sdk.env['PATH']}"}
        listed = run("bash", "-euc", commands, cwd=work, env=env).rpartition("ID ")[2]
        self.assertRegex(listed, r"\nencoder\.pages .*\n(.*\n)*runtime\.pages ")
        self.assertNotIn("Not usable", listed)


class Template(OutsiderCase):
    """patchbay-module new: every kind builds and passes its tests as it stands."""

    def make(self, kind, name):
        project = Sdk.home / name
        text = run("patchbay-module", "new", kind, name, project, env=Sdk.env)
        self.assertIn("CMakeLists.txt", text)
        for command in (("cmake", "-B", "build"), ("cmake", "--build", "build"),
                        ("ctest", "--test-dir", "build", "--output-on-failure")):
            run(*command, cwd=project, env=Sdk.env)
        written = "".join(f.read_text() for f in project.iterdir() if f.is_file())
        self.assertNotRegex(written, r"(?i)example")
        return sorted((project / "build" / "modules").glob("*.so"))

    def test_a_listener(self):
        files = self.make("listener", "front_door")
        port = free_port()
        server = self.serve_with({**harness.simple(port), "listeners": {
            f"front_door:{port}": {"pass": "applications/app", "backlog": 7}}}, *files)
        self.assertEqual(get(("127.0.0.1", port)).status, 200)
        server.write({**harness.simple(port), "listeners": {
            "front_door:99999": {"pass": "applications/app"}}})
        server.reload(refused=True)
        self.logged(server, "a port from 1 to 65535 must follow")

    def test_a_language(self):
        files = self.make("language", "pages")
        port, page = free_port(), Sdk.home / "page.txt"
        page.write_text("A page.\n")
        self.serve_with({"listeners": {f"127.0.0.1:{port}": {"pass": "applications/a"}},
                         "applications": {"a": {"type": "pages", "page": str(page)}}}, *files)
        with Connection(("127.0.0.1", port)) as c:
            self.assertEqual(c.get("/x?y").body, b"GET /x?y with 0 bytes\nA page.\n")
            c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            self.assertEqual(c.response().body, b"POST / with 5 bytes\nA page.\n")

    def test_a_sink(self):
        files = self.make("sink", "failures")
        port = free_port()
        server = self.serve_with({**harness.simple(port), "sinks": {
            "all": {"type": "failures", "from": 200}}}, *files)
        self.assertEqual(get(("127.0.0.1", port), "/x").status, 200)
        self.logged(server, like=r"failures: 200 GET /x after \d+ ms")

    def test_an_encoder_and_a_runtime(self):
        files = self.make("encoder", "two_halves")
        project = Sdk.home / "two_halves"
        project.rename(Sdk.home / "two_halves_encoder")
        files = [Sdk.home / "two_halves_encoder" / "build" / "modules" / f.name for f in files]
        files += self.make("runtime", "two_halves")
        port = free_port()
        self.serve_with({"listeners": {f"127.0.0.1:{port}": {"pass": "applications/a"}},
                         "applications": {"a": {"type": "two_halves", "greeting": "Good day"}}},
                        *files)
        self.assertEqual(get(("127.0.0.1", port)).body, b"Good day\n")

    def test_a_directory_that_is_in_use(self):
        folder = Sdk.home / "in_use"
        folder.mkdir()
        (folder / "file").write_text("mine")
        done = subprocess.run(["patchbay-module", "new", "listener", "door", folder], env=Sdk.env,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is there already", done.stderr)
        self.assertEqual([f.name for f in folder.iterdir()], ["file"])


class Lua(OutsiderCase):
    SCRIPT = HERE / "lua" / "tests" / "app.lua"

    def setUp(self):
        self.address = ("127.0.0.1", free_port())
        self.server = self.serve_with(self.config(), *Sdk.build("lua"))

    def config(self, script=SCRIPT):
        return {"listeners": {"%s:%d" % self.address: {"pass": "applications/lua"}},
                "applications": {"lua": {"type": "lua 5.4", "script": str(script),
                                         "processes": 1, "threads": 2}}}

    def post(self, path, body):
        with Connection(self.address) as c:
            c.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n")
            c.send(body)
            return c.response()

    def test_pages(self):
        answer = get(self.address)
        self.assertEqual((answer.status, answer.body), (200, b"Hello from Lua\n"))
        self.assertEqual(answer.get("Content-Type"), "text/plain")
        self.assertEqual(get(self.address, "/nowhere").status, 404)
        shown = get(self.address, "/show?a=1", "X-A: 1", "X-a: 2").body
        self.assertEqual(shown, b"GET|a=1|127.0.0.1|1, 2|localhost")

    def test_bodies(self):
        body = bytes(range(256)) * 1000
        answer = self.post("/echo", body)
        self.assertEqual((answer.status, answer.body == body), (201, True))
        self.assertEqual(answer.all("Set-Cookie"), ["a=1", "b=2"])
        self.assertEqual(answer.get("X-Count"), "7")
        self.assertEqual(len(get(self.address, "/stream").body), 500_000)

    def test_errors(self):
        self.assertEqual(get(self.address, "/error").status, 503)
        self.logged(self.server, like=r"#\d+ .*app\.lua:\d+: the script gave up")
        for path in ("/bad", "/status"):
            self.assertEqual(get(self.address, path).status, 503)
        self.assertEqual(get(self.address, "/keep").status, 204)
        kept = [get(self.address, "/kept").body for _ in range(20)]
        self.assertTrue(any(b"the request is over" in text for text in kept), kept[:3])
        self.assertEqual(get(self.address).status, 200)

    def test_a_client_that_goes(self):
        with Connection(self.address) as c:
            c.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        with Connection(self.address) as c:
            c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        self.assertEqual([get(self.address).status for _ in range(8)], [200] * 8)

    def test_scripts_that_cannot_be_run(self):
        broken = self.server.dir / "broken.lua"
        for text, cause in (("function", "cannot be run"), ("x = 1", "defines no function handle"),
                            ("error('no')", "broken.lua:1: no")):
            with self.subTest(script=text):
                broken.write_text(text)
                since = len(self.server.text())
                self.server.write(self.config(broken))
                self.server.reload()                   # the application keeps its old version
                self.logged(self.server, cause, since=since)
                self.assertEqual(get(self.address).status, 200)


class SameUser(OutsiderCase):
    def connect(self, user):
        port = free_port()
        server = self.serve_with(harness.simple(port), *Sdk.build("same_user"))
        path = server.dir / "door"
        server.reload({**harness.simple(port), "listeners": {
            f"same_user:{path}": {"pass": "applications/app", "user": user}}})
        return server, str(path)

    def test_the_user(self):
        _, path = self.connect(run("id", "-un").strip())
        self.assertEqual(get(path).status, 200)

    def test_others(self):
        server, path = self.connect("daemon")          # nobody runs tests as this one
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(harness.BOUND)
            client.connect(path)
            self.assertEqual(client.recv(1), b"")
        self.logged(server, f"a client of user {os.getuid()} is turned away")

    def test_a_user_that_does_not_exist(self):
        port = free_port()
        server = self.serve_with(harness.simple(port), *Sdk.build("same_user"))
        server.write({**harness.simple(port), "listeners": {
            "same_user:/tmp/x": {"pass": "applications/app", "user": "no such user"}}})
        server.reload(refused=True)
        self.logged(server, 'The user "no such user" does not exist.')


class Statsd(OutsiderCase):
    def test_requests_are_counted(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
            statsd.bind(("127.0.0.1", 0))
            statsd.settimeout(harness.BOUND)
            port = free_port()
            server = self.serve_with({**harness.simple(port), "sinks": {"numbers": {
                "type": "statsd", "port": statsd.getsockname()[1]}}}, *Sdk.build("statsd"))
            self.assertEqual(get(("127.0.0.1", port)).status, 200)
            self.assertRegex(statsd.recv(1000), rb"^patchbay\.app\.200:1\|c\n"
                                                rb"patchbay\.app\.time:\d+\|ms$")
            server.write({**harness.simple(port), "sinks": {"numbers": {
                "type": "statsd", "address": "nowhere"}}})
            server.reload(refused=True)
            self.logged(server, '"nowhere" is no IPv4 address.')


class Versions(OutsiderCase):
    """Modules of another time."""

    def test_of_the_first_abi(self):
        port = free_port()
        self.serve_with({"listeners": {f"127.0.0.1:{port}": {"pass": "applications/a"}},
                         "applications": {"a": {"type": "veteran"}}}, *Sdk.build("abi_1_0"))
        with Connection(("127.0.0.1", port)) as c:
            self.assertEqual(c.get("/old?times").body, b"/old?times")
            c.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            self.assertEqual(c.response().body, b"/bhello")

    def test_of_a_coming_abi(self):
        port = free_port()
        newer = CONTRACT / "newer_minor.so"
        server = self.serve_with(harness.simple(port), newer)
        self.assertEqual(get(("127.0.0.1", port)).status, 200)
        self.logged(server, like=r"newer_minor\.so: was built for ABI 1\.\d+, this server speaks "
                                 r"1\.\d+: update the server, or install an older package")
        listed = json.loads(run(harness.DAEMON, "--list-modules", "--json", "--modulesdir",
                                self.modules(newer)))
        self.assertTrue(any("newer_minor.so" in line and "update the server" in line
                            for line in listed["rejected"]), listed["rejected"])
        self.assertNotIn("encoder.contract", [m["id"] for m in listed["modules"]])


if __name__ == "__main__":
    unittest.main()
