"""Leaves processes behind: /short some that end soon, /long one that does not."""
import os
import time


def leave(seconds):
    """A grandchild that nobody here waits for."""
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            time.sleep(seconds)
        os._exit(0)
    os.waitpid(child, 0)


def application(environ, start_response):
    what = environ["PATH_INFO"].strip("/")
    if what == "short":
        for _ in range(5):
            leave(0.1)
    elif what == "long":
        leave(3600)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
