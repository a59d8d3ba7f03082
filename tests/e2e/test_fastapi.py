"""FastAPI (and so Starlette) from Debian's packages, used as a person uses it."""
import json
import unittest

import harness
from harness import Connection, free_port, get, python_app, wait_for


class FastApi(harness.Case):
    def setUp(self):
        self.address = ("127.0.0.1", free_port())
        self.server = self.serve({
            "listeners": {"%s:%d" % self.address: {"pass": "applications/api"}},
            "applications": {"api": python_app("fastapi_app", callable="app", processes=1)}})

    def json(self, path, *fields):
        return json.loads(get(self.address, path, *fields).body)

    def post(self, path, body, *fields):
        with Connection(self.address) as c:
            c.send("\r\n".join([f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}",
                                *fields, "", ""]))
            c.send(body)
            return json.loads(c.response().body)

    def test_pages(self):
        self.assertEqual(self.json("/"), {"ready": "yes"})
        self.assertEqual(self.json("/items/7?q=%C3%A4", "X-Who: me"),
                         {"number": 7, "q": "\u00e4", "who": "me"})
        self.assertEqual(get(self.address, "/items/404").status, 404)
        self.assertEqual(get(self.address, "/items/x").status, 422)
        self.assertEqual(self.post("/sum", b"[1, 2, 3]", "Content-Type: application/json"), 6)
        self.assertEqual(self.post("/upload", bytes(3_000_000)), 3_000_000)
        self.assertEqual(get(self.address, "/stream").body, b"0\n1\n2\n3\n4\n")
        self.assertEqual(self.json("/openapi.json")["openapi"][0], "3")

    def test_errors(self):
        answer = get(self.address, "/error")
        self.assertEqual((answer.status, answer.body), (500, b"Internal Server Error"))
        wait_for("the traceback", lambda: "RuntimeError: in a handler" in self.server.text())
        self.assertEqual(self.json("/"), {"ready": "yes"})

    def test_work_goes_on_after_the_answer(self):
        self.assertEqual(self.json("/background"), "started")
        wait_for("the background task", lambda: "background" in self.json("/done"))

    def test_a_client_that_leaves(self):
        with Connection(self.address) as c:
            c.send("GET /forever HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"tick", c._bytes(1000))
        wait_for("the stream to end", lambda: "forever" in self.json("/done"))


if __name__ == "__main__":
    unittest.main()
