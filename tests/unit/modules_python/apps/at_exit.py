"""Leaves a mark when the interpreter ends, and what it printed before."""
import atexit
import os
import threading


def mark(text):
    with open(os.environ["MARK"], "a") as file:
        file.write(text)


atexit.register(mark, "atexit")


def application(environ, start_response):
    threading.Thread(target=lambda: mark("thread ")).start()
    start_response("200 OK", [])
    return [b"ok"]
