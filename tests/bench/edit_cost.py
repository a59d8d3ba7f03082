#!/usr/bin/env python3
"""What one small edit costs a real daemon, by the size of its configuration: milliseconds from the
request to the answer, the disk included, and microseconds per listener. Not a test.

    tests/bench/edit_cost.py [BUILD] [LISTENERS:APPLICATIONS...]

BUILD: a build directory, default .build/release. Sizes: default 1:1 100:1 1000:1 100:10 100:50.
Listeners are Unix sockets. Routes are not part of it: there are none yet."""
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROUNDS = 9


def configuration(directory, listeners, applications, python_app):
    return {
        "settings": {"listen_threads": 2},
        "listeners": {f"unix:{directory}/{i}.sock": {"pass": f"applications/app{i % applications}"}
                      for i in range(listeners)},
        "applications": {f"app{i}": python_app() for i in range(applications)},
    }


class Size:
    def __init__(self, server, listeners, applications, python_app):
        self.server, self.listeners, self.applications = server, listeners, applications
        self.python_app = python_app

    def request(self, method, path, body=None):
        start = time.perf_counter()
        answer = self.server.control(method, path, body)
        took = time.perf_counter() - start
        assert answer.status == 200, f"{method} {path}: {answer!r}"
        return took * 1000

    def print(self, what, times):
        middle = statistics.median(times)
        print(f"{self.listeners:9} {self.applications:12}  {what:22} {middle:9.2f} "
              f"{max(times):9.2f} {middle * 1000 / self.listeners:9.1f}", flush=True)

    def edit(self, what, path, *values):
        self.print(what, [self.request("PUT", path, values[i % len(values)])
                          for i in range(ROUNDS)])

    def measure(self):
        last = f"app{self.applications - 1}"
        listener = f"unix:{self.server.dir}/{self.listeners - 1}.sock".replace("/", "%2F")
        self.print("PUT of everything", [self.request("PUT", "/config", configuration(
            self.server.dir, self.listeners, self.applications, self.python_app))])
        self.edit("PUT of a setting", "/config/settings/http", {"idle_timeout": 9}, {})
        self.edit("PUT of an application", f"/config/applications/{last}/environment",
                  {"A": "1"}, {"A": "2"})
        self.edit("PUT of a pass", f"/config/listeners/{listener}/pass",
                  '"applications/app0"', f'"applications/{last}"')
        self.edit("the same, dry", f"/config/listeners/{listener}/pass?dry_run=1",
                  '"applications/app0"', f'"applications/{last}"')
        self.print("restart", [self.request("POST", f"/control/applications/{last}/restart")
                               for _ in range(ROUNDS)])
        for path in ("/config", "/status"):
            self.print(f"GET {path}", [self.request("GET", path) for _ in range(ROUNDS)])


def main(arguments):
    build = ROOT / ".build" / "release"
    if arguments and ":" not in arguments[0]:
        build = pathlib.Path(arguments.pop(0)).resolve()
    os.environ["PATCHBAY_BUILD"] = str(build)
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import harness
    print("listeners applications  request                       ms   longest us/listener")
    for size in arguments or ["1:1", "100:1", "1000:1", "100:10", "100:50"]:
        server = harness.Server(api=True)
        try:
            Size(server, *map(int, size.split(":")), harness.python_app).measure()
            server.api("PUT", "/config", {})
        finally:
            harness.finish(server)


if __name__ == "__main__":
    main(sys.argv[1:])
