"""Dies or hangs when asked to, now and then also unasked."""
import os
import random
import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/crash" and random.random() < 0.3:
        os._exit(3)
    if path == "/hang" and random.random() < 0.3:
        time.sleep(3600)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
