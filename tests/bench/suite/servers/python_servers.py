"""Servers for Python that take HTTP themselves."""
import signal

from suite.server import APPS, Server


def uwsgi_command(workers):
    return ["/usr/bin/uwsgi", "--master", "--plugin", "python3", "--processes", workers,
            "--pythonpath", APPS, "--module", "wsgi:application", "--disable-logging",
            "--listen", 1024, "--need-app"]


class Uwsgi(Server):
    name = "uwsgi"
    kinds = ("wsgi",)
    programs = ("/usr/bin/uwsgi",)
    package = "uwsgi"
    connection_holds_worker = True

    def launch(self):
        self.spawn(*uwsgi_command(self.place.workers), "--http11-socket", f"127.0.0.1:{self.port}")

    def quit_signal(self):
        return signal.SIGINT                  # SIGTERM makes it start anew


class Gunicorn(Server):
    """With the worker class that keeps connections."""
    name = "gunicorn"
    kinds = ("wsgi",)
    programs = ("/usr/bin/gunicorn",)
    package = "gunicorn"

    def launch(self):
        self.spawn("/usr/bin/gunicorn", "--workers", self.place.workers, "--worker-class", "gthread",
                   "--threads", 1, "--keep-alive", 75, "--backlog", 4096, "--pythonpath", APPS,
                   "--bind", f"127.0.0.1:{self.port}", "wsgi:application")


class Uvicorn(Server):
    """With uvloop and httptools."""
    name = "uvicorn"
    kinds = ("asgi",)
    programs = ("/usr/bin/uvicorn",)
    package = "uvicorn"

    def launch(self):
        self.spawn("/usr/bin/uvicorn", "--app-dir", APPS, "--host", "127.0.0.1", "--port", self.port,
                   "--workers", self.place.workers, "--loop", "uvloop", "--http", "httptools",
                   "--no-access-log", "--log-level", "error", "--timeout-keep-alive", 75,
                   "--backlog", 4096, "asgi:application")
