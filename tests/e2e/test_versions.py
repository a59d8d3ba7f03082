"""Runtimes of one language in several versions, side by side, and one that is not usable here."""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import control
import harness
from harness import free_port, get, python_app

OLD = harness.BUILD / "tests" / "e2e" / "modules" / "runtime_python3.10.so"
SHIPPED = ("encoder_python.so", "runtime_python.so", "runtime_python.paths", "listener_tcp.so")


class Versions(control.Expectations, harness.Case):
    def modules(self, *files):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="patchbay-e2e-modules-"))
        self.addCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)
        for source in files:
            (directory / source.name).symlink_to(source)
        return directory

    def start(self, directory):
        return self.serve(api=True, arguments=["--modulesdir", str(directory)])

    def shipped(self):
        return [harness.MODULES / name for name in SHIPPED]

    def test_side_by_side(self):
        server = self.start(self.modules(*self.shipped(), OLD))
        types = {"python": "new", "python 3": "new", "python 3.11": "new", "python3.11.2": "new",
                 "python 3.10": "old", "python3.10.2": "old"}
        ports = {free_port(): name for name in types}
        server.api("PUT", "/config", {
            "listeners": {f"127.0.0.1:{port}": {"pass": f"applications/{name}"}
                          for port, name in ports.items()},
            "applications": {
                name: {**python_app(), "type": name} if which == "new"
                else {"type": name, "module": "any"} for name, which in types.items()}})
        for port, name in ports.items():
            answer = get(("127.0.0.1", port), "/").body
            self.assertEqual(answer == b"python 3.10.2", types[name] == "old", (name, answer))
        versions = [m for m in re.findall(r'module: (python \S+) "', server.text())]
        self.assertEqual(sorted(versions), ["python 3.10.2", "python 3.11.2"])

    def test_options_are_those_of_the_version(self):
        server = self.start(self.modules(*self.shipped(), OLD))
        app = {"type": "python 3.10", "module": "m", "callable": "x"}
        answer = server.api("PUT", "/config/applications", {"app": app}, status=400)
        self.assertEqual(answer["detail"], 'Unknown parameter "callable".')

    def test_a_version_that_is_not_there(self):
        server = self.start(self.modules(*self.shipped(), OLD))
        for wanted in "python 3.12", "python 3.1", "python  3":
            answer = server.api("PUT", "/config/applications",
                                {"app": {"type": wanted, "module": "m"}}, status=400)
            self.assertEqual(answer["detail"], f'The module to run "{wanted}" is not found among '
                                               'the available application modules.')
            self.assertEqual(sorted(answer["known"]), ["python 3.10.2", "python 3.11.2"])

    def test_a_library_that_is_not_there(self):
        """The module of a Python that this system does not have."""
        directory = self.modules(*[f for f in self.shipped() if f.suffix != ".paths"
                                   and f.name != "runtime_python.so"], OLD)
        binary = (harness.MODULES / "runtime_python.so").read_bytes()
        here = set(re.findall(rb"libpython\d\.\d+\.so\.1\.0", binary))
        self.assertEqual(len(here), 1)
        other = here.pop()
        missing = other.replace(b"3.", b"9.")
        file = directory / "runtime_python.so"
        file.write_bytes(binary.replace(other, missing))
        os.chmod(file, 0o755)
        server = self.start(directory)
        cause = f"{file}: cannot be loaded: {missing.decode()}: cannot open shared object file"
        self.assertIn(cause, server.text())
        answer = server.api("PUT", "/config/applications",
                            {"app": {"type": "python 3.11", "module": "m"}}, status=400)
        self.assertEqual(answer["known"], ["python 3.10.2"])
        self.assertIn(cause, answer["reason"])


if __name__ == "__main__":
    unittest.main()
