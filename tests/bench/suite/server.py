"""One running server: where it listens, which processes it has, how it begins and ends."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import harness
from harness import wait_for

BENCH = pathlib.Path(__file__).resolve().parent.parent
APPS = BENCH / "apps"
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


class Place:
    """How much of the machine a server gets. cpu: the one it is pinned to, or None."""

    def __init__(self, cpu, workers):
        self.cpu, self.workers = cpu, workers

    @property
    def wrapper(self):
        return [] if self.cpu is None else ["taskset", "-c", str(self.cpu)]


class Server:
    """name: as in tables and in --servers; kinds: of workloads; programs: files it needs."""
    name = ""
    kinds = ()
    programs = ()
    package = ""                 # Debian's, for the version
    # It serves no more keep-alive connections at a time than it has workers.
    connection_holds_worker = False
    most_connections = 1 << 20

    def __init__(self, place, kind):
        self.place, self.kind = place, kind
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-bench-"))
        self.directory.chmod(0o755)
        self.port = harness.free_port()
        self.address = ("127.0.0.1", self.port)
        self.processes = []

    @classmethod
    def missing(cls):
        return [p for p in cls.programs if not (os.path.isabs(p) and os.access(p, os.X_OK)
                                                or shutil.which(p))]

    def start(self):
        """Begins it; returns when the port takes connections."""
        try:
            self.launch()
            wait_for(f"{self.name} to listen", self.listening, 30)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self):
        raise NotImplementedError

    def spawn(self, *command, **environment):
        """A process of the server, in a session of its own; its output goes into a file."""
        log = open(self.directory / f"log-{len(self.processes)}", "wb")
        with log:
            self.processes.append(subprocess.Popen(
                [*self.place.wrapper, *map(str, command)], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**ENVIRONMENT, **environment}))

    def write(self, name, text):
        path = self.directory / name
        if isinstance(text, str):
            text = text.encode()
        path.write_bytes(text)
        return path

    def listening(self):
        for process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"{self.name} has ended with {process.returncode}:\n"
                                     + self.said())
        with contextlib.suppress(OSError), socket.create_connection(self.address, 1):
            return True
        return False

    def said(self):
        return "".join(p.read_text(errors="replace")[-2000:]
                       for p in sorted(self.directory.glob("log-*")))

    def pids(self):
        found = []
        for process in self.processes:
            found += [process.pid, *harness.children(process.pid)]
        return found

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(self.quit_signal())
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)      # the session is ours alone
            process.wait(5)
        self.processes = []
        shutil.rmtree(self.directory, ignore_errors=True)

    def quit_signal(self):
        return signal.SIGTERM

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
