"""One WSGI application for most end-to-end tests; the first path segment says what it does."""
import hashlib
import json
import os
import signal
import time

STARTED = time.time()


def plain(start_response, body, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain"),
                            ("Content-Length", str(len(body))), *headers])
    return [body]


def stream(environ, start_response, count, size):
    """count parts of size bytes, without a Content-Length."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    part = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for _ in range(count):
        yield part


def fail_after_head(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    raise RuntimeError("on purpose, after the head")


def kill_after_body(start_response):
    start_response("200 OK", [("Content-Length", "4")])
    yield b"done"
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)


def upload(environ, start_response):
    digest, size = hashlib.sha256(), 0
    while True:
        data = environ["wsgi.input"].read(65536)
        if not data:
            break
        digest.update(data)
        size += len(data)
    return plain(start_response, f"{size} {digest.hexdigest()}".encode())


def application(environ, start_response):
    parts = environ["PATH_INFO"].strip("/").split("/")
    what = parts[0]
    if what == "pid":
        return plain(start_response, str(os.getpid()).encode())
    if what == "say":
        print(parts[1], file=environ["wsgi.errors"], flush=True)
        return plain(start_response, b"said")
    if what == "version":
        return plain(start_response, os.environ.get("VERSION", "none").encode())
    if what == "environ":
        text = {k: v for k, v in environ.items() if isinstance(v, str)}
        return plain(start_response, json.dumps(text).encode())
    if what == "echo":
        return plain(start_response, environ["wsgi.input"].read())
    if what == "upload":
        return upload(environ, start_response)
    if what == "stream":
        return stream(environ, start_response, int(parts[1]), int(parts[2]))
    if what == "sized":
        return plain(start_response, b"s" * int(parts[1]))
    if what == "sleep":
        time.sleep(float(parts[1]))
        return plain(start_response, b"slept")
    if what == "status":
        return plain(start_response, b"body", " ".join(parts[1:]))
    if what == "raise":
        raise RuntimeError("on purpose")
    if what == "raise-late":
        return fail_after_head(start_response)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "kill-after-body":
        return kill_after_body(start_response)
    if what == "exit":
        os._exit(3)
    if what == "short":
        start_response("200 OK", [("Content-Length", "100")])
        return [b"short"]
    if what == "long":
        start_response("200 OK", [("Content-Length", "4")])
        return [b"long", b"er than said"]
    if what == "hop":
        return plain(start_response, b"hop", headers=[("Transfer-Encoding", "chunked"),
                                                      ("Connection", "keep-alive"),
                                                      ("Keep-Alive", "timeout=5")])
    if what == "inject":
        start_response("200 OK", [("X-A", "a\r\nX-Injected: yes")])
        return [b"inject"]
    if what == "cookies":
        start_response("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [environ.get("HTTP_COOKIE", "").encode()]
    return plain(start_response, b"Hello, World!\n")
