"""Found by a dotted name; one callable of each kind."""
import functools

not_callable = 42


def answer(text):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [text]
    return application


application = answer(b"inner")
other = answer(b"other")


def factory():
    return answer(b"made by a factory")


def bad_factory():
    return 42


def failing_factory():
    raise LookupError("no database")


class Instance:
    def __call__(self, environ, start_response):
        start_response("200 OK", [])
        return [b"instance"]

    def method(self, environ, start_response):
        return self(environ, start_response)


class Class:
    """A class is called like a function; its instances are the body."""

    def __init__(self, environ, start_response):
        start_response("200 OK", [])

    def __iter__(self):
        return iter([b"class"])


def any_arguments(*arguments):
    return application(*arguments)


instance = Instance()
method = instance.method
partial = functools.partial(answer(b"partial"))


async def asgi3(scope, receive, send):
    pass


def asgi2(scope):
    return asgi3


class Asgi3Instance:
    async def __call__(self, scope, receive, send):
        pass


class Asgi2Class:
    def __init__(self, scope):
        pass


asgi3_instance = Asgi3Instance()
