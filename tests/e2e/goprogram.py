"""Tests with a program in Go (apps/go_program, sdk/go): built once per test process."""
import atexit
import functools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import harness
from harness import APPS, BUILD, Connection, free_port, wait_for

# Debian's, then whatever there is.
GO = next(p for p in ["/usr/lib/go-1.19/bin/go", "/usr/bin/go", shutil.which("go"), "go"]
          if p and (os.path.exists(p) or p == "go"))
ENVIRONMENT = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
               "GOCACHE": str(BUILD / "go-cache"), "GOPATH": str(BUILD / "go-path"),
               "CGO_ENABLED": "0"}


@functools.cache
def program():
    """The path of the built program, in a directory everybody may enter."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-go-"))
    directory.chmod(0o755)
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    subprocess.run([GO, "build", "-o", str(directory / "program"), "."], cwd=APPS / "go_program",
                   env=ENVIRONMENT, check=True, timeout=600)
    return directory / "program"


def go_app(directory, environment=None, **more):
    """Configuration of the program; it and the tests leave files for each other in the directory."""
    return {"type": "go", "executable": str(program()),
            "environment": {"DIR": str(directory), **(environment or {})}, **more}


class Program(harness.Case):
    def prepare(self, environment=None, listeners=(), settings=None, api=False, **app):
        """One daemon with the program behind one listener; self.config may be changed and reloaded."""
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.server = self.serve(start=False, api=api)
        self.dir = self.server.dir
        keys = [f"127.0.0.1:{self.port}", *(key.format(dir=self.dir) for key in listeners)]
        self.config = {"settings": {"http": {"max_body_size": 100 << 20, **(settings or {})}},
                       "listeners": {key: {"pass": "applications/app"} for key in keys},
                       "applications": {"app": go_app(self.dir, environment, **app)}}
        if not api:
            self.server.write(self.config)
        self.server.start()
        if api:
            self.server.api("PUT", "/config", self.config)

    def workers(self):
        return self.server.pids(str(program()))

    def notes(self, name):
        """The lines that handlers have left."""
        file = self.dir / name
        return file.read_text().splitlines() if file.exists() else []

    def noted(self, name, line):
        wait_for(f"{line!r} in {name}, which has {self.notes(name)}",
                 lambda: line in self.notes(name), 20)

    def ask(self, request, address=None):
        """A request whose answer is read later."""
        c = Connection(address or self.address)
        self.addCleanup(c.close)
        c.send(request if "\r\n" in request else f"GET {request} HTTP/1.1\r\nHost: x\r\n\r\n")
        return c

    def release(self, *names):
        for name in names:
            (self.dir / name).touch()


class Alone:
    """The same program, listening itself."""

    def __init__(self, address, directory):
        target = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        self.address = address
        self.process = subprocess.Popen([str(program()), target], stderr=subprocess.DEVNULL,
                                        env={**os.environ, "DIR": str(directory)})
        wait_for("the program listens", self.listens)

    def listens(self):
        assert self.process.poll() is None, "the program has ended"
        try:
            with socket.socket(socket.AF_UNIX if isinstance(self.address, str)
                               else socket.AF_INET) as s:
                s.connect(self.address)
            return True
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
