"""The log: text, JSON, the journal; rotated under load; and a reader that stops reading stops nobody."""
import collections
import datetime
import json
import os
import re
import signal
import threading
import unittest

import harness
from harness import Connection, free_port, get, python_app, simple, wait_for

TEXT = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(alert|error|warn|notice|info|debug)\] "
                  r"\d+#\d+ .")
SAID = re.compile(r"said (\S+) (\d+) \.*$")


def objects(text):
    """The lines of a JSON log; each must be a whole one."""
    return [json.loads(line) for line in text.splitlines()]


class Json(harness.Case):
    def test_every_line_is_an_object(self):
        port, other = free_port(), free_port()
        config = simple(port, module="chatty")
        config["applications"]["broken"] = python_app("nosuch_module")
        config["listeners"][f"127.0.0.1:{other}"] = {"pass": "applications/broken"}
        server = self.serve(config, arguments=["--log-format", "json"])
        raw = b'"\\ \xff\xc3\xa4\xe2\x82 \x00\x1b[0m\t\r\nhalf'
        self.assertEqual(get(("127.0.0.1", port), "/bytes/" + raw.hex()).status, 200)
        wait_for("the half line", lambda: '"half"' in server.text())
        self.assertEqual(get(("127.0.0.1", other)).status, 503)
        server.process.send_signal(signal.SIGUSR2)
        wait_for("a line of main", lambda: "SIGUSR2" in server.text())
        router = server.one("patchbay: router")
        lines = objects(server.text())
        for line in lines:
            time = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
            now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
            self.assertLess(abs((now - time).total_seconds()), 120)
            self.assertIn(line["level"], ("alert", "error", "warn", "notice", "info"))
            self.assertIn("message", line)
            self.assertEqual(list(line)[:2], ["time", "level"])
        by = {line["message"]: line for line in lines}
        self.assertEqual(by["router started"]["pid"], router)
        self.assertEqual(by["router started"]["tid"], router)
        said = by['"\\ \ufffdä\ufffd\ufffd \x00\x1b[0m\t']
        self.assertEqual((said["application"], said["level"]), ("app", "info"))
        # What a process of the application logs in the server's name keeps its level.
        failed = by['Python failed to import module "nosuch_module"']
        self.assertEqual((failed["application"], failed["level"]), ("broken", "alert"))
        self.assertNotEqual(failed["pid"], router)
        # So are the lines from before the log was open.
        self.assertTrue(objects((server.dir / "stderr").read_text())[0]["message"]
                        .endswith("started"))


class Journal(harness.Case):
    def journal(self, *arguments):
        server = self.serve(simple(free_port()), start=False,
                            arguments=["--log", "/dev/stderr", *arguments])
        server.log = server.dir / "stderr"
        server.log.touch()
        status = os.stat(server.log)
        server.environment["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        server.start()
        return server

    def test_priorities_and_no_time(self):
        server = self.journal()
        text = server.text()
        self.assertRegex(text, r"(?m)^<6>\[info\] \d+#\d+ router started$")
        self.assertRegex(text, r"(?m)^<5>\[notice\] \d+#\d+ configuration generation 1 applied")
        for line in text.splitlines():
            self.assertRegex(line, r"^<[1-7]>\[\w+\] \d+#\d+ ")
        # After a rotation the log is still the journal.
        server.process.send_signal(signal.SIGUSR1)
        wait_for("the line", lambda: "<5>[notice]" in server.text().splitlines()[-1])

    def test_json(self):
        for line in self.journal("--log-format", "json").text().splitlines():
            self.assertRegex(line, r"^<[1-7]>\{")
            json.loads(line[3:])


class Rotation(harness.Case):
    """A16: log files are moved away and reopened while everybody talks."""
    COUNT = 20

    def setUp(self):
        self.said = set()
        self.halt = threading.Event()

    def talk(self, port, name):
        with Connection(("127.0.0.1", port)) as c:
            n = 0
            while not self.halt.is_set():
                assert c.get(f"/lines/{name}-{n}/{self.COUNT}").status == 200
                self.said.update((f"{name}-{n}", i) for i in range(self.COUNT))
                n += 1

    def under_rotation(self, *arguments):
        port = free_port()
        server = self.serve(simple(port, module="chatty", processes=2), arguments=arguments)
        talkers = [threading.Thread(target=self.talk, args=(port, name)) for name in "abc"]
        for t in talkers:
            t.start()
        files = [server.log]
        for i in range(25):
            goal = len(self.said) + 100
            wait_for("more to be said", lambda: len(self.said) >= goal)
            files.append(server.dir / f"old.{i}.log")
            server.log.rename(files[-1])
            server.process.send_signal(signal.SIGUSR1)
            wait_for("the new log", server.log.exists)
        self.halt.set()
        for t in talkers:
            t.join()
        read = lambda: "".join(f.read_text() for f in files)
        wait_for("the last lines", lambda: read().count("said ") >= len(self.said))
        self.assertEqual([f.read_text()[-1:] for f in files[1:]], ["\n"] * 25)
        return read().splitlines()

    def check(self, messages):
        found = collections.Counter((m[1], int(m[2])) for m in map(SAID.match, messages) if m)
        self.assertEqual(set(found), self.said)
        self.assertEqual(set(found.values()), {1})

    def test_text(self):
        lines = self.under_rotation()
        for line in lines:
            self.assertTrue(TEXT.match(line) or SAID.match(line), line)
        self.check(lines)

    def test_json(self):
        lines = [json.loads(line) for line in self.under_rotation("--log-format", "json")]
        self.check([line["message"] for line in lines if line.get("application") == "app"])


class NobodyReads(harness.Case):
    """The log is a pipe, and whoever should read it does not."""

    def silent_reader(self, **more):
        port = free_port()
        server = self.serve(api=True, start=False, **more)
        fifo = server.dir / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        server.log = fifo
        server.text = lambda: ""
        return server, reader, port

    def check(self, server, reader, port):
        server.api("PUT", "/config", simple(port, module="chatty"))
        address = ("127.0.0.1", port)
        for _ in range(40):                        # 40 times what the pipe takes
            self.assertEqual(get(address, "/flood/20").status, 200)
        for n in range(3):                         # engines, [control], main and new processes
            server.api("PUT", "/config", simple(port, module="chatty", environment={"N": str(n)}))
            self.assertEqual(get(address).status, 200)
            server.process.send_signal(signal.SIGUSR2)     # main has something to say
        self.assertEqual(server.get("/status")["applications"]["app"]["processes"]["running"], 1)
        text = b""

        def come_back():
            nonlocal text
            try:
                while data := os.read(reader, 1 << 16):
                    text += data
            except BlockingIOError:
                pass
            server.process.send_signal(signal.SIGUSR2)     # the next line tells
            return b" dropped\n" in text
        wait_for("the lines that are left", come_back)
        for line in text.decode().splitlines():
            self.assertRegex(line, r"^(flood )+$|" + TEXT.pattern)
        self.assertRegex(text.decode(), r"\d+ log lines? w(as|ere) dropped\n")

    def test_a_fifo(self):
        server, reader, port = self.silent_reader()
        server.start()
        self.check(server, reader, port)

    def test_standard_error(self):
        server, reader, port = self.silent_reader(
            wrapper=["sh", "-c", 'exec "$@" 2>"$LOG"', "sh"], arguments=["--log", "/dev/stderr"])
        server.environment["LOG"] = str(server.log)
        server.start()
        self.check(server, reader, port)

    def test_the_end_does_not_wait(self):
        server, reader, port = self.silent_reader()
        server.start()
        server.api("PUT", "/config", simple(port, module="chatty"))
        get(("127.0.0.1", port), "/flood/100")
        self.assertEqual(server.stop(), 0)

    def test_nobody_has_opened_it(self):
        server = self.serve(simple(free_port()), start=False)
        os.mkfifo(server.log)
        server.text = lambda: ""
        with self.assertRaisesRegex(AssertionError, "exited with 1"):
            server.start()
        self.assertIn(f'log file "{server.log}" cannot be opened: No such device or address',
                      (server.dir / "stderr").read_text())
        server.process = None


if __name__ == "__main__":
    unittest.main()
