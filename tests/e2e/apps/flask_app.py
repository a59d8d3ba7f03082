"""A Flask application with a bit of everything that people do with one."""
import hashlib

from flask import Flask, Response, redirect, render_template_string, request, session, url_for

app = Flask(__name__)
app.secret_key = "only for tests"

PAGE = """<!DOCTYPE html><title>{{ title }}</title><h1>{{ title }}</h1><p>{{ text }}</p>
<form method="post" action="{{ url_for('form') }}"><input name="name"><input name="text"></form>"""


@app.get("/")
def index():
    return render_template_string(PAGE, title="Hello", text="from Flask")


@app.route("/form", methods=["GET", "POST"])
def form():
    return render_template_string(PAGE, title=request.form.get("name", "nobody"),
                                  text=request.form.get("text", ""))


@app.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect(url_for("me"))


@app.get("/me")
def me():
    return render_template_string(PAGE, title=session.get("user", "nobody"), text="is here")


@app.post("/upload")
def upload():
    file, digest, size = request.files["file"], hashlib.sha256(), 0
    while data := file.stream.read(65536):
        digest.update(data)
        size += len(data)
    return {"name": file.filename, "size": size, "sha256": digest.hexdigest()}


@app.post("/json")
def json():
    return {"got": request.get_json()}


@app.get("/download/<int:mebibytes>")
def download(mebibytes):
    part = bytes(range(256)) * 256  # 64 KiB
    return Response((part for _ in range(mebibytes * 16)), mimetype="application/octet-stream")


@app.get("/error")
def error():
    raise RuntimeError("on purpose")
