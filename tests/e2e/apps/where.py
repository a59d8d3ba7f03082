"""Says where it is: name of the callable, SCRIPT_NAME and PATH_INFO."""


def named(name):
    def application(environ, start_response):
        body = f"{name} {environ['SCRIPT_NAME']!r} {environ['PATH_INFO']!r}".encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    return application


first = named("first")
second = named("second")


def make():
    return named("made")


async def asgi(scope, receive, send):
    raise RuntimeError("never called")
