"""Patchbay itself: one daemon with one application (or, for the fixed answer, one that fails)."""
import os

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
    name = "patchbay"
    kinds = ("fixed", "wsgi", "asgi", "php", "go")
    programs = (str(harness.DAEMON),)

    def launch(self):
        self.daemon = harness.Server(self.configuration(), wrapper=self.place.wrapper, start=False,
                                     environment=ENVIRONMENT)
        self.daemon.start()
        self.processes = [self.daemon.process]

    def configuration(self):
        return {"settings": {"listen_threads": self.place.workers},
                "listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                "applications": {"app": application(self.kind, self.place.workers)}}

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
    return os.popen(f"{harness.DAEMON} --version").read().split("\n")[0].strip()
