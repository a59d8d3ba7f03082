"""What tests of whole web applications need of a browser: redirects, cookies, forms, uploads."""
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

import harness


class Browser:
    """Follows redirects and keeps cookies, as a browser does."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, path, data=None, headers=None):
        if isinstance(data, dict):
            data = urllib.parse.urlencode(data).encode()
        request = urllib.request.Request(self.base + path, data, headers or {})
        try:
            return self.opener.open(request, timeout=harness.BOUND)
        except urllib.error.HTTPError as e:
            return e

    def text(self, path, data=None, headers=None):
        return self.open(path, data, headers).read().decode()


def multipart(name, filename, content, fields=None, content_type="application/octet-stream"):
    """A form with one file, and its header field."""
    boundary = "----patchbay-test-boundary"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode()
        for n, v in (fields or {}).items())
    body += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
             f'filename="{filename}"\r\nContent-Type: {content_type}\r\n\r\n').encode()
    return body + content + f"\r\n--{boundary}--\r\n".encode(), \
        {"Content-Type": f"multipart/form-data; boundary={boundary}"}
