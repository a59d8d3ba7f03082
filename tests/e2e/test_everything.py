"""Everything at once: a healthy application beside one that crashes and one that hangs, clients that
are slow and clients that vanish, processes killed, configurations changed, applications restarted.
The healthy one loses nothing, and at the end there is as much of everything as before.
PATCHBAY_CHAOS_SECONDS (default 6)."""
import contextlib
import os
import random
import signal
import threading
import time

import harness
from harness import Connection, free_port, get, python_app, wait_for
from load import Load

SECONDS = float(os.environ.get("PATCHBAY_CHAOS_SECONDS", "6"))


class Everything(harness.Case):
    def setUp(self):
        self.random = random.Random(20261123)
        self.ports = {name: free_port() for name in ("healthy", "crashing", "hanging", "extra")}
        config = {"listeners": {}, "applications": {
            "healthy": python_app(processes=2),
            "crashing": python_app("trouble", processes={"spare": 1, "max": 2}),
            "hanging": python_app("trouble", limits={"timeout": 1}, processes=2)}}
        for name in config["applications"]:
            config["listeners"][f"127.0.0.1:{self.ports[name]}"] = {"pass": f"applications/{name}"}
        self.server = self.serve(api=True)
        self.server.api("PUT", "/config", config)
        self.halt = threading.Event()
        self.problems = []

    def address(self, name):
        return "127.0.0.1", self.ports[name]

    def held(self):
        """What main and router hold, and how many processes there are."""
        pids = (self.server.process.pid, self.server.one("patchbay: router"))
        return [*(len(os.listdir(f"/proc/{p}/{what}")) for p in pids for what in ("fd", "task")),
                len(self.server.pids('"healthy"')), len(self.server.pids('"hanging"'))]

    def in_background(self, action):
        """Calls it again and again until the end; what it raises is a problem."""
        def run():
            while not self.halt.is_set():
                try:
                    action()
                except Exception as e:                        # noqa: BLE001: shown at the end
                    self.problems.append(f"{action.__name__}: {e!r}")
                    return
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def trouble(self):
        """A request to one of the two that misbehave gets one answer, or its connection ends."""
        name, path = self.random.choice([("crashing", "/crash"), ("hanging", "/hang")])
        try:
            status = get(self.address(name), path).status
            assert status in (200, 503), status
        except harness.Closed:
            pass

    def rude(self):
        """Clients that leave in the middle, and one that takes its time."""
        with Connection(self.address("healthy")) as c:
            c.send("GET / HTTP/1.1\r\nHo")
        with Connection(self.address("hanging")) as c:
            c.send("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        with Connection(self.address("healthy")) as c:
            for byte in "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
                c.send(byte)
                time.sleep(0.002)
            assert c.response().status == 200

    def kill(self):
        """Not the healthy one's workers: what these had taken would rightly fail."""
        titles = ['"crashing" application', '"hanging" application', "prototype"]
        pids = self.server.pids(self.random.choice(titles))
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(pids), signal.SIGKILL)
        time.sleep(0.2)

    def change(self):
        """Every answer but 200 must be about one of those that misbehave, or were just killed."""
        self.server.api("PUT", "/config/settings",
                        {"http": {"idle_timeout": self.random.randrange(50, 99)}})
        extra = f"/config/listeners/127.0.0.1:{self.ports['extra']}"
        self.server.api("PUT", extra, {"pass": "applications/healthy"})
        assert get(self.address("extra")).status == 200
        self.server.api("DELETE", extra)
        answer = self.server.control("POST", "/control/applications/healthy/restart")
        assert answer.status == 200 or "prototype" in answer.json["detail"], answer
        time.sleep(0.1)

    def test_the_healthy_one_loses_nothing(self):
        for name in ("healthy", "crashing", "hanging"):
            self.assertEqual(get(self.address(name)).status, 200)
        before = self.held()
        load = Load(self.address("healthy"), connections=16)
        load.start()
        load.wait_answers(50)
        router = self.server.one("patchbay: router")
        threads = [self.in_background(action) for action in
                   (self.trouble, self.trouble, self.rude, self.kill, self.change)]
        time.sleep(SECONDS)
        self.halt.set()
        for thread in threads:
            thread.join(harness.BOUND)
            self.assertFalse(thread.is_alive())
        load.wait_answers(50)
        counts = load.finish()
        self.assertEqual(self.problems, [])
        self.assertEqual(counts["200"], counts["answers"], (dict(counts), load.problems[:5]))
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         load.problems[:5])
        self.assertEqual(self.server.one("patchbay: router"), router)
        for name in ("crashing", "hanging"):
            wait_for(f"{name} to be back", lambda n=name: get(self.address(n)).status == 200)
        wait_for(f"no more than before: {before}, now {self.held()}",
                 lambda: all(now <= then for now, then in zip(self.held(), before)))
        wait_for("one generation", lambda: len(self.server.get("/status/generations")) == 1)
