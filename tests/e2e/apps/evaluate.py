"""A WSGI application that evaluates what it is sent: Python, the last line an expression. The
answer is its value as JSON, or {"raised": [class, text]}. For looking at what an application is
surrounded by."""
import ast
import json
import os


def namespaces():
    return {n: os.readlink(f"/proc/self/ns/{n}")
            for n in ("user", "pid", "net", "mnt", "uts", "cgroup")}


def status(field):
    with open("/proc/self/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)[field].split()


def value_of(source):
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value)
    names = {"namespaces": namespaces, "status": status, "os": os}
    exec(compile(tree, "<sent>", "exec"), names)
    return eval(compile(last, "<sent>", "eval"), names)


def application(environ, start_response):
    source = environ["wsgi.input"].read().decode()
    try:
        value = value_of(source)
    except Exception as error:  # whatever it is, the test wants to know
        value = {"raised": [type(error).__name__, str(error)]}
    body = json.dumps(value).encode()
    start_response("200 OK", [("Content-Type", "application/json"),
                              ("Content-Length", str(len(body)))])
    return [body]
