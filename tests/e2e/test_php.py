"""PHP: which script runs, what it is told of the request, and its options."""
import base64
import hashlib
import json
import os
import shutil
import unittest

from harness import Connection, free_port, wait_for
from php_case import ROOT, PhpCase, php_app


class Variables(PhpCase):
    """$_SERVER, app-wide: each test asks the same server."""

    def setUp(self):
        self.prepare(environment={"FROM_ENVIRONMENT": "yes"})

    def server_array(self, path, *fields, **more):
        response = self.ask(path, *fields, **more)
        self.assertEqual(response.status, 200, self.server.text()[-2000:])
        return json.loads(response.body)

    def test_every_key(self):
        got = self.server_array("/sub/page.php/info/x?a=1", "Host: Example.Org:81", "X-A: 1",
                                "x-b_c: v", "X-A: 2", "Cookie: a=1", "Cookie: b=2")
        self.assertIsInstance(got.pop("REQUEST_TIME"), int)
        self.assertIsInstance(got.pop("REQUEST_TIME_FLOAT"), float)
        self.assertRegex(got.pop("REMOTE_PORT"), r"^\d+$")
        self.assertRegex(got.pop("SERVER_SOFTWARE"), r"^Patchbay/\d")
        self.assertEqual(got, {
            "DOCUMENT_ROOT": str(ROOT), "SCRIPT_FILENAME": f"{ROOT}/sub/page.php",
            "SCRIPT_NAME": "/sub/page.php", "PATH_INFO": "/info/x",
            "PHP_SELF": "/sub/page.php/info/x", "REQUEST_URI": "/sub/page.php/info/x?a=1",
            "QUERY_STRING": "a=1", "REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "example.org", "SERVER_PORT": str(self.port),
            "SERVER_ADDR": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "Example.Org:81", "HTTP_CONNECTION": "close", "HTTP_X_A": "1, 2",
            "HTTP_COOKIE": "a=1; b=2"})

    def test_unix_listener(self):
        got = self.server_array("/server.php", address=self.unix)
        self.assertEqual({k: got.get(k) for k in ("SERVER_NAME", "SERVER_PORT", "SERVER_ADDR",
                                                  "REMOTE_ADDR", "REMOTE_PORT", "PATH_INFO",
                                                  "QUERY_STRING", "HTTPS")},
                         {"SERVER_NAME": "localhost", "SERVER_PORT": "80",
                          "SERVER_ADDR": f"unix:{self.unix}", "REMOTE_ADDR": "unix:",
                          "REMOTE_PORT": None, "PATH_INFO": None, "QUERY_STRING": "",
                          "HTTPS": None})

    def test_body_members(self):
        got = self.server_array("/server.php", "Content-Type: text/plain", method="POST", body="abc")
        self.assertEqual([got["CONTENT_LENGTH"], got["CONTENT_TYPE"], got["HTTP_CONTENT_LENGTH"],
                          got["HTTP_CONTENT_TYPE"], got["REQUEST_METHOD"]],
                         ["3", "text/plain", "3", "text/plain", "POST"])
        got = self.server_array("/server.php")
        self.assertFalse({"CONTENT_LENGTH", "CONTENT_TYPE"} & set(got))

    def test_credentials(self):
        basic = base64.b64encode(b"foo:bar:baz").decode()
        got = self.server_array("/server.php", f"Authorization: Basic {basic}")
        self.assertEqual([got["PHP_AUTH_USER"], got["PHP_AUTH_PW"]], ["foo", "bar:baz"])
        self.assertNotIn("AUTH_TYPE", got)
        self.assertNotIn("PHP_AUTH_USER", self.server_array("/server.php"))

    def test_environment(self):
        self.assertEqual(
            self.value("return [$_SERVER['FROM_ENVIRONMENT'], getenv('FROM_ENVIRONMENT')];"),
            ["yes", "yes"])

    def test_a_field_does_not_replace_what_the_server_knows(self):
        got = self.server_array("/server.php", "Proxy: evil", "Script-Filename: evil")
        self.assertNotIn("HTTP_PROXY", got)
        self.assertEqual(got["SCRIPT_FILENAME"], f"{ROOT}/server.php")
        self.assertEqual(got["HTTP_SCRIPT_FILENAME"], "evil")

    def test_filter_input_knows_the_variables(self):
        self.assertEqual(self.value("return filter_input(INPUT_SERVER, 'HTTP_X_A');", "X-A: 7"), "7")


class Scripts(PhpCase):
    """Which script a path means, without `script`."""

    def setUp(self):
        self.prepare()

    def status(self, path, **more):
        return self.ask(path, **more).status

    def test_index(self):
        self.assertEqual(self.ask("/").body, b"index of /index.php")
        self.assertEqual(self.status("/sub/"), 404)

    def test_a_directory_without_its_slash(self):
        r = self.ask("/sub?a=%20b&c")
        self.assertEqual([r.status, r.get("Location"), r.body],
                         [301, f"http://localhost:{self.port}/sub/?a=%20b&c", b""])
        r = self.ask("/x/../%73ub?", method="POST", body="abc")
        self.assertEqual([r.status, r.get("Location")],
                         [301, f"http://localhost:{self.port}/sub/?"])
        r = self.ask("/sub", "Host: Example.org", address=self.unix)
        self.assertEqual(r.get("Location"), "http://example.org/sub/")

    def test_nothing_there(self):
        for path in ("/x.php", "/none", "/sub/page.PHP", "/sub/page.phpx", "/none/", "/file.txt/x",
                     "/none/x.php", "/" + "x" * 5000 + ".php", "/none.php/page.php"):
            r = self.ask(path)
            self.assertEqual([r.status, r.body], [404, b""], path)

    def test_what_is_no_script_is_not_shown(self):
        for path in ("/file.txt", "/file.txt?x"):
            r = self.ask(path)
            self.assertEqual([r.status, r.body], [403, b""], path)

    def test_path_info(self):
        for path, name, info in (("/server.php/", "/server.php", "/"),
                                 ("/server.php/b.php/c", "/server.php", "/b.php/c"),
                                 ("/sub/page.php/%C3%A4", "/sub/page.php", "/ä")):
            got = json.loads(self.ask(path).body)
            self.assertEqual([got["SCRIPT_NAME"], got["PATH_INFO"], got["PHP_SELF"]],
                             [name, info, name + info])

    def test_other_files(self):
        root = self.site(a_php="<?php echo 'a';")
        os.mkfifo(root / "pipe.php")
        (root / "dir.php").mkdir()
        (root / "odd & ü").mkdir()
        (root / "link.php").symlink_to("a.php")
        (root / "loop.php").symlink_to("loop.php")
        (root / "text.html").write_text("<?php echo 'never';")
        self.server.reload({"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                            "applications": {"app": php_app(root=str(root), index="text.html")}})
        for path, status in (("/pipe.php", 403), ("/dir.php", 404), ("/dir.php/", 404),
                             ("/link.php", 200), ("/loop.php", 404), ("/", 403)):
            self.assertEqual(self.status(path), status, path)
        r = self.ask("/odd%20&%20%C3%BC")
        self.assertEqual(r.get("Location"), f"http://localhost:{self.port}/odd%20&%20%C3%BC/")

    def test_a_script_that_cannot_be_read(self):
        root = self.site(secret_php="<?php echo 'secret';", closed__x_php="<?php echo 'x';")
        app = php_app(root=str(root))
        if os.getuid() == 0:  # who may read everything
            app.update(user="nobody", group="nogroup")
        self.server.reload({"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                            "applications": {"app": app}})
        self.assertEqual(self.ask("/secret.php").body, b"secret")
        (root / "secret.php").chmod(0)
        (root / "closed").chmod(0)
        self.addCleanup((root / "closed").chmod, 0o700)
        for path in ("/secret.php", "/secret.php/info", "/closed/x.php"):
            r = self.ask(path)
            self.assertEqual([r.status, r.body], [403, b""], path)

    def test_a_new_file_runs_at_once(self):
        root = self.site(a_php="<?php echo 'a';")
        self.server.reload({"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                            "applications": {"app": php_app(root=str(root))}})
        self.assertEqual(self.status("/b.php"), 404)
        (root / "b.php").write_text("<?php echo 'b';")
        self.assertEqual(self.ask("/b.php").body, b"b")
        (root / "b.php").unlink()                                  # known to be there for 1 ms
        wait_for("its end", lambda: self.status("/b.php") == 404)

    def test_a_replaced_directory(self):
        code = "<?php echo file_get_contents('data.txt');"
        root = self.site(**{"sub__a_php": code, "sub__data.txt": "old"})
        self.server.reload({"listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"}},
                            "applications": {"app": php_app(root=str(root))}})
        for _ in range(2):
            self.assertEqual(self.ask("/sub/a.php").body, b"old")
        (root / "sub").rename(root / "before")
        wait_for("its end", lambda: self.status("/sub/a.php") == 404)
        self.site(**{"sub__a_php": code, "sub__data.txt": "new"})
        self.assertEqual(self.ask("/sub/a.php").body, b"new")


class Options(PhpCase):
    def test_script(self):
        self.prepare(script="/sub/page.php")
        for path in ("/", "/server.php/info", "/sub", "/file.txt", "/none"):
            got = json.loads(self.ask(path).body)
            self.assertEqual([got["SCRIPT_NAME"], got["PHP_SELF"], got.get("PATH_INFO"),
                              got["SCRIPT_FILENAME"], got["REQUEST_URI"]],
                             ["/sub/page.php", "/sub/page.php", None, f"{ROOT}/sub/page.php", path])

    def test_index(self):
        self.prepare(index="page.php")
        self.assertEqual(json.loads(self.ask("/sub/").body)["SCRIPT_NAME"], "/sub/page.php")
        self.assertEqual(self.ask("/").status, 404)

    def test_root_is_a_link_and_relative(self):
        self.server = self.serve(start=False)
        root = self.site(index_php="<?php echo $_SERVER['DOCUMENT_ROOT'];")
        (self.server.dir / "current").symlink_to("site")
        port = free_port()
        self.server.write({"listeners": {f"127.0.0.1:{port}": {"pass": "applications/app"}},
                           "applications": {"app": php_app(root="current/",
                                                           working_directory=str(self.server.dir))}})
        self.server.start()
        self.assertEqual(self.ask("/", address=("127.0.0.1", port)).body.decode(), str(root))

    def test_php_ini(self):
        self.server = self.serve(start=False)
        (self.server.dir / "own.ini").write_text("precision = 5\nmax_execution_time = 7\n"
                                                 "error_prepend_string = 'from own.ini'\n")
        self.address = ("127.0.0.1", port := free_port())
        app = php_app(working_directory=str(self.server.dir), options={
            "file": "own.ini",
            "admin": {"memory_limit": "64M", "display_errors": "On", "arg_separator.output": "a;\"\\",
                      "disable_functions": "exec,passthru", "disable_classes": "SplObjectStorage",
                      "auto_prepend_file": "it's", "error_log": str(self.server.dir / "it's.log")},
            "user": {"max_execution_time": "9", "memory_limit": "32M", "nosuch.opt": "1",
                     "user_agent": "$HOME ${HOME}"}})
        del app["options"]["admin"]["auto_prepend_file"]
        self.server.write({"listeners": {f"127.0.0.1:{port}": {"pass": "applications/app"}},
                           "applications": {"app": app}})
        self.server.start()
        names = ["precision", "error_prepend_string", "memory_limit", "display_errors",
                 "arg_separator.output", "error_log", "max_execution_time", "user_agent"]
        self.assertEqual(
            self.value(f"return array_map('ini_get', {json.dumps(names)});".replace("\\\\", "\\")),
            ["5", "from own.ini", "64M", "On", "a;\"\\", str(self.server.dir / "it's.log"), "9",
             "$HOME ${HOME}"])
        self.assertEqual(self.value("return [php_ini_loaded_file(), function_exists('exec'), "
                                    "function_exists('system'), "
                                    "@ini_set('memory_limit', '1G'), ini_get('memory_limit'), "
                                    "ini_set('max_execution_time', 3), "
                                    "ini_get('max_execution_time')];"),
                         [str(self.server.dir / "own.ini"), False, True, False, "64M", "9", "3"])
        self.assertEqual(self.value("return ini_get('max_execution_time');"), "9")
        r = self.run_php("new SplObjectStorage; return 1;")
        self.assertIn(b"disabled for security", r.body)
        self.logged(self.server, 'setting PHP option "nosuch.opt: 1" failed')

    @unittest.skipIf("PHP_INI_SCAN_DIR" in os.environ, "without opcache")
    def test_settings_that_count_at_the_start(self):
        self.prepare(options={"admin": {"opcache.memory_consumption": "16",
                                        "opcache.enable": "1"}})
        self.assertEqual(self.value("return opcache_get_configuration()['directives']"
                                    "['opcache.memory_consumption'];"), 16 << 20)

    def test_refused(self):
        self.server = self.serve(api=True)
        site = self.site(index_php="", outside__x_php="")
        (site / "root").mkdir()
        (site / "root" / "leaves.php").symlink_to("../index.php")
        (site / "root" / "dir").mkdir()
        for app, text in (
                ({}, 'Required parameter "root" is missing.'),
                ({"root": str(site), "options": {"user": {"a": 1}}},
                 'The "a" PHP option must be a string.'),
                ({"root": str(site), "options": {"admin": {"": "1"}}},
                 "The PHP option name must not be empty."),
                ({"root": str(site), "scripts": "x"}, 'Unknown parameter "scripts".'),
                ({"root": str(site), "targets": {"a": {"root": str(site)}}},
                 'The "root" option is mutually exclusive with the "targets" object.'),
                ({"targets": {"a": {}}}, 'Required parameter "root" is missing.')):
            self.refuse(400, app, text)
        for app, text in (
                ({"root": str(site / "none")},
                 f'The "root" "{site}/none" cannot be used: No such file or directory.'),
                ({"root": str(site / "index.php")}, "is not a directory."),
                ({"root": str(site), "script": "none.php"},
                 'The "script" "none.php" cannot be used: No such file or directory.'),
                ({"root": str(site / "root"), "script": "../index.php"},
                 f'The "script" "../index.php" lies outside of the root "{site}/root".'),
                ({"root": str(site / "root"), "script": "leaves.php"}, "lies outside of the root"),
                ({"root": str(site / "root"), "script": "dir"}, "is a directory."),
                ({"root": str(site), "options": {"file": "/none.ini"}},
                 'The "file" "/none.ini" of the PHP options cannot be used'),
                ({"targets": {"a": {"root": str(site / "none")}}},
                 f'The "root" "{site}/none" of target "a" cannot be used')):
            self.refuse(500, app, text)

    def refuse(self, status, app, text):
        with self.subTest(text=text):
            answer = self.server.control("PUT", "/config/applications/app",
                                         json.dumps({"type": "php", **app}))
            self.assertIn(text, answer.json["detail"])
            self.assertEqual(answer.status, status)

    @unittest.skipUnless(os.getuid() == 0, "needs root")
    @unittest.skipIf("PHP_INI_SCAN_DIR" in os.environ, "without opcache")
    def test_rootfs(self):
        """PHP's own files are there: extensions, configuration, time zones."""
        self.prepare()
        config = json.loads(self.server.conf.read_text())
        root = self.server.dir / "rootfs"
        shutil.copytree(ROOT, root / "srv")
        config["applications"]["app"].update(root="/srv", isolation={"rootfs": str(root)})
        self.server.reload(config)
        wait_for("the application in its rootfs",
                 lambda: json.loads(self.ask("/server.php").body)["DOCUMENT_ROOT"] == "/srv")
        self.assertEqual(self.value("return [file_exists('/etc/passwd'), extension_loaded('ctype'), "
                                    "opcache_get_status()['opcache_enabled'], "
                                    "(new DateTime('2026-07-01', new DateTimeZone('Europe/Paris')))"
                                    "->format('T')];"), [False, True, True, "CEST"])

    def test_targets(self):
        self.prepare(targets={"zulu": {"root": str(ROOT)},
                              "alpha": {"root": str(ROOT / "sub"), "index": "page.php"},
                              "one": {"root": str(ROOT), "script": "server.php"}})
        one, alpha = free_port(), free_port()
        config = json.loads(self.server.conf.read_text())
        config["listeners"][f"127.0.0.1:{one}"] = {"pass": "applications/app/one"}
        config["listeners"][f"127.0.0.1:{alpha}"] = {"pass": "applications/app/alpha"}
        self.server.reload(config)
        self.assertEqual(self.ask("/").body, b"index of /index.php")
        got = json.loads(self.ask("/", address=("127.0.0.1", alpha)).body)
        self.assertEqual([got["DOCUMENT_ROOT"], got["SCRIPT_NAME"]], [f"{ROOT}/sub", "/page.php"])
        got = json.loads(self.ask("/x/y", address=("127.0.0.1", one)).body)
        self.assertEqual([got["SCRIPT_NAME"], got["REQUEST_URI"]], ["/server.php", "/x/y"])


class Bodies(PhpCase):
    def setUp(self):
        self.prepare()

    def echo(self, *fields, query="", **more):
        return json.loads(self.ask(f"/echo.php{query}", *fields, **more).body)

    def test_form(self):
        got = self.echo("Content-Type: application/x-www-form-urlencoded", "Cookie: c=1; d=%41",
                        method="POST", body="a=1&b[]=2&b[]=3", query="?q=%20x")
        self.assertEqual([got["get"], got["post"], got["cookie"], got["size"]],
                         [{"q": " x"}, {"a": "1", "b": ["2", "3"]}, {"c": "1", "d": "A"}, 15])

    def test_large_raw_body(self):
        body = os.urandom(3 << 20)
        for method in ("POST", "PUT"):
            got = self.echo("Content-Type: application/octet-stream", method=method, body=body)
            self.assertEqual([got["size"], got["md5"]], [len(body), hashlib.md5(body).hexdigest()])

    def test_sizes(self):
        """16 KiB: PHP's blocks; 256 KiB: what stays in memory."""
        for size in (1, 16383, 16384, 16385, 65536, 262144, 262145):
            body = os.urandom(size)
            for method, kind in (("POST", "text/plain"), ("PUT", "text/plain"), ("PATCH", "a/b")):
                got = self.echo(f"Content-Type: {kind}", method=method, body=body)
                self.assertEqual([got["size"], got["md5"]],
                                 [size, hashlib.md5(body).hexdigest()], (size, method))
            got = self.run_php("return [strlen($_POST['a']), md5($_POST['a']), "
                               "md5(file_get_contents('php://input')), "
                               "strlen(file_get_contents('php://input', false, null, 5))];",
                               "Content-Type: application/x-www-form-urlencoded", method="POST",
                               body=b"a=" + body.hex()[:size].encode())
            text = body.hex()[:size].encode()
            self.assertEqual(json.loads(got.body), [size, hashlib.md5(text).hexdigest(),
                                                    hashlib.md5(b"a=" + text).hexdigest(),
                                                    max(0, size - 3)], size)

    def test_input_without_reading_at_the_start(self):
        self.server.reload({**json.loads(self.server.conf.read_text()), "applications": {
            "app": php_app(options={"admin": {"enable_post_data_reading": "0"}})}})
        for size in (10, 20000, 300000):
            body = os.urandom(size)
            got = self.run_php("return [md5(file_get_contents('php://input')), $_POST];",
                               "Content-Type: application/x-www-form-urlencoded", method="POST",
                               body=body)
            self.assertEqual(json.loads(got.body), [hashlib.md5(body).hexdigest(), []])

    def test_chunked(self):
        got = self.echo("Transfer-Encoding: chunked", "Content-Type: text/plain", method="POST",
                        body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(got["size"], 5)

    def test_upload(self):
        file = os.urandom(1 << 20)
        body = (b"--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n"
                b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n"
                b"Content-Type: image/x\r\n\r\n" + file + b"\r\n--B--\r\n")
        got = self.echo("Content-Type: multipart/form-data; boundary=B", method="POST", body=body)
        upload = got["files"]["f"]
        self.assertEqual([got["post"], upload["name"], upload["type"], upload["error"],
                          upload["size"], upload["content"]],
                         [{"n": "v"}, "a.bin", "image/x", 0, len(file), hashlib.md5(file).hexdigest()])
        self.assertFalse(os.path.exists(upload["tmp_name"]))

    def test_a_body_nobody_reads(self):
        for _ in range(3):
            r = self.run_php("return 1;", "Content-Type: text/plain", method="POST",
                             body=b"x" * (2 << 20))
            self.assertEqual([r.status, r.body], [200, b"1"])

    def test_sessions(self):
        (self.dir / "sessions").mkdir(mode=0o777)
        code = (f"session_save_path('{self.dir}/sessions'); session_start(); "
                "$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; return $_SESSION['n'];")
        first = self.run_php(code)
        self.assertEqual(first.body, b"1")
        cookie = first.get("Set-Cookie").split(";")[0]
        self.assertEqual(self.run_php(code, f"Cookie: {cookie}").body, b"2")
        self.assertEqual(self.run_php(code).body, b"1")


class BodyLimits(PhpCase):
    def test_upload_limits_are_php_ini_s(self):
        self.prepare(options={"admin": {"post_max_size": "4K", "upload_max_filesize": "1K"}})
        form = "Content-Type: application/x-www-form-urlencoded"
        for size, count in ((3000, 1), (5000, 0)):
            got = json.loads(self.ask("/echo.php", form, method="POST", body="a=" + "x" * size).body)
            self.assertEqual([len(got["post"]), got["size"]], [count, size + 2])
        body = ("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n"
                + "x" * 2000 + "\r\n--B--\r\n")
        got = json.loads(self.ask("/echo.php", "Content-Type: multipart/form-data; boundary=B",
                                  method="POST", body=body).body)
        self.assertEqual([got["files"]["f"]["error"], got["files"]["f"]["size"]], [1, 0])


if __name__ == "__main__":
    unittest.main()
