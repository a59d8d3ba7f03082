"""Says things on standard error: /lines/NAME/COUNT numbered lines, /bytes/HEX exactly these bytes."""
import os


def application(environ, start_response):
    what, *arguments = environ["PATH_INFO"].strip("/").split("/")
    if what == "lines":
        name, count = arguments
        for n in range(int(count)):
            os.write(2, f"said {name} {n} {'.' * (n % 200)}\n".encode())
    elif what == "bytes":
        os.write(2, bytes.fromhex(arguments[0]))
    elif what == "flood":
        for _ in range(int(arguments[0])):
            os.write(2, b"flood " * 600 + b"\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
