"""Patchbay itself: one daemon with one application (or, for the fixed answer, one that fails)."""
import json
import re
import subprocess
import time

import harness
from suite import go_program
from suite.server import APPS, ENVIRONMENT, Server


def application(kind, workers):
    """The configuration of one application of that kind."""
    python = {"type": "python", "path": str(APPS), "processes": workers}
    return {
        "wsgi": lambda: {**python, "module": "wsgi"},
        "asgi": lambda: {**python, "module": "asgi"},
        "php": lambda: {"type": "php", "root": str(APPS / "php"), "processes": workers},
        "go": lambda: {"type": "go", "executable": str(go_program.path()), "processes": workers,
                       "environment": {"GOMAXPROCS": str(workers)}},
        # It cannot start: the router answers every request for it, alone.
        "fixed": lambda: {**python, "module": "there_is_no_such_module"},
    }[kind]()


class Patchbay(Server):
    """more: options of the application beside its own; document: a whole configuration instead,
    where {port} stands for the port."""
    name = "patchbay"
    kinds = ("fixed", "wsgi", "asgi", "php", "go")
    programs = (str(harness.DAEMON),)

    def __init__(self, place, kind, more=None, document=None, api=False):
        super().__init__(place, kind)
        self.more, self.document, self.api_mode = more or {}, document, api

    def launch(self):
        self.daemon = harness.Server(None if self.api_mode else self.configuration(), start=False,
                                     api=self.api_mode, wrapper=self.place.wrapper,
                                     environment=ENVIRONMENT)
        self.daemon.start()
        self.processes = [self.daemon.process]
        if self.api_mode:
            self.put("/config", self.configuration())

    def listening(self):
        return self.document is not None or super().listening()

    def configuration(self):
        if self.document is not None:
            return self.document
        return {"settings": {"listen_threads": self.place.workers},
                "listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                "applications": {"app": {**application(self.kind, self.place.workers),
                                         **self.more}}}

    def put(self, path, value, method="PUT"):
        """Milliseconds from the request to the answer, which must be 200."""
        body = None if value is None else json.dumps(value)
        start = time.perf_counter()
        answer = self.daemon.control(method, path, body)
        took = time.perf_counter() - start
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer!r}")
        return took * 1000

    def router(self):
        """The process that takes the requests."""
        return self.daemon.one("router")

    def said(self):
        return self.daemon.text()[-2000:]

    def stop(self):
        self.processes = []
        if daemon := self.__dict__.pop("daemon", None):
            try:
                if daemon.process is not None:
                    daemon.stop()
            finally:
                daemon.remove()
        super().stop()


def version():
    said = subprocess.run([harness.DAEMON, "--version"], capture_output=True, text=True)
    return re.search(r"version: (\S+)", said.stdout + said.stderr)[1]
