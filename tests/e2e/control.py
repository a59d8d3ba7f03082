"""A client of the control API that looks at every byte of an answer, and what tests expect of one."""
import contextlib
import re
import socket
import unittest

import document

FIELDS = ["Server", "Date", "Content-Type", "Content-Length", "Connection"]
DONE = {"success": "Reconfiguration done."}
NOT_THERE = {"error": "Value doesn't exist."}
NOT_ALLOWED = {"error": "Method isn't allowed."}
INVALID_METHOD = {"error": "Invalid method."}
# Before the first change (config.md 1).
FIRST = {"listeners": {}, "routes": [], "applications": {}}


class NoAnswer(Exception):
    """The connection ended before a whole answer; .data is what came."""

    def __init__(self, data):
        super().__init__(f"closed after {data[:200]!r}")
        self.data = data


class Answer:
    """raw: all that came, interim answers included."""

    def __init__(self, status, reason, headers, body, raw):
        self.status, self.reason, self.headers = status, reason, headers
        self.body, self.raw = body, raw

    def get(self, name):
        return dict(self.headers).get(name)

    @property
    def json(self):
        """The body: members in order, numbers as text."""
        return document.parse(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000].decode(errors='replace')}"


def request(method, path, body=None, headers=()):
    """The bytes of a request; a body that is neither bytes nor text is written as JSON."""
    lines = [f"{method} {path} HTTP/1.1", *headers]
    if body is not None:
        if not isinstance(body, (bytes, str)) or isinstance(body, document.Number):
            body = document.compact(body)
        body = body.encode() if isinstance(body, str) else body
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def parse(raw):
    head, sep, body = raw.partition(b"\r\n\r\n")
    while sep and head.startswith(b"HTTP/1.1 1"):          # 100 Continue
        head, sep, body = body.partition(b"\r\n\r\n")
    if not sep:
        raise NoAnswer(raw)
    line, *fields = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.1 (\d{3}) (.*)", line)
    assert match, line
    fields = [tuple(f.split(": ", 1)) for f in fields]
    if len(body) < int(dict(fields)["Content-Length"]):
        raise NoAnswer(raw)
    assert len(body) == int(dict(fields)["Content-Length"]), raw[:2000]
    return Answer(int(match[1]), match[2], fields, body, raw)


class Client:
    """One connection to a control socket, for one request."""

    def __init__(self, path, timeout):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        """A server that answers early may stop reading: that is not the client's failure."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(data)

    def read(self):
        """Everything until the server closes."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while more := self.sock.recv(1 << 18):
                data += more
        return data

    def answer(self):
        """The final answer; the connection must end with it."""
        return parse(self.read())


class Expectations(unittest.TestCase):
    """Mixed into tests that have a .server."""

    def check_answer(self, answer, status, value, about=None):
        """The whole answer: status, fields in order, body byte for byte."""
        self.assertEqual((answer.status, answer.body.decode()),
                         (status, document.pretty(value).decode()), about)
        names = [n for n, _ in answer.headers if n != "ETag"]
        self.assertEqual(names, FIELDS, about)
        self.assertEqual(answer.get("Content-Type"), "application/json", about)
        self.assertEqual(answer.get("Connection"), "close", about)

    def expect(self, status, value, method, path, body=None, headers=()):
        answer = self.server.control(method, path, body, headers)
        self.check_answer(answer, status, value, f"{method} {path}")
        return answer

    def done(self, method, path, body=None, headers=()):
        return self.expect(200, DONE, method, path, body, headers)

    def holds(self, value, path="/config"):
        """GET of the path gives exactly this value."""
        return self.expect(200, value, "GET", path)

    def refused(self, detail, method, path, body=None, **members):
        """400 with that detail, and those further members; nothing changes."""
        before = self.server.control("GET", "/config").body
        answer = self.server.control(method, path, body)
        about = f"{method} {path} {str(body)[:300]}: {answer!r}"
        self.assertEqual(answer.status, 400, about)
        got = answer.json
        self.assertEqual(answer.body, document.pretty(got), about)
        self.assertEqual(list(got)[:3], ["error", "detail", "pointer"], about)
        self.assertEqual((got["error"], got["detail"]), ("Invalid configuration.", detail), about)
        for name, value in members.items():
            self.assertEqual(got.get(name), value, f"{name} of {about}")
        self.assertEqual(self.server.control("GET", "/config").body, before, about)
        return got
