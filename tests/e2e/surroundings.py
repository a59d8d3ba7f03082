"""Applications that say what they see around them, in a server that other users may look into."""
import json
import os
import shutil
import unittest

import harness
from harness import Connection, free_port

ROOT = os.getuid() == 0


class Case(harness.Case):
    """A server with applications of apps/evaluate.py; ask() runs Python inside of one."""

    def prepare(self, applications, start=True, **more):
        """applications: name -> options beside the usual ones."""
        self.ports = {name: free_port() for name in applications}
        self.server = self.serve(start=False, api=True, **more)
        # The build directory and the sources may be closed to other users.
        self.modules, self.apps = self.server.dir / "modules", self.server.dir / "apps"
        for source, target in ((harness.MODULES, self.modules), (harness.APPS, self.apps)):
            target.mkdir()
            for file in source.rglob("*"):
                if file.suffix in (".so", ".paths", ".py") and file.is_file():
                    shutil.copy(file, target / file.name)
                    (target / file.name).chmod(0o755)
        self.server.arguments += ["--modulesdir", str(self.modules)]
        self.config = self.configuration(applications)
        if start:
            self.begin()

    def begin(self):
        self.server.start()
        self.server.api("PUT", "/config", self.config)

    def configuration(self, applications):
        return {
            "listeners": {f"127.0.0.1:{port}": {"pass": f"applications/{name}"}
                          for name, port in self.ports.items()},
            "applications": {name: {"type": "python", "path": str(self.apps),
                                    "module": "evaluate", **options}
                             for name, options in applications.items()}}

    def ask(self, source, name="app"):
        """The value of Python source inside of the application."""
        body = source.encode()
        with Connection(("127.0.0.1", self.ports[name])) as c:
            c.send(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n")
            c.send(body)
            answer = c.response()
        self.assertEqual(answer.status, 200, self.server.text()[-3000:])
        return json.loads(answer.body)

    def reconfigure(self, **options):
        """The application "app" with other options, which must start."""
        self.config = self.configuration({"app": options})
        self.server.api("PUT", "/config", self.config)

    def refused(self, expected, status=500, **options):
        """The application "app" with these options must not start; the answer says why."""
        answer = self.server.api("PUT", "/config", self.configuration({"app": options}), status)
        prefix = 'Application "app" cannot be started: ' if status == 500 else ""
        self.assertEqual(answer["detail"], prefix + expected)


def needs_root(test):
    return unittest.skipUnless(ROOT, "needs root")(test)


# Under it a daemon finds a kernel that makes no namespaces, as container engines' filters do.
NO_UNSHARE = ["/usr/bin/python3", "-c", """
import ctypes, os, platform, struct, sys
number = {"x86_64": 272, "aarch64": 97}[platform.machine()]
code = b"".join(struct.pack("HBBI", *i) for i in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)))
memory = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(memory)))
if ctypes.CDLL(None).prctl(22, 2, program, 0, 0) != 0:
    sys.exit("no seccomp")
os.execvp(sys.argv[1], sys.argv[1:])
"""]
