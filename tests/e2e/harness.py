"""Starts a real patchbayd with real applications, and talks to it over real sockets.

PATCHBAY_BUILD names the build directory. Everything a test makes lies in a directory of its own
that goes away at the end; every wait has a bound and names what it waited for.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import control

HERE = pathlib.Path(__file__).resolve().parent
APPS = HERE / "apps"
BUILD = pathlib.Path(os.environ["PATCHBAY_BUILD"]).resolve()
DAEMON = BUILD / "core" / "patchbayd"
MODULES = BUILD / "modules"
# Sanitizer builds are slower; waits are bounds, not measurements.
BOUND = 60.0
# Between two looks of wait_for().
PAUSE = 0.02

_next_port = 10000 + (os.getpid() % 220) * 100


def free_port(host="127.0.0.1"):
    """A port below the ephemeral range; each test process tries a stretch of its own."""
    global _next_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        _next_port += 1
        with socket.socket(family) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                s.bind((host, _next_port))
                return _next_port


def wait_for(what, condition, bound=BOUND):
    """Polls until condition() is true and returns its value; fails naming `what`."""
    end = time.monotonic() + bound
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {bound} s in vain for {what}")
        time.sleep(PAUSE)


def alive(pid):
    """Is there such a process, zombies not counted?"""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    """All descendants of pid with their titles: {pid: title}."""
    parents, titles = {}, {}
    for d in os.listdir("/proc"):
        if not d.isdigit():
            continue
        try:
            with open(f"/proc/{d}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            with open(f"/proc/{d}/cmdline", "rb") as f:
                title = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if fields[0] in "ZX":
            continue
        parents[int(d)] = int(fields[1])
        titles[int(d)] = title
    found = {}
    for p in parents:
        q = p
        while q in parents and q != pid:
            q = parents[q]
        if q == pid and p != pid:
            found[p] = titles[p]
    return found


class Response:
    def __init__(self, status, reason, headers, body, raw):
        self.status, self.reason, self.headers = status, reason, headers
        self.body, self.raw = body, raw

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None


class Closed(Exception):
    """The server closed the connection before a whole response; .data is what came."""

    def __init__(self, data):
        super().__init__(f"closed after {data[:200]!r}")
        self.data = data


class Connection:
    """A client connection that sends raw bytes and parses responses strictly."""

    def __init__(self, address, timeout=BOUND):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            target = "\0" + address[1:] if address.startswith("@") else address
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            target = address
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(target)
        except OSError:
            self.sock.close()
            raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def _more(self):
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise Closed(self.buffer)
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _bytes(self, n):
        parts, have = [self.buffer[:n]], min(len(self.buffer), n)
        self.buffer = self.buffer[n:]
        while have < n:
            data = self.sock.recv(min(n - have, 1 << 18))
            if not data:
                raise Closed(b"".join(parts))
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def response(self, head=False):
        """The next response; head: it answers a HEAD request. Interim 1xx are skipped."""
        while True:
            status_line = self._line()
            match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) (.*)", status_line)
            if not match:
                raise AssertionError(f"no status line: {status_line!r}")
            status, headers = int(match[1]), []
            while line := self._line():
                name, sep, value = line.partition(b":")
                assert sep and name == name.strip(), line
                headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))
            if status >= 200:
                break
        names = {n.lower(): v for n, v in headers}
        if head or status in (204, 304):
            body = b""
        elif names.get("transfer-encoding", "").lower() == "chunked":
            assert "content-length" not in names, headers
            body = self._chunked()
        elif "content-length" in names:
            body = self._bytes(int(names["content-length"]))
        else:
            while self._more():
                pass
            body, self.buffer = self.buffer, b""
        return Response(status, match[2].decode("latin-1"), headers, body, status_line)

    def _chunked(self):
        parts = []
        while True:
            size = int(self._line(), 16)
            if size == 0:
                assert self._line() == b""
                return b"".join(parts)
            parts.append(self._bytes(size))
            assert self._line() == b""

    def get(self, path, *fields):
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
        self.send("\r\n".join(lines))
        return self.response()

    def closed(self):
        """True when the server ends the connection without another byte."""
        return self.buffer == b"" and not self._more()


def get(address, path="/", *fields):
    with Connection(address) as c:
        return c.get(path, *fields, "Connection: close")


class Server:
    """One daemon in a directory of its own: with a configuration file, or (api) configured through
    the control API and its state directory. wrapper: a command to run it under."""

    def __init__(self, config=None, program=None, arguments=(), start=True, api=False,
                 environment=None, wrapper=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-"))
        # Applications run as an unprivileged user when the tests run as root.
        self.dir.chmod(0o755)
        self.conf, self.log = self.dir / "patchbay.json", self.dir / "patchbay.log"
        self.program = program or DAEMON
        self.arguments, self.wrapper = list(arguments), list(wrapper)
        self.api_mode, self.environment = api, environment or {}
        self.socket, self.state = self.dir / "control.sock", self.dir / "state"
        self.process = None
        if config is not None:
            self.write(config)
        if start:
            self.start()

    def write(self, config):
        """Replaces the configuration file in one step, as an editor does."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        temporary = self.conf.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self.conf)

    def command(self, *more):
        user = ["--user", "root", "--group", "root"] if os.getuid() == 0 else []
        file = [] if self.api_mode else ["--config", str(self.conf)]
        return [*self.wrapper, str(self.program), "--no-daemon", *file,
                "--control", f"unix:{self.socket}", "--pid", str(self.dir / "pid"),
                "--log", str(self.log), "--modulesdir", str(MODULES),
                "--statedir", str(self.state), "--tmpdir", str(self.dir),
                *user, *self.arguments, *more]

    def start(self):
        before = self.applied()
        self.stderr = open(self.dir / "stderr", "wb")
        self.process = subprocess.Popen(self.command(), stderr=self.stderr,
                                        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **self.environment})
        ready = self.ready if self.api_mode else lambda: self.applied() > before
        wait_for("the first configuration",
                 lambda: self.process.poll() is not None or ready())
        if self.process.poll() is not None:
            raise AssertionError(f"patchbayd exited with {self.process.returncode}:\n"
                                 + (self.dir / "stderr").read_text(errors="replace"))

    def client(self):
        """A connection to the control socket, for one request."""
        return control.Client(self.socket, BOUND)

    def control(self, method, path, body=None, headers=(), raw=None):
        """Any request to the control API; raw: exactly these bytes."""
        with self.client() as c:
            c.send(control.request(method, path, body, headers) if raw is None else raw)
            return c.answer()

    def api(self, method, path, body=None, status=200, headers=()):
        """The parsed body of the answer, which must have that status."""
        answer = self.control(method, path, body, headers)
        assert answer.status == status, f"{method} {path}: {answer!r}"
        return answer.json

    def get(self, path="/config"):
        return self.api("GET", path)

    def ready(self):
        """Is it up, to main as well? The history is main's to tell, after it has heard that."""
        try:
            return (self.control("GET", "/readyz").status == 200
                    and self.control("GET", "/control/history").status == 200)
        except (OSError, control.NoAnswer):
            return False

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def applied(self):
        """How many configurations have been applied so far, by the log."""
        return len(re.findall(r"configuration generation \d+ applied", self.text()))

    def refused(self):
        return len(re.findall(r"the running configuration stays", self.text()))

    def reload(self, config=None, refused=False):
        """SIGHUP, then waits for the outcome; refused: it must be refused."""
        if config is not None:
            self.write(config)
        before = (self.applied(), self.refused())
        self.process.send_signal(signal.SIGHUP)
        wait_for("the outcome of the reload", lambda: (self.applied(), self.refused()) != before)
        outcome = self.refused() > before[1]
        assert outcome == refused, f"reload refused: {outcome}\n{self.text()[-2000:]}"

    def pids(self, title):
        """Descendants whose title contains the text."""
        return sorted(p for p, t in children(self.process.pid).items() if title in t)

    def one(self, title):
        return wait_for(f"one process {title!r}",
                        lambda: len(p := self.pids(title)) == 1 and p[0])

    def stop(self, sig=signal.SIGTERM):
        """Ends the daemon; returns its exit code. Asserts that no process is left."""
        if self.process is None:
            return None
        family = list(children(self.process.pid))
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(BOUND)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"patchbayd does not stop:\n{self.text()[-3000:]}") from None
        wait_for("the end of all processes", lambda: not any(alive(p) for p in family), 15)
        self.process = None
        self.stderr.close()
        return code

    def kill(self):
        """SIGKILL to main; its children end by themselves. start() must be possible after it."""
        family = list(children(self.process.pid))
        self.process.kill()
        self.process.wait()
        wait_for("the end of all processes", lambda: not any(alive(p) for p in family), 15)
        self.process = None
        self.stderr.close()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def finish(server):
    """Stops a server, checks what it leaves behind, and removes its directory."""
    check = unittest.TestCase()
    try:
        if server.process is not None:
            code = server.stop()
            check.assertEqual(code, 0, server.text()[-3000:])
        check.assertNotRegex(server.text(), r"AddressSanitizer|ThreadSanitizer|runtime error:")
        leftovers = [p.name for p in server.dir.iterdir()
                     if p.is_socket() or p.name.startswith("req-") or p.name == "pid"]
        check.assertEqual(leftovers, [], "left behind by the server")
    finally:
        server.remove()


class Case(unittest.TestCase):
    """A test with servers that are stopped, checked and removed at its end."""

    def logged(self, server, text=None, like=None, since=0):
        """Waits for the text, or something like the pattern, in the log, which a thread writes."""
        wait_for(f"{text or like!r} in the log, which says:\n{server.text()[-1500:]}",
                 lambda: text in server.text()[since:] if text is not None
                 else re.search(like, server.text()[since:]), 20)

    def serve(self, config=None, **more):
        server = Server(config, **more)
        self.addCleanup(finish, server)
        return server

    @classmethod
    def serve_class(cls, config=None, **more):
        """The same for all tests of a class."""
        server = Server(config, **more)
        cls.addClassCleanup(finish, server)
        return server


def python_app(module="basic", **more):
    """Configuration of a Python application from tests/e2e/apps."""
    return {"type": "python", "path": str(APPS), "module": module, **more}


def simple(port, **app):
    """A configuration with one TCP listener and one application."""
    return {"listeners": {f"127.0.0.1:{port}": {"pass": "applications/app"}},
            "applications": {"app": python_app(**app)}}
