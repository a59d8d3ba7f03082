"""A load generator that counts what matters: answers by status, lost requests, hanging ones.

One thread, many keep-alive connections, one request at a time on each. A request is *lost* when
the connection ends before its answer is complete, *refused* when no connection can be made.
"""
import collections
import re
import selectors
import socket
import threading
import time

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


def complete(data):
    """The size of the first whole response in data, or 0."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    match = LENGTH.search(data, 0, end + 2)
    if match:
        size = end + 4 + int(match[1])
        return size if len(data) >= size else 0
    tail = data.find(b"0\r\n\r\n", end)
    return tail + 5 if tail >= 0 else 0


class Load(threading.Thread):
    def __init__(self, address, connections=64, path="/", check=None):
        super().__init__(daemon=True)
        self.address, self.connections, self.check = address, connections, check
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.counts = collections.Counter()
        self.bodies = collections.Counter()
        self.problems = []
        self.halt = threading.Event()
        self.selector = selectors.DefaultSelector()
        self.since = {}       # socket -> when its request was sent
        self.data = {}

    def _open(self):
        s = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        s.settimeout(10)
        try:
            s.connect(self.address)
        except OSError as e:
            self.counts["refused"] += 1
            self.problems.append(f"connect: {e}")
            s.close()
            return
        s.setblocking(False)
        self.selector.register(s, selectors.EVENT_READ)
        self._ask(s)

    def _ask(self, s):
        self.data[s] = b""
        self.since[s] = time.monotonic()
        try:
            s.send(self.request)
        except OSError:
            pass                     # the reader sees the end of the connection

    def _drop(self, s, kind):
        self.counts[kind] += 1
        if kind == "lost":
            self.problems.append(f"lost after {len(self.data[s])} bytes: {self.data[s][:80]!r}")
        self.selector.unregister(s)
        self.data.pop(s)
        self.since.pop(s)
        s.close()
        if not self.halt.is_set():
            self._open()

    def _readable(self, s):
        try:
            data = s.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(s, "lost")
            return
        self.data[s] += data
        size = complete(self.data[s])
        if not size:
            return
        answer = self.data[s]
        self.counts[answer[9:12].decode()] += 1
        self.counts["answers"] += 1
        head, _, body = answer.partition(b"\r\n\r\n")
        if len(body) <= 64:
            self.bodies[body] += 1
        if self.check and not self.check(answer):
            self.problems.append(f"wrong answer: {answer[:200]!r}")
        if b"\r\nconnection: close" in head.lower():
            self._drop(s, "closed by a complete answer")
        elif self.halt.is_set():
            self.selector.unregister(s)
            self.since.pop(s)
            s.close()
        else:
            self._ask(s)

    def run(self):
        for _ in range(self.connections):
            self._open()
        end = None
        while True:
            for key, _ in self.selector.select(0.1):
                self._readable(key.fileobj)
            if not self.halt.is_set():
                while len(self.since) < self.connections:
                    before = len(self.since)
                    self._open()
                    if len(self.since) == before:
                        time.sleep(0.01)
                        break
                continue
            end = end or time.monotonic() + 20
            if not self.since or time.monotonic() > end:
                break
        self.counts["hanging"] = len(self.since)
        for s in list(self.since):
            s.close()
        self.selector.close()

    def finish(self):
        """Lets every request end, then returns the counts."""
        self.halt.set()
        self.join(60)
        assert not self.is_alive(), "the load generator does not end"
        return self.counts

    def wait_answers(self, n, bound=60):
        """Until n more answers have come."""
        goal, end = self.counts["answers"] + n, time.monotonic() + bound
        while self.counts["answers"] < goal:
            if time.monotonic() > end:
                raise AssertionError(f"no {n} more answers in {bound} s: {dict(self.counts)}")
            time.sleep(0.01)
