"""Reads wsgi.input by the script in the query string and shows what came: a Python expression."""


def parts(stream, size):
    while data := stream.read(size):
        yield data


def application(environ, start_response):
    f = environ["wsgi.input"]
    result = eval(environ["QUERY_STRING"], {"f": f, "parts": parts})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(result).encode()]


def other_thread(environ, start_response):
    import threading
    result = []

    def use():
        try:
            result.append(environ["wsgi.input"].read())
        except RuntimeError as e:
            result.append(e)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    start_response("200 OK", [])
    return [repr(result[0]).encode()]
