"""What an application can do, well or badly: each function is called by the path of its name."""
import gc
import io
import os
import sys

OK = [("Content-Type", "text/plain")]
closed = []  # names of the bodies that were closed, for /closed
kept = []    # objects kept beyond their request


class Body:
    """An iterable with close()."""

    def __init__(self, name, items, fail_close=False):
        self.name, self.items, self.fail_close = name, iter(items), fail_close

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.items)
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self):
        closed.append(self.name)
        if self.fail_close:
            raise OSError("close failed on purpose")


def show_closed(environ, start_response):
    start_response("200 OK", OK)
    return [",".join(closed).encode()]


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def several(environ, start_response):
    start_response("200 OK", OK)
    return [b"a", b"", b"b", b"c"]


def a_tuple(environ, start_response):
    start_response("200 OK", OK)
    return (b"a", b"b")


def generator(environ, start_response):
    start_response("200 OK", OK)
    for i in range(3):
        yield b"chunk%d" % i
        yield b""


def late_start(environ, start_response):
    yield b""
    start_response("201 Created", OK)
    yield b"late"


def whole_bytes(environ, start_response):
    start_response("200 OK", OK)
    return b"whole"


def writes(environ, start_response):
    write = start_response("200 OK", OK)
    write(b"w1")
    write(b"w2")
    return [b"r"]


def empty_list(environ, start_response):
    start_response("200 OK", OK)
    return []


def iterable(environ, start_response):
    start_response("200 OK", OK)
    return Body("iterable", [b"x", b"y"])


def close_fails(environ, start_response):
    start_response("200 OK", OK)
    return Body("close_fails", [b"x"], fail_close=True)


def byte_strings(environ, start_response):
    start_response(b"202 Accepted", [(b"X-Bytes", b"\xe9"), ("X-Text", "\xe9")])
    return [b"ok"]


def named_arguments(environ, start_response):
    start_response(status="200 OK", response_headers=OK, exc_info=None)
    return [b"named"]


def weird_status(environ, start_response):
    start_response("999 Weird", OK)
    return [b"weird"]


def number_only(environ, start_response):
    start_response("204", [])
    return []


def replaced(environ, start_response):
    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("on purpose")
    except ValueError:
        start_response("500 Oops", [("X-Second", "2")], sys.exc_info())
    return [b"second"]


def wrapped_file(environ, start_response):
    start_response("200 OK", OK)
    file = io.BytesIO(b"0123456789")
    file.close = lambda: closed.append("wrapped_file")
    return environ["wsgi.file_wrapper"](file, 4)


# From here on: failures before the first byte.

def raises(environ, start_response):
    raise RuntimeError("on purpose")


def raises_after_start(environ, start_response):
    start_response("200 OK", OK)
    raise RuntimeError("on purpose")


def returns_none(environ, start_response):
    start_response("200 OK", OK)


def text_item(environ, start_response):
    start_response("200 OK", OK)
    return ["text"]


def yields_text(environ, start_response):
    start_response("200 OK", OK)
    yield "text"


def returns_text(environ, start_response):
    start_response("200 OK", OK)
    return "text"


def no_start(environ, start_response):
    return [b"body"]


def no_start_empty(environ, start_response):
    return []


def no_start_generator(environ, start_response):
    yield b"body"


def exits(environ, start_response):
    sys.exit(3)


def interrupted(environ, start_response):
    raise KeyboardInterrupt


def status_text(environ, start_response):
    start_response("OK 200", OK)
    return [b"x"]


def status_glued(environ, start_response):
    start_response("200OK", OK)
    return [b"x"]


def status_small(environ, start_response):
    start_response("42 Weird", OK)
    return [b"x"]


def status_large(environ, start_response):
    start_response("1000 Weird", OK)
    return [b"x"]


def status_empty(environ, start_response):
    start_response("", OK)
    return [b"x"]


def status_number(environ, start_response):
    start_response(200, OK)
    return [b"x"]


def value_not_latin1(environ, start_response):
    start_response("200 OK", [("X-A", "\u20ac")])
    return [b"x"]


def value_number(environ, start_response):
    start_response("200 OK", [("Content-Length", 1)])
    return [b"x"]


def fields_tuple(environ, start_response):
    start_response("200 OK", tuple(OK))
    return [b"x"]


def field_list(environ, start_response):
    start_response("200 OK", [["X-A", "a"]])
    return [b"x"]


def field_of_three(environ, start_response):
    start_response("200 OK", [("X-A", "a", "b")])
    return [b"x"]


def first_too_long(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"four"]


def first_too_long_generator(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    yield b"four"


def length_text(environ, start_response):
    start_response("200 OK", [("Content-Length", "3 bytes")])
    return [b"abc"]


def two_lengths(environ, start_response):
    start_response("200 OK", [("Content-Length", "3"), ("content-length", "3")])
    return [b"abc"]


def second_start(environ, start_response):
    start_response("200 OK", OK)
    start_response("200 OK", OK)
    return [b"x"]


def start_without_arguments(environ, start_response):
    start_response()
    return [b"x"]


def start_with_unknown_name(environ, start_response):
    start_response("200 OK", OK, nonsense=1)
    return [b"x"]


def fails_first_item(environ, start_response):
    start_response("200 OK", OK)
    return Body("fails_first_item", [RuntimeError("on purpose")])


# Failures after the first byte.

def fails_late(environ, start_response):
    start_response("200 OK", OK)
    return Body("fails_late", [b"one", RuntimeError("on purpose")])


def text_late(environ, start_response):
    start_response("200 OK", OK)
    return [b"one", "two", b"three"]


def second_too_long(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"four", b"more"]


def second_too_long_generator(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    yield b"four"
    yield b"more"


def exc_info_late(environ, start_response):
    start_response("200 OK", OK)
    yield b"one"
    try:
        raise ValueError("the original")
    except ValueError:
        start_response("500 Oops", OK, sys.exc_info())
    yield b"never"


def shorter(environ, start_response):
    start_response("200 OK", [("Content-Length", "100")])
    return [b"short"]


# The client leaves.

def endless(environ, start_response):
    def parts():
        while True:
            yield b"x"
    start_response("200 OK", OK)
    return Body("endless", parts())


def endless_silence(environ, start_response):
    def parts():
        yield b"x"
        while True:
            yield b""
    start_response("200 OK", OK)
    return Body("endless_silence", parts())


def endless_writes(environ, start_response):
    write = start_response("200 OK", OK)
    while True:
        write(b"x")


# Objects outlive their request.

def keep(environ, start_response):
    write = start_response("200 OK", OK)
    kept[:] = [environ, start_response, write]
    return [b"kept"]


def use_kept(environ, start_response):
    environ_then, start_then, write_then = kept
    results = []
    for use in (lambda: environ_then["wsgi.input"].read(), lambda: start_then("200 OK", []),
                lambda: write_then(b"x"), lambda: next(environ_then["wsgi.input"])):
        try:
            results.append(repr(use()))
        except Exception as e:  # the kind is the result
            results.append(type(e).__name__)
    start_response("200 OK", OK)
    return [" ".join(results).encode()]


def forget(environ, start_response):
    del kept[:], closed[:]
    return hello(environ, start_response)


def blocks(environ, start_response):
    gc.collect()
    start_response("200 OK", OK)
    return [b"%d" % sys.getallocatedblocks()]


def modules(environ, start_response):
    import decimal, hashlib, math, sqlite3, ssl  # noqa: E401 - C extensions need our symbols
    assert math.sqrt(4) == 2 and decimal.Decimal("0.1") and ssl.OPENSSL_VERSION
    assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
    start_response("200 OK", OK)
    return [hashlib.sha256(b"").hexdigest()[:8].encode()]


def forks(environ, start_response):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    _, status = os.waitpid(pid, 0)
    start_response("200 OK", OK)
    return [b"%d" % os.waitstatus_to_exitcode(status)]


def application(environ, start_response):
    name = environ["PATH_INFO"][1:]
    return globals()["show_closed" if name == "closed" else name](environ, start_response)
