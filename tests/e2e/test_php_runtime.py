"""PHP: output, status, failures, what lives between requests and what does not, the worker's end."""
import base64
import json
import os
import signal
import socket
import unittest

from harness import BOUND, Closed, Connection, wait_for
from load import Load
from php_case import ROOT, PhpCase

# Under AddressSanitizer.
MALLOC = os.environ.get("USE_ZEND_ALLOC") == "0"


class Output(PhpCase):
    def setUp(self):
        self.prepare()

    def test_status(self):
        for code, status in (("", 200), ("http_response_code(418);", 418),
                             ("header('HTTP/1.1 299 Foo');", 299),
                             ("header('Status: 404 Not Found');", 404),
                             ("header('Location: /x');", 302),
                             ("header('Location: /x', true, 307);", 307),
                             ("header('X-A: b', true, 201);", 201),
                             ("http_response_code(204);", 204)):
            self.assertEqual(self.run_php(code).status, status, code)
        r = self.run_php("header('Location: /x');", method="POST", body="a=1")
        self.assertEqual([r.status, r.get("Location")], [302, "/x"])

    def test_fields(self):
        r = self.run_php("header('X-A: 1'); header('X-A: 2', false); header('X-B: 1'); "
                         "header('X-B:2'); header('X-C: 1'); header_remove('X-C'); header('no colon');"
                         "setcookie('c', 'v w'); setcookie('d', 'x'); header('Server: mine'); "
                         "header('Content-Type: text/plain'); echo 'x';")
        self.assertEqual([r.all("X-A"), r.all("X-B"), r.get("X-C"), r.get("Content-Type"),
                          r.all("Set-Cookie"), r.body],
                         [["1", "2"], ["2"], None, "text/plain;charset=UTF-8",
                          ["c=v%20w", "d=x"], b"x"])
        self.assertEqual(self.run_php("").get("Content-Type"), "text/html; charset=UTF-8")
        self.assertRegex(r.get("Server"), "^Patchbay")

    def test_a_field_with_a_line_break(self):
        r = self.run_php("@header(\"X-A: b\\r\\nX-Evil: 1\"); header('X-B: 1'); echo 'x';")
        self.assertEqual([r.status, r.get("X-Evil"), r.get("X-B"), r.body], [200, None, "1", b"x"])

    def test_many_fields(self):
        r = self.run_php("for ($i = 0; $i < 300; $i++) header(\"X-$i: $i\"); echo 'x';")
        self.assertEqual([r.status, r.get("X-299")], [200, "299"])
        r = self.run_php("for ($i = 0; $i < 70000; $i++) header(\"X-$i: $i\", false); echo 'x';")
        self.assertEqual(r.status, 503)
        self.logged(self.server, like=r"\[unit\] #\d+: the response headers were refused: ")
        self.assertEqual(self.value("return 1;"), 1)

    def test_head(self):
        r = self.run_php("header('X-A: 1'); echo 'body';", method="HEAD", head=True)
        self.assertEqual([r.status, r.get("X-A")], [200, "1"])

    def test_longer_than_content_length(self):
        self.assertEqual(self.run_php("header('Content-Length: 3'); echo 'abcdef';").body, b"abc")

    def test_shorter_than_content_length_is_cut(self):
        with self.assertRaises(Closed):
            self.run_php("header('Content-Length: 9'); echo 'abc';")

    def test_streaming(self):
        with Connection(self.address) as c:
            c.send("GET /gate.php?do=stream HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            for part, release in ((b"first", "second"), (b"second", "end")):
                while part not in data:
                    data += c.sock.recv(4096)
                (self.dir / release).touch()
            while not data.endswith(b"0\r\n\r\n"):
                data += c.sock.recv(4096)
            self.assertIn(b"3\r\nend\r\n", data)

    def test_finish_request(self):
        with Connection(self.address) as c:
            self.assertEqual(c.get("/gate.php?do=finish").body, b"answer")
            self.assertFalse((self.dir / "finished").exists())
            (self.dir / "go").touch()
            wait_for("the script's end", (self.dir / "finished").exists)
            self.assertEqual(json.loads((self.dir / "finished").read_text()), [True, False])
            self.assertEqual(c.get("/").status, 200)

    def test_a_hundred_megabytes_to_a_slow_client(self):
        code = ("$x = str_repeat('x', 1 << 20); for ($i = 0; $i < 100; $i++) echo $x; "
                "error_log('peak ' . (memory_get_peak_usage() >> 20));")
        code = base64.b64encode(code.encode()).decode()
        with socket.socket() as c:
            c.settimeout(BOUND)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.connect(self.address)
            c.sendall(b"GET /evaluate.php HTTP/1.0\r\nX-Code: " + code.encode() + b"\r\n\r\n")
            count = 0
            while data := c.recv(1 << 16):
                count += data.count(b"x")
        self.assertGreaterEqual(count, 100 << 20)
        self.logged(self.server, like=r"php message: peak \d\n")  # MiB

    def gone(self, what, *expected):
        with Connection(self.address) as c:
            c.send(f"GET /gate.php?do={what} HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            while b"begun" not in data:
                data += c.sock.recv(4096)
            # A reset: the client will not read any more.
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        for name in expected:
            wait_for(name, (self.dir / name).exists)
        self.assertEqual(self.ask("/").status, 200)

    def test_client_leaves(self):
        self.gone("abort", "status-1-1")
        self.assertFalse((self.dir / "went-on").exists())

    def test_client_leaves_and_the_script_goes_on(self):
        self.gone("ignored", "went-on", "status-1-1")

    def test_no_output_buffers_are_left(self):
        self.assertEqual(self.run_php("ob_start(); echo 'a'; ob_start(); echo 'b';").body, b"ab")
        level = self.value("return ob_get_level();")
        self.run_php("ob_start(); ob_start(); exit;")
        self.assertEqual(self.value("return ob_get_level();"), level)
        self.assertEqual(self.run_php("ob_start(fn($s) => strtoupper($s)); echo 'a'; exit(3);").body,
                         b"A")


class Runtime(PhpCase):
    def test_values(self):
        self.prepare()
        self.assertEqual(self.value("return [php_sapi_name(), PHP_SAPI, getcwd(), "
                                    "ini_get('html_errors'), ini_get('max_execution_time'), "
                                    "connection_status()];"),
                         ["cli-server", "cli-server", str(ROOT), "1", "30", 0])
        self.assertEqual(json.loads(self.ask("/sub/page.php").body)["SCRIPT_NAME"], "/sub/page.php")
        self.assertNotIn("argv", self.value("return $_SERVER;"))

    def test_argv(self):
        self.prepare(options={"admin": {"register_argc_argv": "1"}})
        self.assertEqual(self.value("return [$_SERVER['argv'], $_SERVER['argc']];", query="?z=1"),
                         [["z=1"], 1])

    def test_opcache_is_shared_between_workers(self):
        self.prepare(processes=2, options={"admin": {"opcache.enable": "1"}})
        held = Connection(self.address)
        self.addCleanup(held.close)
        held.send("GET /gate.php?do=hold&name=a HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for("the first worker", (self.dir / "held-a").exists)
        self.ask("/index.php")
        other = self.value("$s = opcache_get_status(); return [getmypid(), "
                           "array_map('basename', array_keys($s['scripts']))];")
        self.assertLessEqual({"gate.php", "index.php", "evaluate.php"}, set(other[1]))
        (self.dir / "a").touch()
        self.assertNotEqual(int(held.response().body), other[0])

    def test_nothing_of_a_request_is_left(self):
        self.prepare(options={"user": {"precision": "7"}})
        code = ("return [isset($GLOBALS['left']), ini_get('precision'), getcwd(), umask(), "
                "setlocale(LC_ALL, 0), getenv('LEFT'), ini_get('open_basedir'), "
                "ini_get('max_execution_time'), function_exists('left'), ob_get_level(), "
                "error_get_last(), date_default_timezone_get(), mb(), headers_list()];")
        code = code.replace("mb()", "ini_get('memory_limit')")
        before = self.value(code)
        self.run_php("$GLOBALS['left'] = 1; ini_set('precision', 3); chdir('/'); umask(0); "
                     "setlocale(LC_ALL, 'C.UTF-8'); putenv('LEFT=1'); set_time_limit(1); "
                     "ini_set('open_basedir', '/nowhere'); function left() {} ob_start(); "
                     "date_default_timezone_set('Asia/Tokyo'); ini_set('memory_limit', '1G'); "
                     "header('X-Left: 1'); http_response_code(404); @trigger_error('x'); "
                     "set_error_handler('left'); register_shutdown_function(fn() => chdir('/'));")
        self.assertEqual(self.value(code), before)

    def test_signals_of_a_script_are_gone_after_it(self):
        self.prepare()
        code = ("pcntl_signal(SIGQUIT, SIG_IGN); pcntl_signal(SIGTERM, SIG_DFL); "
                "pcntl_sigprocmask(SIG_BLOCK, [SIGQUIT, SIGPROF]); return getmypid();")
        pid = self.value(code)
        self.assertEqual(self.value("return getmypid();"), pid)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.value("return getmypid();"), pid)
        os.kill(pid, signal.SIGQUIT)
        wait_for("the worker's end", lambda: pid not in self.workers())
        self.assertNotEqual(self.value("return getmypid();"), pid)
        self.assertNotRegex(self.server.text(), "SIGKILL|signal 9")

    def test_an_alarm_of_a_script_is_gone_after_it(self):
        self.prepare()
        pid = self.value("pcntl_signal(SIGALRM, SIG_IGN); pcntl_alarm(100); return getmypid();")
        self.assertEqual(self.value("return [pcntl_alarm(0), getmypid()];"), [0, pid])

    def test_a_child_of_a_script_is_not_the_worker(self):
        self.prepare()
        r = self.run_php("echo 'before'; if (($p = pcntl_fork()) === 0) { echo 'child'; exit(7); } "
                         "pcntl_waitpid($p, $s); echo pcntl_wexitstatus($s);")
        self.assertEqual([r.status, r.body], [200, b"before7"])

    def test_persistent_connections_live_on(self):
        self.prepare()
        with socket.create_server(("127.0.0.1", 0)) as door:
            port = door.getsockname()[1]
            code = (f"$s = pfsockopen('127.0.0.1', {port}); fwrite($s, 'x'); fflush($s); "
                    "return stream_socket_get_name($s, false);")
            first = self.value(code)
            self.assertEqual(self.value(code), first)

    def test_quit_and_restart_of_workers(self):
        self.prepare(limits={"requests": 2})
        pids = [self.value("return getmypid();") for _ in range(4)]
        self.assertEqual(len(set(pids)), 2)


    def test_new_workers_under_load_lose_nothing(self):
        self.prepare(processes=2)
        config = json.loads(self.server.conf.read_text())
        load = Load(self.address, connections=16)
        load.start()
        for precision in ("4", "5", "6"):
            load.wait_answers(200)
            config["applications"]["app"]["options"] = {"user": {"precision": precision}}
            self.server.reload(config)
            self.assertEqual(self.value("return ini_get('precision');"), precision)
        counts = load.finish()
        self.assertEqual(counts["answers"], counts["200"], load.problems[:5])
        self.assertEqual((counts["lost"], counts["refused"], counts["hanging"]), (0, 0, 0),
                         load.problems[:5])
        wait_for("the end of the old workers", lambda: len(self.workers()) == 2)


class Failures(PhpCase):
    FATAL = r"\[unit\] #\d+: php message: PHP Fatal error:  "

    def setUp(self):
        self.prepare(options={"admin": {"memory_limit": "64M"}})
        self.pid = self.value("return getmypid();")

    def still_there(self):
        """The worker goes on."""
        self.assertEqual(self.value("return getmypid();"), self.pid)

    def fatal(self, code, log):
        r = self.run_php(code)
        self.assertEqual([r.status, r.body], [500, b""], code)
        self.logged(self.server, like=self.FATAL + log)
        self.still_there()

    def test_uncaught_exception(self):
        self.fatal("throw new Exception('boom');", "Uncaught Exception: boom in ")

    def test_undefined_function(self):
        self.fatal("nosuch();", r"Uncaught Error: Call to undefined function nosuch\(\)")

    @unittest.skipIf(MALLOC, "malloc knows no memory limit")
    def test_memory_limit(self):
        self.fatal("$x = str_repeat('x', 1 << 30);", "Allowed memory size of 67108864 bytes")

    def test_time_limit(self):
        self.fatal("set_time_limit(1); for (;;) { }", "Maximum execution time of 1 second exceeded")

    def test_endless_recursion_of_output_callbacks(self):
        r = self.run_php("ob_start(function ($s) { die('in callback'); }); echo 'a';")
        self.assertIn(r.status, (200, 500))
        self.still_there()

    def test_user_error(self):
        self.fatal("trigger_error('own', E_USER_ERROR);", "own in ")

    def test_syntax_error(self):
        root = self.site(broken_php="<?php echo ;")
        config = json.loads(self.server.conf.read_text())
        config["applications"]["app"]["root"] = str(root)
        self.server.reload(config)
        r = self.ask("/broken.php")
        self.assertEqual([r.status, r.body], [500, b""])
        self.logged(self.server, like=r"\[unit\] #\d+: php message: PHP Parse error:  ")

    def test_fatal_error_behind_output(self):
        """Too late for a 500; what was said is the answer, as with every PHP."""
        tail = "register_shutdown_function(function () { echo error_get_last() ? ' sorry' : ''; }); "
        for code in ("echo 'part'; ob_flush(); flush(); nosuch();",
                     "while (ob_get_level()) ob_end_clean(); echo 'part'; nosuch();"):
            r = self.run_php(tail + code)
            self.assertEqual([r.status, r.body], [200, b"part sorry"], code)
            self.logged(self.server, like=self.FATAL)
        r = self.run_php(tail + "echo 'part'; nosuch();")
        self.assertEqual([r.status, r.body], [500, b"part sorry"])
        r = self.run_php("header('Content-Length: 9'); echo 'whole'; ob_flush(); "
                         "register_shutdown_function(function () { echo 'page'; ob_flush(); nosuch(); });")
        self.assertEqual([r.status, r.body], [200, b"wholepage"])
        self.still_there()

    def test_fatal_error_before_the_content_length_is_reached(self):
        with self.assertRaises(Closed):
            self.run_php("header('Content-Length: 9'); echo 'part'; ob_flush(); flush(); nosuch();")
        self.still_there()

    def test_displayed_errors_are_part_of_the_answer(self):
        r = self.run_php("ini_set('display_errors', 1); while (ob_get_level()) ob_end_clean(); "
                         "echo 'part'; nosuch();")
        self.assertEqual(r.status, 200)
        self.assertRegex(r.body, rb"^part(?s:.)*Call to undefined function nosuch")

    def test_exit(self):
        for code, body in (("echo 'a'; exit(3);", b"a"), ("exit('text');", b"text"),
                           ("register_shutdown_function(function () { echo 'b'; exit(5); }); echo 'a';",
                            b"ab"),
                           ("class D { function __destruct() { echo 'd'; exit; } } "
                            "$GLOBALS['d'] = new D; echo 'a';", b"ad")):
            r = self.run_php(code)
            self.assertEqual([r.status, r.body], [200, body], code)
        self.still_there()

    def test_exception_in_a_shutdown_function(self):
        self.fatal("register_shutdown_function(function () { throw new Exception('late'); });",
                   "Uncaught Exception: late")

    def test_what_scripts_log(self):
        self.run_php("error_log(\"to the log\\nsecond\"); "
                     "file_put_contents('php://stderr', \"to stderr\\n\");")
        self.logged(self.server, like=r"\[notice\] .*\[unit\] #\d+: php message: to the log second")
        self.logged(self.server, "\nto stderr\n")

    def died(self, code, *fields):
        r = self.run_php(code)
        self.assertEqual(r.status, 503)
        self.assertNotEqual(self.value("return getmypid();"), self.pid)

    def test_killed(self):
        self.died("posix_kill(getmypid(), SIGKILL); sleep(60);".replace("SIGKILL", "9"))

    def test_crash(self):
        self.died("posix_kill(getmypid(), 11); sleep(60);")


class TimeLimit(PhpCase):
    """max_execution_time of the configuration: one second of processor time."""
    BURN = "for ($e = cpu() + %s; cpu() < $e;) { } "
    CPU = ("function cpu() { $r = getrusage(); return $r['ru_utime.tv_sec'] + $r['ru_stime.tv_sec'] "
           "+ ($r['ru_utime.tv_usec'] + $r['ru_stime.tv_usec']) / 1e6; } ")

    def setUp(self):
        self.prepare(options={"admin": {"max_input_time": "5"},
                              "user": {"max_execution_time": "1"}})

    def test_it_ends_scripts(self):
        pid = self.value("return getmypid();")
        for code in ("for (;;) { }", "register_shutdown_function(function () { for (;;) { } });",
                     "set_time_limit(1); for (;;) { }"):
            r = self.run_php(code)
            self.assertEqual([r.status, r.body], [500, b""], code)
            self.logged(self.server, like="Maximum execution time of 1 second exceeded in ")
        self.assertEqual(self.value("return getmypid();"), pid)

    def test_each_request_has_its_own(self):
        for _ in range(3):
            self.assertEqual(self.value(self.CPU + self.BURN % 0.6 + "return 'done';"), "done")

    def test_scripts_can_set_another(self):
        for other in ("set_time_limit(0); ", "set_time_limit(30); ",
                      "ini_set('max_execution_time', '30'); "):
            self.assertEqual(self.value(other + self.CPU + self.BURN % 1.5 + "return 'done';"),
                             "done", other)
        self.assertEqual(self.run_php("for (;;) { }").status, 500)

    def test_waiting_does_not_count(self):
        self.assertEqual(self.value("return [sleep(1), sleep(1)];"), [0, 0])


class Hang(PhpCase):
    def test_a_script_that_hangs(self):
        self.prepare(limits={"timeout": 1})
        pid = self.value("return getmypid();")
        self.assertEqual(self.run_php("sleep(3600);").status, 503)
        self.assertNotEqual(self.value("return getmypid();"), pid)


if __name__ == "__main__":
    unittest.main()
