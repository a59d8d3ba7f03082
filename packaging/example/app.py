"""The bundled example: a WSGI application without any framework.

/        the request as the application sees it
/stream  a page that arrives line by line
/upload  a form that takes a file
"""
import hashlib
import html
import os
import threading
import time
from email.parser import BytesHeaderParser
from email.policy import HTTP

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
nav a { margin-right: 1rem }
table { border-collapse: collapse; width: 100%; font: 14px/1.6 ui-monospace, monospace }
td { border-top: 1px solid #8884; padding: .15rem .5rem; vertical-align: top;
     overflow-wrap: anywhere }
td:first-child { white-space: nowrap; opacity: .7 }
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head>
<body><nav><a href="/">Request</a><a href="/stream">Stream</a><a href="/upload">Upload</a></nav>
<h1>{title}</h1>
"""
END = "</body></html>\n"


def begin(title):
    return PAGE.format(title=html.escape(title), style=STYLE)


def respond(start_response, text, status="200 OK"):
    body = text.encode()
    start_response(status, [("Content-Type", "text/html; charset=utf-8"),
                            ("Content-Length", str(len(body)))])
    return [body]


def show_request(environ, start_response):
    rows = "".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>"
                   for key, value in sorted(environ.items()))
    who = f"Answered by process {os.getpid()}, thread {threading.get_ident():x}. Reload: it changes."
    return respond(start_response,
                   f"{begin(os.environ.get('GREETING', 'Hello'))}<p>{who}</p>"
                   f"<table>{rows}</table>{END}")


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    yield (begin("A page that takes its time") + "<p>Each line is sent when it is made. "
           "The other pages answer meanwhile.</p><ol>").encode()
    for _ in range(10):
        yield f"<li>{time.strftime('%H:%M:%S')}</li>\n".encode()
        time.sleep(0.5)
    yield f"</ol>{END}".encode()


def boundary_of(environ):
    headers = BytesHeaderParser(policy=HTTP).parsebytes(
        b"Content-Type: " + environ.get("CONTENT_TYPE", "").encode("latin-1"))
    return (headers.get_boundary() or "").encode()


def receive_file(environ):
    """Name, size and digest of the one file in a multipart body, which is never held as a whole."""
    boundary, lines = b"--" + boundary_of(environ), iter(environ["wsgi.input"])
    next(lines, b"")
    head = b""
    for line in lines:
        if line == b"\r\n":
            break
        head += line
    name = BytesHeaderParser(policy=HTTP).parsebytes(head).get_filename() or "no name"
    digest, size, held = hashlib.sha256(), 0, b""
    for line in lines:
        if line.startswith(boundary):
            break
        if held:  # the line end before the boundary is not the file's
            digest.update(held)
            size += len(held)
        held = line
    held = held[:-2]
    digest.update(held)
    return name, size + len(held), digest.hexdigest()


def upload(environ, start_response):
    text = begin("Upload")
    if environ["REQUEST_METHOD"] == "POST" and boundary_of(environ):
        name, size, digest = receive_file(environ)
        text += (f"<p>Got <b>{html.escape(name)}</b>: {size:,} bytes, SHA-256 "
                 f"<code>{digest}</code></p>")
    text += ('<form method="post" enctype="multipart/form-data"><input type="file" name="file">'
             "<button>Send</button></form><p>Up to 8 MiB, the default limit.</p>")
    return respond(start_response, text + END)


def application(environ, start_response):
    pages = {"/": show_request, "/stream": stream, "/upload": upload}
    page = pages.get(environ["PATH_INFO"])
    if page is None:
        return respond(start_response, f"{begin('Not here')}<p>There is no such page.</p>{END}",
                       "404 Not Found")
    return page(environ, start_response)
