"""For bench_python_serve: the least an application can do."""
BODY = b"Hello, World!\n"


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    if environ["PATH_INFO"] == "/generator":
        return (part for part in (BODY,))
    return [BODY]
