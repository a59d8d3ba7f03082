"""What the WSGI servers run; the path says what is asked for."""
HELLO = b"Hello, world!\n"
PIECE = bytes(range(256)) * 256
LARGE = PIECE
PIECES = 160                                  # of 64 KiB: 10 MiB


def answer(start_response, body):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def echo(environ, start_response):
    return answer(start_response, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))


def stream(start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"),
                              ("Content-Length", str(PIECES * len(PIECE)))])
    for _ in range(PIECES):
        yield PIECE


def work():
    """About a millisecond of work."""
    sum(range(50000))
    return HELLO


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hello":
        return answer(start_response, HELLO)
    if path == "/echo":
        return echo(environ, start_response)
    if path == "/stream":
        return stream(start_response)
    if path == "/work":
        return answer(start_response, work())
    return answer(start_response, LARGE)
