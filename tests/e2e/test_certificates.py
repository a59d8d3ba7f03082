"""/certificates: every answer, what is refused, and what the state directory keeps (K1, K2)."""
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import unittest

import control
import document
import harness
from control import INVALID_METHOD
from harness import BUILD, free_port, simple, wait_for

UPLOADED = {"success": "Certificate chain uploaded."}
DELETED = {"success": "Certificate deleted."}
EXISTS = {"error": "Certificate already exists."}
BAD_NAME = {"error": "Invalid certificate name."}
NOT_THERE = {"error": "Certificate doesn't exist."}
NO_PATH = {"error": "Invalid path."}
SUBJECT = "/C=DE/ST=Berlin/L=Mitte/O=Example é/OU=Web/CN={}"


def openssl(*arguments, text=b""):
    return subprocess.run(["openssl", *arguments], input=text, check=True,
                          capture_output=True).stdout


class Maker:
    """Keys and certificates, made once for all tests."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-certs-"))
        unittest.addModuleCleanup(harness.shutil.rmtree, self.dir)
        self.key, self.cert = self.make("a.example", "rsa:2048", "DNS:a.example,DNS:*.a.example,"
                                        "IP:127.0.0.1")
        self.other_key, self.other_cert = self.make("b.example", "ec", "DNS:b.example")
        self.pem, self.other = self.key + self.cert, self.other_key + self.other_cert

    def make(self, name, kind, names):
        kind = [kind] if kind != "ec" else [kind, "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-x509", "-nodes", "-utf8", "-newkey", *kind, "-days", "30",
                "-keyout", str(self.dir / "key"), "-out", str(self.dir / "cert"),
                "-subj", SUBJECT.format(name), "-addext", f"subjectAltName={names}")
        return (self.dir / "key").read_bytes(), (self.dir / "cert").read_bytes()


made = None


def setUpModule():
    global made
    made = Maker()


def described(cert, names):
    """What is said of a self-signed certificate, in openssl's words."""
    dates = openssl("x509", "-noout", "-dates", text=cert).decode().splitlines()
    name = {"common_name": names[0], "country": "DE", "state_or_province": "Berlin",
            "locality": "Mitte", "organization": "Example é", "department": "Web"}
    return {"subject": {"common_name": names[0], "alt_names": names, **name}, "issuer": name,
            "validity": {"since": dates[0].partition("=")[2], "until": dates[1].partition("=")[2]}}


def info_a():
    return {"key": "RSA (2048 bits)", "chain": [described(made.cert, ["a.example", "*.a.example"])]}


def info_b():
    return {"key": "ECDH", "chain": [described(made.other_cert, ["b.example"])]}


class Case(control.Expectations, harness.Case):
    def put(self, name="a", pem=None, query=""):
        self.expect(200, UPLOADED, "PUT", f"/certificates/{name}{query}", pem or made.pem)

    def invalid(self, pem, detail, name="bad"):
        """400, with the reason; nothing is stored."""
        answer = self.server.control("PUT", f"/certificates/{name}", pem)
        self.check_answer(answer, 400, {"error": "Invalid certificate.",
                                        "detail": answer.json.get("detail")})
        self.assertRegex(answer.json["detail"], detail)
        self.expect(404, NOT_THERE, "GET", f"/certificates/{name}")
        self.assertNotIn(name, self.stored())

    def stored(self):
        directory = self.server.state / "certs"
        return {p.name: p.read_bytes() for p in directory.iterdir()} if directory.exists() else {}

    def kill_router(self):
        router = self.server.one("patchbay: router")
        os.kill(router, signal.SIGKILL)
        wait_for("the next router", lambda: self.server.pids("patchbay: router") not in ([], [router])
                 and self.server.ready())


class Answers(Case):
    def setUp(self):
        self.server = self.serve(api=True)

    def test_life(self):
        self.holds({}, "/certificates")
        self.put("b", made.other)
        self.put("a")
        self.holds({"a": info_a(), "b": info_b()}, "/certificates")
        self.holds({"a": info_a(), "b": info_b()}, "/certificates//")
        self.assertEqual(self.server.get("/")["certificates"], {"a": info_a(), "b": info_b()})
        self.expect(400, EXISTS, "PUT", "/certificates/a", made.other)
        self.expect(400, EXISTS, "PUT", "/certificates/a", "junk")
        self.expect(400, EXISTS, "PUT", "/certificates/a?replace=0", made.other)
        self.holds(info_a(), "/certificates/a")
        self.expect(200, DELETED, "DELETE", "/certificates/a")
        self.expect(404, NOT_THERE, "DELETE", "/certificates/a")
        self.expect(404, NOT_THERE, "GET", "/certificates/a")
        self.holds({"b": info_b()}, "/certificates")
        self.put("a", made.other)
        self.holds(info_b(), "/certificates/a")

    def test_complete_answer(self):
        raw = self.server.control("PUT", "/certificates/x", made.pem).raw
        self.assertRegex(raw, rb"\AHTTP/1\.1 200 OK\r\nServer: Patchbay/[\d.]+\r\nDate: [^\r]+\r\n"
                         rb"Content-Type: application/json\r\nContent-Length: 49\r\n"
                         rb"Connection: close\r\n\r\n"
                         rb'\{\r\n\t"success": "Certificate chain uploaded\."\r\n\}\r\n\Z')

    def test_parts(self):
        self.put("a", made.cert + made.key + made.other_cert)
        info = info_a()
        info["chain"].append(info_b()["chain"][0])
        for path, value in (
                ("", info), ("/", info), ("/key", "RSA (2048 bits)"), ("/chain", info["chain"]),
                ("/chain/1", info["chain"][1]), ("/chain//0/subject/", info["chain"][0]["subject"]),
                ("/chain/0/subject/common_name", "a.example"),
                ("/chain/0/subject/alt_names/1", "*.a.example"),
                ("/chain/0/%73ubject/organization", "Example é"),
                ("/chain/1/validity/since", info["chain"][1]["validity"]["since"])):
            self.holds(value, f"/certificates/a{path}")
        for path in ("x", "chain/2", "chain/x", "key/x", "chain/0/issuer/alt_names", "chain/-1"):
            self.expect(404, NO_PATH, "GET", f"/certificates/a/{path}")
            self.expect(404, NOT_THERE, "GET", f"/certificates/b/{path}")

    def test_names(self):
        """As sent: nothing is decoded."""
        for name in ("a%2Fb", "%2e%2e", "...", ".hidden", "a:b*", "%C3%A9", "a" * 255, "%61"):
            self.put(name)
            self.holds(info_a(), f"/certificates/{name}")
            self.assertEqual(self.stored().pop(name), made.pem)
        self.expect(404, NOT_THERE, "GET", "/certificates/a")        # is not %61
        self.assertEqual(list(self.server.get("/certificates")), sorted(self.stored()))
        for name in ("", "/", "a/b", "a%2Fb/c", ".", "..", "../conf.json", "a" * 256, "\udce9"):
            for method, body in (("PUT", made.pem), ("DELETE", None)):
                data = control.request(method, "NAME", body)
                data = data.replace(b"NAME", b"/certificates/" + os.fsencode(name), 1)
                answer = self.server.control("", "", raw=data)
                self.check_answer(answer, 400, BAD_NAME, f"{method} {name}")
        self.assertEqual(len(self.stored()), 8)
        self.assertEqual(sorted(p.name for p in self.server.state.iterdir()), ["certs", "version"])

    def test_methods(self):
        self.put()
        for path in ("/certificates", "/certificates/a", "/certificates/a/chain", "/certificates/b"):
            for method in ("POST", "PATCH", "OPTIONS", "HEAD"):
                self.expect(405, INVALID_METHOD, method, path, "{}")
        self.holds(info_a(), "/certificates/a")

    def test_replace(self):
        self.put("a")
        self.put("a", made.other, "?replace=1")
        self.holds(info_b(), "/certificates/a")
        self.assertEqual(self.stored(), {"a": made.other})
        self.put("new", made.pem, "?replace=1")
        self.holds(info_a(), "/certificates/new")
        answer = self.server.control("PUT", "/certificates/a?replace=1", made.key + made.other_cert)
        self.assertEqual((answer.status, answer.json["error"]), (400, "Invalid certificate."))
        self.holds(info_b(), "/certificates/a")
        self.assertEqual(self.stored()["a"], made.other)

    def test_only_checked(self):
        self.expect(200, {"success": "Certificate is valid."}, "PUT", "/certificates/a?dry_run=1",
                    made.pem)
        self.holds({}, "/certificates")
        self.assertEqual(self.server.control("PUT", "/certificates/a?dry_run=1", "x").status, 400)
        self.put()
        self.expect(200, {"success": "Certificate can be deleted."}, "DELETE",
                    "/certificates/a?dry_run=1")
        self.holds(info_a(), "/certificates/a")
        self.assertEqual(list(self.stored()), ["a"])

    def test_not_waited_for(self):
        job = self.server.api("PUT", "/certificates/a", made.pem, 202, ["Prefer: respond-async"])
        done = wait_for("the job", lambda: (a := self.server.control("GET", job["job"])).status != 202
                        and a)
        self.check_answer(done, 200, UPLOADED)

    def test_who(self):
        self.put()
        self.expect(200, DELETED, "DELETE", "/certificates/a")
        for text in ("upload", "removal"):
            self.logged(self.server,
                        f'[notice] {{}} {text} of certificate "a" by user {os.getuid()}'.format(
                            "{0}#{0}".format(self.server.one("patchbay: router"))))


class Refused(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)

    def test_key_of_another(self):                                                   # K1
        for pem in (made.other_key + made.cert, made.key + made.other_cert + made.cert):
            self.invalid(pem, r"\AThe private key does not belong to the first certificate: ")

    def test_keys(self):                                                             # K2
        encrypted = openssl("pkcs8", "-topk8", "-passout", "pass:secret", text=made.key)
        old = openssl("rsa", "-traditional", "-aes128", "-passout", "pass:secret", text=made.key)
        self.invalid(encrypted + made.cert, r'\ABlock 1 \("ENCRYPTED PRIVATE KEY"\) is encrypted\.\Z')
        self.invalid(made.cert + old, r'\ABlock 2 \("RSA PRIVATE KEY"\) is encrypted\.\Z')
        self.invalid(made.cert, r"\AThere is no private key in it\.\Z")
        self.invalid(made.key, r"\AThere is no certificate in it\.\Z")
        self.invalid(made.pem + made.key, r'\ABlock 3 \("PRIVATE KEY"\) is a second private key\.\Z')
        self.invalid(made.pem + made.other_key, r"is a second private key\.\Z")

    def test_other_blocks(self):                                                     # K2
        parameters = openssl("ecparam", "-name", "prime256v1")
        request = openssl("req", "-new", "-key", str(made.dir / "key"), "-subj", "/CN=a")
        public = openssl("pkey", "-pubout", text=made.key)
        junk = b"-----BEGIN JUNK-----\nanVuaw==\n-----END JUNK-----\n"
        for more in (parameters, request, public, junk):
            self.invalid(more + made.pem, r'\ABlock 1 \(".*"\) is neither')
            self.invalid(made.pem + more, r'\ABlock 3 \(".*"\) is neither')
        self.put("good", b"Bag Attributes\n" + made.cert + b"\xff\0 text \r\n\n" + made.key + b"end")

    def test_no_pem(self):
        for body in ("", "junk", "{}", b"\0" * 1000, b"\x30\x82" + os.urandom(2000),
                     made.pem[:-60], made.pem[:700], made.pem.replace(b"M", b"N", 9),
                     made.pem.replace(b"\n", b"")):
            self.invalid(body, r"\A[A-Z].*\.\Z")

    def test_size(self):
        fill = b"x" * ((1 << 20) - len(made.pem))
        self.invalid(made.pem + fill + b"x", r"\AIt is larger than 1 MiB\.\Z")
        self.invalid(b"x" * (30 << 20), r"\AIt is larger than 1 MiB\.\Z")
        self.put("large", made.pem + fill)

    def test_no_secrets_in_the_log(self):
        for pem in (made.pem + made.key, made.key[:600] + made.cert, made.key):
            self.server.control("PUT", "/certificates/x", pem)
        for line in made.key.decode().splitlines()[1:-1]:
            self.assertNotIn(line, self.server.text())


class Kept(Case):
    def setUp(self):
        self.server = self.serve(api=True)

    def check_both(self):
        self.holds({"a%2Fb": info_a(), "b": info_b()}, "/certificates")

    def test_files(self):
        self.put("a%2Fb")
        self.put("b", made.other)
        self.assertEqual(self.stored(), {"a%2Fb": made.pem, "b": made.other})
        directory = self.server.state / "certs"
        self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700)
        for file in directory.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.put("b", made.pem, "?replace=1")
        self.assertEqual(stat.S_IMODE((directory / "b").stat().st_mode), 0o600)
        self.expect(200, DELETED, "DELETE", "/certificates/b")
        self.assertEqual(list(self.stored()), ["a%2Fb"])

    def test_restarts(self):
        self.put("a%2Fb")
        self.put("b", made.other)
        self.put("c")
        self.expect(200, DELETED, "DELETE", "/certificates/c")
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.check_both()
        self.kill_router()
        self.check_both()
        self.server.kill()
        self.server.start()
        self.check_both()
        self.expect(400, EXISTS, "PUT", "/certificates/b", made.pem)

    def test_of_files_mode(self):
        port = free_port()
        self.server = self.serve(simple(port))
        self.put("a%2Fb")
        self.put("b", made.other)
        self.server.reload(simple(port, processes=2))
        self.server.stop()
        self.server.start()
        self.check_both()

    def test_damaged(self):
        """One line each; the others are there, and it can be uploaded again."""
        self.put("a%2Fb")
        for name in ("b", "cut", "key"):
            self.put(name, made.other)
        self.server.stop()
        directory = self.server.state / "certs"
        (directory / "cut").write_bytes(made.other[:400])
        (directory / "key").write_bytes(made.key + made.other_cert)
        (directory / "directory").mkdir()
        (directory / "link").symlink_to("/nowhere")
        os.mkfifo(directory / "fifo")
        self.server.start()
        self.check_both()
        for name in ("cut", "key", "directory", "link", "fifo"):
            self.logged(self.server, like=rf'\[alert\] .*"{name}"')
            lines = [l for l in self.server.text().splitlines()
                     if "[alert]" in l and f'"{name}"' in l]
            self.assertEqual(len(lines), 1, lines)
        self.put("cut", made.pem)
        self.holds(info_a(), "/certificates/cut")

    def test_directory_is_none(self):
        (self.server.state / "certs").write_text("")
        answer = self.server.control("PUT", "/certificates/a", made.pem)
        detail = answer.json["detail"]
        self.check_answer(answer, 500, {"error": "Failed to store certificate.", "detail": detail})
        self.assertIn(str(self.server.state / "certs"), detail)
        wait_for("the line in the log",
                 lambda: "Failed to store certificate. " + detail in self.server.text())
        self.holds({}, "/certificates")
        self.kill_router()
        self.logged(self.server, "the certificates cannot be read")
        self.holds({}, "/certificates")
        (self.server.state / "certs").unlink()
        self.put()

    def test_removed_by_hand(self):
        self.put()
        (self.server.state / "certs" / "a").unlink()
        self.holds(info_a(), "/certificates/a")
        self.expect(200, DELETED, "DELETE", "/certificates/a")
        self.holds({}, "/certificates")

    @unittest.skipUnless(os.getuid() == 0, "reads the memory of a process")
    def test_no_keys_in_memory(self):
        self.put()
        words = made.key.splitlines()[2:-2]
        self.assertFalse(self.found(words, self.server.one("patchbay: router")))
        self.assertFalse(self.found(words, self.server.process.pid))
        self.kill_router()
        self.assertFalse(self.found(words, self.server.one("patchbay: router")))

    def found(self, words, pid):
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                begin, end = (int(x, 16) for x in line.split()[0].split("-"))
                if line.split()[1].startswith("rw") and end - begin <= 64 << 20:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                    if any(word in data for word in words):
                        return line
        return None


@unittest.skipUnless(os.getuid() == 0 and subprocess.run(
    ["unshare", "-m", "true"], capture_output=True).returncode == 0, "needs mount namespaces")
class Disk(Case):                                                                    # A1
    """The state directory is a small file system, in a mount namespace of the daemon's own."""

    def setUp(self):
        self.server = self.serve(api=True, start=False)
        state = self.server.state
        self.server.wrapper = ["unshare", "-m", "sh", "-ec",
                               f"mkdir -p {state}; mount -t tmpfs -o size=64k,mode=700 tmpfs {state};"
                               ' exec "$@"', "sh"]
        self.server.start()
        self.state = pathlib.Path(f"/proc/{self.server.process.pid}/root{state}")
        self.put()

    def fails(self, text, method, path, cause, body=None):
        answer = self.server.control(method, path, body)
        detail = answer.json.get("detail")
        self.check_answer(answer, 500, {"error": text, "detail": detail}, answer)
        self.assertIn(cause, detail)
        self.holds({"a": info_a()}, "/certificates")
        self.assertEqual((self.state / "certs" / "a").read_bytes(), made.pem)
        self.assertEqual(sorted(p.name for p in (self.state / "certs").iterdir()), ["a"])

    def test_read_only(self):
        def remount(how):
            subprocess.run(["nsenter", "-t", str(self.server.process.pid), "-m", "mount", "-o",
                            f"remount,{how}", str(self.server.state)], check=True)
        remount("ro")
        cause = "Read-only file system"
        self.fails("Failed to store certificate.", "PUT", "/certificates/b", cause, made.other)
        self.fails("Failed to store certificate.", "PUT", "/certificates/a?replace=1", cause,
                   made.other)
        self.fails("Failed to delete certificate.", "DELETE", "/certificates/a", cause)
        remount("rw")
        self.put("b", made.other)
        self.expect(200, DELETED, "DELETE", "/certificates/a")

    def test_full(self):
        with self.assertRaises(OSError), open(self.state / "filler", "wb", buffering=0) as f:
            while f.write(b"x" * 4096):
                pass
        cause = "No space left on device"
        self.fails("Failed to store certificate.", "PUT", "/certificates/b", cause, made.other)
        self.fails("Failed to store certificate.", "PUT", "/certificates/a?replace=1", cause,
                   made.other)
        (self.state / "filler").unlink()
        self.put("a", made.other, "?replace=1")


class Import(Case):
    """patchbayctl import-unit uploads what Unit has stored."""

    def test_import(self):
        self.server = self.serve(api=True)
        unit = self.server.dir / "unit"
        (unit / "certs").mkdir(parents=True)
        config = document.parse(document.compact(simple(free_port())))
        (unit / "conf.json").write_text(document.compact(config))
        (unit / "certs" / "a%2Fb").write_bytes(made.pem)
        (unit / "certs" / "b").write_bytes(made.other)
        (unit / "certs" / "wrong").write_bytes(made.key + made.other_cert)
        command = [str(BUILD / "core" / "patchbayctl"), "--control", f"unix:{self.server.socket}",
                   "import-unit", str(unit)]
        run = subprocess.run(command, capture_output=True, text=True)
        self.assertIn('certificate "a%2Fb": uploaded\ncertificate "b": uploaded\n', run.stdout)
        self.assertIn("configuration: taken over\n", run.stdout)
        self.assertIn('certificate "wrong": not taken over: Invalid certificate.', run.stderr)
        self.assertIn("The private key does not belong to the first certificate", run.stderr)
        self.holds({"a%2Fb": info_a(), "b": info_b()}, "/certificates")
        self.assertEqual(self.stored(), {"a%2Fb": made.pem, "b": made.other})
        self.holds(config)
        (unit / "certs" / "wrong").unlink()
        run = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn('certificate "b": is there already, skipped\n', run.stdout)
        self.done("DELETE", "/config")
        self.expect(200, DELETED, "DELETE", "/certificates/b")


if __name__ == "__main__":
    unittest.main()
