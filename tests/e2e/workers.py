"""Tests with one application whose requests the test holds and releases (apps/workers.py)."""
import harness
from harness import Connection, free_port, simple, wait_for


class Workers(harness.Case):
    def prepare(self, module="workers", api=False, **app):
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.server = self.serve(start=False, api=api)
        self.dir = self.server.dir
        environment = {"DIR": str(self.dir), "GATE": str(self.dir / "gate")}
        self.config = simple(self.port, module=module, environment=environment, **app)
        if not api:
            self.server.write(self.config)
        self.server.start()

    def workers(self):
        return self.server.pids('"app" application')

    def begun(self):
        """The requests that have begun, in order: [what, name, pid]."""
        file = self.dir / "begun"
        return [line.split(" ") for line in file.read_text().splitlines()] if file.exists() else []

    def ask(self, path):
        """A request whose answer is read later."""
        c = Connection(self.address)
        self.addCleanup(c.close)
        c.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
        return c

    def hold(self, name):
        """A request that has begun and ends when release() is called."""
        c = self.ask(f"/until/{name}")
        wait_for("the request's begin", lambda: any(b[1] == name for b in self.begun()))
        return c

    def release(self, *names):
        for name in names:
            (self.dir / name).touch()

    def counted(self, what, n):
        """Waits until /status says so: engines add up at the end of a turn, after they have answered."""
        path = f"/status/applications/app/requests/{what}"
        wait_for(f"{n} {what}", lambda: int(self.server.get(path)) == n)

    def queued(self, n):
        self.counted("queued", n)
