"""A WSGI application whose requests end when the test says so. DIR: a directory where each request
writes its name when it begins, and where the test makes files."""
import os
import time

DIR = os.environ["DIR"]


def there(name):
    return os.path.exists(os.path.join(DIR, name))


def drip(name):
    """A part now and then until the file is there."""
    while not there(name):
        yield b"x"
        time.sleep(0.1)


def hang_after_head(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    time.sleep(3600)


def application(environ, start_response):
    what, _, name = environ["PATH_INFO"].strip("/").partition("/")
    with open(os.path.join(DIR, "begun"), "a") as f:
        f.write(f"{what} {name} {os.getpid()}\n")
    if what == "until":                        # holds its worker until the file is there
        while not there(name):
            time.sleep(0.02)
    if what == "hang":
        time.sleep(3600)
    if what == "hang-after-head":
        return hang_after_head(start_response)
    if what == "kill":
        os.kill(os.getpid(), 9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return drip(name) if what == "drip" else [str(os.getpid()).encode()]
