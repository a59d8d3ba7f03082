"""Flask and Django from Debian's packages, used as a person uses them: forms, uploads, cookies,
big downloads, error pages, the admin site with its sqlite database."""
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import unittest

import harness
from browser import Browser, multipart
from harness import APPS, free_port, python_app


class Flask(harness.Case):
    def setUp(self):
        port = free_port()
        self.server = self.serve({
            "listeners": {f"127.0.0.1:{port}": {"pass": "applications/flask"}},
            "applications": {"flask": python_app("flask_app", callable="app", processes=2,
                                                 threads=2)}})
        self.port, self.browser = port, Browser(port)

    def test_pages_forms_and_cookies(self):
        b = self.browser
        self.assertIn("Hello", b.text("/"))
        self.assertIn("Grace", b.text("/form", {"name": "Grace", "text": "äöü & <tag>"}))
        b.open("/login", {"user": "ada"}).read()
        self.assertIn("ada", b.text("/me"))
        missing = b.open("/no-such-page")
        self.assertEqual(missing.status, 404)
        self.assertEqual(b.open("/error").status, 500)
        self.assertIn("Hello", b.text("/"))

    def test_upload(self):
        content = os.urandom(7 << 20)
        body, headers = multipart("file", "seven.bin", content)
        self.assertIn(hashlib.sha256(content).hexdigest(),
                      self.browser.text("/upload", body, headers))

    def test_download_of_100_mib(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.BOUND)
        c.request("GET", "/download/100")
        r, size = c.getresponse(), 0
        while data := r.read(1 << 20):
            size += len(data)
        self.assertEqual((r.status, size), (200, 100 << 20))
        c.close()


class Django(harness.Case):
    def setUp(self):
        port = free_port()
        self.server = self.serve(None, start=False)
        site = self.server.dir / "site"
        shutil.copytree(APPS / "django_site", site, ignore=shutil.ignore_patterns("__pycache__"))
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", DJANGO_SUPERUSER_PASSWORD="secret",
                   DJANGO_DB=str(self.server.dir / "db.sqlite3"))
        for command in (["migrate", "--verbosity", "0"],
                        ["createsuperuser", "--noinput", "--username", "admin",
                         "--email", "admin@example.org"]):
            subprocess.run(["/usr/bin/python3", "manage.py", *command], cwd=site, env=env,
                           check=True, timeout=harness.BOUND, stdout=subprocess.DEVNULL)
        self.server.write({
            "listeners": {f"127.0.0.1:{port}": {"pass": "applications/site"}},
            "applications": {"site": {
                "type": "python", "path": str(site), "module": "site_config.wsgi",
                "working_directory": str(site), "processes": 2,
                "environment": {"DJANGO_DB": env["DJANGO_DB"]}}}})
        self.server.start()
        self.browser = Browser(port)

    def token(self, page):
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]

    def test_admin(self):
        b = self.browser
        login = "/admin/login/?next=/admin/"
        page = b.text(login)
        wrong = b.text(login, {"username": "admin", "password": "wrong",
                               "csrfmiddlewaretoken": self.token(page)})
        self.assertIn("Please enter the correct username", wrong)
        home = b.text(login, {"username": "admin", "password": "secret",
                              "csrfmiddlewaretoken": self.token(wrong)})
        self.assertIn("Site administration", home)
        add = b.text("/admin/auth/group/add/")
        done = b.text("/admin/auth/group/add/", {"name": "Operators & friends",
                                                 "csrfmiddlewaretoken": self.token(add)})
        self.assertIn("was added successfully", done)
        self.assertIn("Operators &amp; friends", b.text("/admin/auth/group/"))
        self.assertEqual(b.open("/no-such-page").status, 404)
        out = b.text("/admin/logout/", {"csrfmiddlewaretoken": self.token(
            b.text("/admin/auth/group/add/"))})
        self.assertRegex(out, "(?i)logged out|log in")


if __name__ == "__main__":
    unittest.main()
