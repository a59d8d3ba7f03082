"""The program in apps/go, built once: hosted by the server, or listening itself."""
import functools
import pathlib
import subprocess

import goprogram
import harness
from suite.server import APPS


@functools.cache
def path():
    program = pathlib.Path(harness.BUILD) / "tests" / "bench" / "go_app"
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([goprogram.GO, "build", "-o", str(program), "."], cwd=APPS / "go",
                   env=goprogram.ENVIRONMENT, check=True, timeout=600)
    return program
