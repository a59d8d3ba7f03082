"""All four requests must be inside at once, or the barrier breaks; then each has its own state."""
import threading

barrier = threading.Barrier(4)
local = threading.local()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/meet":
        barrier.wait(30)
    local.count = getattr(local, "count", 0) + 1
    body = environ["wsgi.input"].read() + environ["QUERY_STRING"].encode()
    start_response("200 OK", [("X-Count", str(local.count)),
                              ("X-Multithread", str(environ["wsgi.multithread"]))])
    return iter([body, b"."])
