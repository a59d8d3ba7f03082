"""WordPress and phpMyAdmin from Debian's packages beside each other, with a real database server: what
a person does with them, from the installation to a post with an image."""
import json
import pathlib
import re
import shutil
import struct
import tempfile
import urllib.parse
import zlib

import harness
from browser import Browser, multipart
from harness import free_port
from mariadb import PASSWORD, MariaDb

WP_CONFIG = """<?php
define('DB_NAME', 'blog');
define('DB_USER', 'root');
define('DB_PASSWORD', '{password}');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_ACCESSIBLE_HOSTS', '127.0.0.1');
define('AUTH_KEY', 'one'); define('SECURE_AUTH_KEY', 'two'); define('LOGGED_IN_KEY', 'three');
define('NONCE_KEY', 'four'); define('AUTH_SALT', 'five'); define('SECURE_AUTH_SALT', 'six');
define('LOGGED_IN_SALT', 'seven'); define('NONCE_SALT', 'eight');
define('FS_METHOD', 'direct');
$table_prefix = 'wp_';
define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
PMA_CONFIG = """<?php
$cfg['blowfish_secret'] = 'abcdefghijklmnopqrstuvwxyz012345';
$cfg['Servers'][1]['auth_type'] = 'cookie';
$cfg['Servers'][1]['host'] = 'localhost';
$cfg['Servers'][1]['socket'] = '{socket}';
$cfg['Servers'][1]['pmadb'] = '';
$cfg['TempDir'] = '{temporary}';
"""


def png(width, height):
    """A picture with a gradient."""
    rows = b"".join(b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, 128))
                                     for x in range(width)) for y in range(height))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def copy_tree(source, target):
    """Links stay links: Debian's packages share their libraries by them."""
    shutil.copytree(source, target, symlinks=True)
    for path in [target, *pathlib.Path(target).rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o644)


class WordPress(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-php-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        cls.dir.chmod(0o755)
        cls.database = MariaDb(cls.dir / "db")
        cls.addClassCleanup(cls.database.stop)
        cls.database.sql("CREATE DATABASE blog")
        cls.make_applications()
        cls.serve_them()

    @classmethod
    def make_applications(cls):
        cls.blog, cls.admin = cls.dir / "blog", cls.dir / "phpmyadmin"
        copy_tree("/usr/share/wordpress", cls.blog)
        (cls.blog / "wp-content" / "uploads").mkdir()
        (cls.blog / "wp-content" / "uploads").chmod(0o777)
        (cls.blog / "wp-config.php").write_text(
            WP_CONFIG.format(password=PASSWORD, socket=cls.database.socket))
        copy_tree("/usr/share/phpmyadmin", cls.admin)
        temporary = cls.dir / "temporary"
        temporary.mkdir()
        temporary.chmod(0o777)
        config = cls.dir / "pma-config.php"
        config.write_text(PMA_CONFIG.format(socket=cls.database.socket, temporary=temporary))
        vendor = cls.admin / "libraries" / "vendor_config.php"
        text = vendor.read_text()
        assert "'/etc/phpmyadmin/config.inc.php'" in text and "'/var/lib/phpmyadmin/tmp/'" in text
        vendor.write_text(text.replace("'/etc/phpmyadmin/config.inc.php'", f"'{config}'")
                          .replace("'/var/lib/phpmyadmin/tmp/'", f"'{temporary}/'"))

    @classmethod
    def serve_them(cls):
        cls.port, cls.pretty, admin_port = free_port(), free_port(), free_port()
        options = {"admin": {"memory_limit": "256M", "upload_max_filesize": "20M",
                             "post_max_size": "20M"}, "user": {"display_errors": "0"}}
        cls.server = cls.serve_class({
            "listeners": {
                f"127.0.0.1:{cls.port}": {"pass": "applications/blog/direct"},
                # Every path is WordPress's to understand, as with a rewrite rule.
                f"127.0.0.1:{cls.pretty}": {"pass": "applications/blog/pretty"},
                f"127.0.0.1:{admin_port}": {"pass": "applications/phpmyadmin"}},
            "applications": {
                # WordPress calls itself while it serves.
                "blog": {"type": "php", "processes": {"spare": 1, "max": 6}, "options": options,
                         "targets": {"direct": {"root": str(cls.blog)},
                                     "pretty": {"root": str(cls.blog), "script": "index.php"}}},
                "phpmyadmin": {"type": "php", "root": str(cls.admin), "processes": 2,
                               "options": options}}})
        cls.browser, cls.pma = Browser(cls.port), Browser(admin_port)

    def page(self, path, data=None, headers=None, status=200, browser=None):
        answer = (browser or self.browser).open(path, data, headers)
        text = answer.read().decode()
        self.assertEqual(answer.status, status, f"{path}: {text[:500]}")
        self.assertNotRegex(text, r"<b>(Warning|Fatal error|Notice|Deprecated)</b>")
        return text

    def nonce(self, path, pattern=r'name="_wpnonce" value="(\w+)"'):
        return re.search(pattern, self.page(path))[1]

    # In the order of a person's first day with it.
    def test_a_first_day(self):
        self.install()
        self.log_in()
        self.look_around()
        self.permalinks()
        image = self.upload()
        self.write_and_read(image)
        self.administrate_the_database()
        self.assertNotRegex(self.server.text(), r"PHP (Fatal|Parse) error|exited on signal")

    def install(self):
        self.assertIn("install.php", self.browser.open("/").geturl())
        page = self.page("/wp-admin/install.php?step=2", {
            "weblog_title": "A Blog", "user_name": "boss", "admin_password": "Pa55word",
            "admin_password2": "Pa55word", "pw_weak": "on", "admin_email": "boss@example.com",
            "blog_public": "0", "language": ""})
        self.assertIn("Success!", page)
        self.assertIn("A Blog", self.page("/"))

    def log_in(self):
        self.page("/wp-login.php")
        wrong = self.page("/wp-login.php", {"log": "boss", "pwd": "wrong", "testcookie": "1"})
        self.assertIn("incorrect", wrong)
        page = self.page("/wp-login.php", {
            "log": "boss", "pwd": "Pa55word", "testcookie": "1",
            "redirect_to": f"{self.browser.base}/wp-admin/"})
        self.assertIn("Dashboard", page)

    def look_around(self):
        for path, text in (("", "At a Glance"), ("edit.php", "Hello world!"),
                           ("upload.php", "Media Library"), ("options-general.php", "A Blog"),
                           ("plugins.php", "Plugins"), ("users.php", "boss@example.com"),
                           ("post-new.php", "block-editor"), ("themes.php", "Twenty Twenty"),
                           ("edit-comments.php", "Comments"), ("site-health.php", "Site Health"),
                           ("load-styles.php?c=1&load%5B%5D=dashicons", "dashicons")):
            self.assertIn(text, self.page(f"/wp-admin/{path}"), path)

    def permalinks(self):
        page = "/wp-admin/options-permalink.php"
        answer = self.page(page, {"_wpnonce": self.nonce(page), "selection": "/%postname%/",
                                  "permalink_structure": "/%postname%/"})
        self.assertIn("Permalink structure updated", answer)

    def upload(self):
        nonce = self.nonce("/wp-admin/media-new.php", r'"_wpnonce":"(\w+)"')
        body, headers = multipart("async-upload", "gradient.png", png(900, 600),
                                  {"name": "gradient.png", "action": "upload-attachment",
                                   "_wpnonce": nonce}, "image/png")
        answer = json.loads(self.page("/wp-admin/async-upload.php", body, headers))
        self.assertTrue(answer["success"], answer)
        image = answer["data"]
        self.assertEqual((image["width"], image["height"]), (900, 600))
        path = self.blog / urllib.parse.urlsplit(image["url"]).path.lstrip("/")
        self.assertEqual(path.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.assertTrue((path.parent / "gradient-300x200.png").exists())    # made with GD
        return image

    def write_and_read(self, image):
        nonce = self.nonce("/wp-admin/post-new.php",
                           r'createNonceMiddleware\(\s*"(\w+)"')
        post = json.dumps({"title": "Grüße aus dem Test", "slug": "greetings", "status": "publish",
                           "content": f'<p>Text</p><img src="{image["url"]}">',
                           "featured_media": image["id"]}).encode()
        answer = json.loads(self.page("/index.php?rest_route=/wp/v2/posts", post,
                                      {"Content-Type": "application/json", "X-WP-Nonce": nonce},
                                      status=201))
        self.assertEqual(answer["link"], f"{self.browser.base}/greetings/")
        self.assertIn("Grüße aus dem Test", self.page("/"))
        # As a visitor, by the pretty address.
        host = f"Host: 127.0.0.1:{self.port}"
        answer = self.visit("/greetings/", host)
        self.assertEqual(answer.status, 200)
        self.assertIn("Grüße aus dem Test", answer.body.decode())
        self.assertIn("gradient-300x200.png", answer.body.decode())
        self.assertEqual(self.visit("/greetings", host).get("location"),
                         f"{self.browser.base}/greetings/")
        self.assertEqual(self.visit("/no-such-post/", host).status, 404)
        self.assertIn("<rss", self.visit("/feed/", host).body.decode())
        # The answer leads to the pretty address, which this listener does not know.
        self.page("/wp-comments-post.php", {
            "comment": "A comment", "comment_post_ID": self.post_id("greetings"),
            "_wp_unfiltered_html_comment": ""}, status=404)
        self.assertEqual(self.database.sql("SELECT comment_content FROM blog.wp_comments WHERE "
                                           "comment_author_email = 'boss@example.com'").strip(),
                         "A comment")

    def visit(self, path, host):
        with harness.Connection(("127.0.0.1", self.pretty)) as c:
            c.send(f"GET {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n")
            return c.response()

    def post_id(self, slug):
        return self.database.sql(
            f"SELECT ID FROM blog.wp_posts WHERE post_name = '{slug}'").strip()

    def administrate_the_database(self):
        def page(path, data=None):
            return self.page(path, data, browser=self.pma)

        def token(text):
            return re.search(r'name="token" value="(\w+)"', text)[1]

        login = page("/index.php?route=/")
        session = re.search(r'name="set_session" value="(\w+)"', login)[1]
        home = page("/index.php?route=/", {
            "pma_username": "root", "pma_password": PASSWORD, "server": "1",
            "set_session": session, "token": token(login)})
        self.assertIn("Database server", home)
        self.assertIn("wp_posts", page("/index.php?route=/database/structure&db=blog"))
        rows = page("/index.php?route=/sql&db=blog&table=wp_posts&pos=0")
        self.assertIn("greetings", rows)
        answer = page("/index.php?route=/import", {
            "token": token(rows), "db": "blog", "sql_delimiter": ";", "is_js_confirmed": "0",
            "sql_query": "SELECT CONCAT('forty', '-two') AS answer"})
        self.assertIn("forty-two", answer)
