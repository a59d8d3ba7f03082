"""What is asked of the servers: a request, and the one answer that is right."""
import dataclasses

HELLO = b"Hello, world!\n"
PIECE = bytes(range(256)) * 256
# What a router says when there is nobody to ask; the other servers are told to say the same.
PAGE = b"<!DOCTYPE html><title>Error 503</title><p>Error 503.\r\n"
POSTED = b"abcdefghijklmnopqrstuvwxyz012345" * 2048


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    kind: str                  # what a server must be able to do
    path: str
    answer: bytes
    status: int = 200
    posted: bytes = b""

    def request(self, closing=False):
        """The bytes that go over the wire."""
        lines = [f"{'POST' if self.posted else 'GET'} {self.path} HTTP/1.1", "Host: localhost",
                 "User-Agent: bench", "Accept: */*"]
        if self.posted:
            lines += ["Content-Type: text/plain", f"Content-Length: {len(self.posted)}"]
        if closing:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + self.posted


@dataclasses.dataclass(frozen=True)
class Load:
    name: str
    connections: int
    closing: bool = False      # a connection for each request


WORKLOADS = [
    Workload("fixed answer", "fixed", "/", PAGE, 503),
    Workload("WSGI hello", "wsgi", "/hello", HELLO),
    Workload("WSGI 64 KiB answered", "wsgi", "/large", PIECE),
    Workload("WSGI 64 KiB echoed", "wsgi", "/echo", POSTED, posted=POSTED),
    Workload("WSGI 10 MiB streamed", "wsgi", "/stream", PIECE * 160),
    Workload("ASGI hello", "asgi", "/hello", HELLO),
    Workload("PHP hello", "php", "/hello.php", HELLO),
    Workload("PHP 64 KiB echoed", "php", "/echo.php", POSTED, posted=POSTED),
    Workload("Go hello", "go", "/hello", HELLO),
    Workload("Go 64 KiB echoed", "go", "/echo", POSTED, posted=POSTED),
]
LOADS = [Load("1 connection", 1), Load("64 connections", 64),
         Load("64, one request each", 64, closing=True)]
