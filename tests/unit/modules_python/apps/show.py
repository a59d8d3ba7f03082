"""Shows what a request looks like: one line NAME=repr(value) for each member of the environ."""
import sys


def application(environ, start_response):
    lines = [f"{key}={value!r}" for key, value in environ.items()]
    lines.append(f"sys.argv={sys.argv!r}")
    lines.append(f"errors is stderr={environ['wsgi.errors'] is sys.stderr}")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\n".join(lines).encode("latin-1", "backslashreplace")]
