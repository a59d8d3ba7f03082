"""Sinks: modules that are told of every finished request. The one of these tests (modules/lines)
writes a line for each."""
import json
import pathlib
import shutil
import signal
import tempfile
import time

import harness
from harness import Connection, free_port, get, python_app, wait_for

SINK = harness.BUILD / "tests" / "e2e" / "sinks" / "sink_lines.so"


class Sinks(harness.Case):
    def setUp(self):
        self.modules = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-modules-"))
        self.addCleanup(shutil.rmtree, self.modules)
        self.modules.chmod(0o755)
        for source in [SINK, *harness.MODULES.glob("*.so")]:
            (self.modules / source.name).symlink_to(source)
        port = free_port()
        self.address = ("127.0.0.1", port)
        self.server = self.serve(api=True, arguments=["--modulesdir", str(self.modules)])
        self.lines = self.server.dir / "lines"
        self.config = {
            "listeners": {f"127.0.0.1:{port}": {"pass": "applications/app"}},
            "applications": {"app": python_app(processes=2)},
            "settings": {"http": {"max_body_size": 1000, "header_read_timeout": 1}},
            "sinks": {"one": {"type": "lines", "path": str(self.lines)}}}
        self.server.api("PUT", "/config", self.config)

    def told(self, count, path=None):
        """That many lines, no more and no less."""
        path = path or self.lines
        wait_for(f"{count} lines", lambda: len(path.read_text().splitlines()) >= count)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(len(lines), count, lines)
        return lines

    def raw(self, text):
        with Connection(self.address) as c:
            c.send(text)
            while c._more():
                pass
            return c.buffer

    def test_a_module_that_goes(self):
        """It is told as long as the router lives; a start does without it until it is back."""
        (self.modules / "sink_lines.so").unlink()
        answer = self.server.api("POST", "/control/reload")
        self.assertEqual((answer["degraded"], answer["left_out"][0]["pointer"]),
                         (["one"], "/sinks/one"))
        get(self.address, "/pid")
        self.told(1)
        self.server.stop()
        self.server.start()
        self.logged(self.server, 'sink "one" is left out: The module of the sink "lines"')
        self.assertEqual(get(self.address, "/pid").status, 200)
        (self.modules / "sink_lines.so").symlink_to(SINK)
        self.assertNotIn("left_out", self.server.api("POST", "/control/reload"))
        get(self.address, "/pid")
        self.told(2)

    def test_what_they_are_told(self):
        before = time.time_ns()
        got = get(self.address, "/pid?x=1", "X-A: b")
        line = self.told(1)[0]
        self.assertGreater(line.pop("duration"), 0)
        self.assertTrue(before <= line.pop("time") <= time.time_ns())
        self.assertEqual(line, {
            "status": 200, "cut": False, "listener": "%s:%d" % self.address, "application": "app",
            "bytes": len(got.body), "method": "GET", "target": "/pid?x=1", "remote": "127.0.0.1",
            "fields": 3})

    def test_once_for_each(self):
        with Connection(self.address) as c:                          # one after the other, pipelined
            for _ in range(3):
                self.assertEqual(c.get("/pid").status, 200)
            c.send("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
            for _ in range(5):
                self.assertEqual(c.response().status, 200)
            c.send("HEAD /pid HTTP/1.1\r\nHost: a\r\n\r\n")
            c.response(head=True)
            lines = self.told(9)
        self.assertEqual((lines[8]["method"], lines[8]["bytes"]), ("HEAD", 0))
        time.sleep(0.2)
        self.told(9)                                                      # not for the closing

    def test_errors_of_the_server(self):
        self.raw("nonsense\r\n\r\n")
        self.raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
        self.raw("GET / HTTP/1.1\r\nHos")
        get(self.address, "/raise")
        first, second, third, fourth = self.told(4)
        self.assertEqual((first["status"], "method" in first), (400, False))
        self.assertEqual((second["status"], "method" in second), (413, False))
        self.assertEqual((third["status"], "method" in third), (408, False))
        self.assertEqual((fourth["status"], fourth["target"]), (503, "/raise"))
        for line in (first, second, third, fourth):
            self.assertEqual((line["bytes"], line["cut"]), (54, False), line)

    def test_clients_that_leave(self):
        with Connection(self.address) as c:                               # before anything is asked
            pass
        with Connection(self.address) as c:
            c.send("GET /stream/1000/65536 HTTP/1.1\r\nHost: a\r\n\r\n")
            c._more()
        line = self.told(1)[0]
        self.assertEqual((line["status"], line["cut"]), (200, True))
        self.assertLess(line["bytes"], 1000 * 65536)

    def test_they_come_and_go(self):
        other = self.server.dir / "other"
        self.server.api("PUT", "/config/sinks/two", {"type": "lines", "path": str(other)})
        get(self.address, "/pid")
        self.told(1), self.told(1, other)
        self.server.api("DELETE", "/config/sinks/one")
        get(self.address, "/pid")
        self.told(2, other), self.told(1)
        self.server.api("DELETE", "/config/sinks")
        get(self.address, "/pid")
        self.told(2, other)
        wait_for("no file of theirs", lambda: not self.open_files("other"))

    def open_files(self, name):
        fds = pathlib.Path(f"/proc/{self.server.one('router')}/fd")
        return [f for f in fds.iterdir() if f.exists() and f.resolve().name == name]

    def test_they_stay_when_nothing_changes_for_them(self):
        self.lines.rename(self.server.dir / "moved")
        self.server.api("PUT", "/config/applications/app/processes", 1)
        get(self.address, "/pid")
        self.told(1, self.server.dir / "moved")
        self.assertFalse(self.lines.exists())
        self.server.process.send_signal(signal.SIGUSR1)                    # logs were rotated
        wait_for("the file", self.lines.exists)
        get(self.address, "/pid")
        self.told(1)

    def test_what_is_wrong_is_said(self):
        def refused(value, status=400):
            got = self.server.api("PUT", "/config/sinks/two", value, status)
            return got["detail"], got["pointer"]

        self.assertEqual(refused({"path": "/x"}), (
            'Sink must have the "type" property set to the name of its module.', "/sinks/two"))
        self.assertEqual(refused({"type": "line", "path": "/x"}), (
            'The module of the sink "line" is not found among the available sink modules.',
            "/sinks/two/type"))
        self.assertEqual(refused({"type": "lines"}), (
            'Required parameter "path" is missing.', "/sinks/two"))
        self.assertEqual(refused({"type": "lines", "path": "/x", "paht": "/y"}), (
            'Unknown parameter "paht".', "/sinks/two/paht"))
        detail, pointer = refused({"type": "lines", "path": "/nowhere/x"}, 500)
        self.assertIn('Sink "two" cannot be set up: ', detail)
        self.assertIn('"/nowhere/x" cannot be opened: No such file or directory', detail)
        self.assertEqual(pointer, "/sinks/two")
        get(self.address, "/pid")
        self.told(1)                                                      # the old one goes on

    def test_schema_and_list(self):
        schema = self.server.get("/schema")["properties"]["sinks"]["additionalProperties"]
        self.assertIn("path", schema["allOf"][0]["then"]["properties"])
