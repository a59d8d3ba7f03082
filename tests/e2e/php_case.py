"""Tests with PHP applications of apps/php."""
import base64
import json

import harness
from harness import APPS, Connection, free_port

ROOT = APPS / "php"


def php_app(**more):
    """Configuration of a PHP application; its root is apps/php unless said otherwise."""
    if "targets" not in more:
        more.setdefault("root", str(ROOT))
    return {"type": "php", **more}


class PhpCase(harness.Case):
    def prepare(self, **app):
        """A server with one PHP application on a TCP port and on a Unix socket."""
        self.server = self.serve(start=False)
        self.dir = self.server.dir
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.unix = str(self.dir / "php.sock")
        app.setdefault("environment", {})["DIR"] = str(self.dir)
        self.server.write({
            "listeners": {f"127.0.0.1:{self.port}": {"pass": "applications/app"},
                          f"unix:{self.unix}": {"pass": "applications/app"}},
            "applications": {"app": php_app(**app)}})
        self.server.start()

    def site(self, **files):
        """A root of the test's own: {"name_php": text}; __ is a slash."""
        root = self.server.dir / "site"
        for name, text in files.items():
            file = root / name.replace("__", "/").replace("_php", ".php")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return root

    def ask(self, path="/", *fields, method="GET", body=None, address=None, head=False):
        with Connection(address or self.address) as c:
            data = body.encode() if isinstance(body, str) else body
            lines = [f"{method} {path} HTTP/1.1", "Connection: close", *fields]
            if not any(f.lower().startswith("host:") for f in fields):
                lines.insert(1, "Host: localhost")
            if data is not None and not any("transfer-encoding" in f.lower() for f in fields):
                lines.append(f"Content-Length: {len(data)}")
            c.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (data or b""))
            return c.response(head=head)

    def run_php(self, code, *fields, query="", **more):
        """The response of a script with this code."""
        code = base64.b64encode(code.encode()).decode()
        return self.ask(f"/evaluate.php{query}", f"X-Code: {code}", *fields, **more)

    def value(self, code, *fields, **more):
        """What the code returns."""
        response = self.run_php(code, *fields, **more)
        self.assertEqual(response.status, 200, self.server.text()[-2000:])
        return json.loads(response.body)

    def workers(self):
        return self.server.pids('"app" application')
