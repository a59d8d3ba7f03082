"""A long random sequence of edits, right and wrong ones, against a model: the same answers, the same
document, the same listeners and applications; and no less after its processes were killed.

PATCHBAY_MODEL_EDITS (default 400) and PATCHBAY_SEED; a failure names the seed and the edit."""
import os
import signal
import socket
import unittest

import control
import document
import harness
import model
from harness import APPS, free_port, get, wait_for

EDITS = int(os.environ.get("PATCHBAY_MODEL_EDITS", "400"))
SEED = int(os.environ.get("PATCHBAY_SEED", "20261123"))


class ModelTest(control.Expectations, harness.Case):
    def setUp(self):
        self.server = self.serve(api=True)
        taken = free_port()
        blocker = socket.create_server(("127.0.0.1", taken))
        self.addCleanup(blocker.close)
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in range(4)]
        self.addresses += [f"unix:{self.server.dir}/{n}.sock" for n in "ab"]
        self.model = model.Model(SEED, self.addresses, f"127.0.0.1:{taken}", APPS)
        self.model.config = dict(control.FIRST)
        self.history = []

    def about(self):
        return f"seed {SEED}, edit {len(self.history)}: {self.history[-1] if self.history else ''}"

    def edit(self):
        method, path, body = self.model.edit()
        self.history.append((method, path, body))
        before = self.model.config
        status, expected = self.model.expect(method, path, body)
        sent = None if method == "DELETE" else document.compact(body)
        answer = self.server.control(method, model.url(path), sent)
        self.assertEqual(answer.status, status, f"{self.about()}\n{answer}\n{before}")
        got = answer.json
        self.assertEqual(answer.body, document.pretty(got), self.about())
        if status in (400, 500):
            # Hints and further mistakes follow; they have tests of their own.
            got = {n: got.get(n) for n in expected}
        self.assertEqual(list(got.items()), list(expected.items()), f"{self.about()}\n{answer}")

    def compare(self):
        self.holds(self.model.config)
        for _ in range(3):
            path = self.model.some_path()
            status, value = self.model.read(path)
            self.expect(status, value, "GET", model.url(path))

    def address_of(self, text):
        return text[5:] if text.startswith("unix:") else ("127.0.0.1", int(text.rpartition(":")[2]))

    def compare_service(self):
        listeners = self.model.config.get("listeners", {})
        for address in self.addresses:
            if address not in listeners:
                with self.assertRaises((ConnectionRefusedError, FileNotFoundError), msg=address):
                    get(self.address_of(address))
                continue
            app = self.model.config["applications"][listeners[address]["pass"].partition("/")[2]]
            version = app.get("environment", {}).get("VERSION", "none")
            self.assertEqual(get(self.address_of(address), "/version").body.decode(), version)
        names = self.server.get("/status/applications")
        self.assertEqual(sorted(names), sorted(self.model.config.get("applications", {})))

    def kill(self):
        if self.model.random.random() < 0.5:
            self.server.kill()
            self.server.start()
            return
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())

    def test_edits(self):
        kills = {self.model.random.randrange(20, EDITS + 20) for _ in range(max(3, EDITS // 60))}
        for n in range(EDITS):
            self.edit()
            if n % 5 == 0:
                self.compare()
            if n % 20 == 0:
                self.compare_service()
            if n in kills:
                self.kill()
                self.compare()
                self.compare_service()
        self.compare()
        self.compare_service()
        statuses = {s: 0 for s in (200, 400, 404, 405, 500)}
        check = model.Model(SEED, self.addresses, self.model.occupied, APPS)
        check.config = dict(control.FIRST)
        for method, path, body in self.history:
            statuses[check.expect(method, path, body)[0]] += 1
        self.assertTrue(EDITS < 200 or min(statuses.values()) > 0, statuses)
        self.assertGreater(statuses[200], EDITS // 5, statuses)


if __name__ == "__main__":
    unittest.main()
