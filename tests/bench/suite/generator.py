"""The load generator (load/), from here: one run, one dictionary."""
import json
import pathlib
import subprocess
import tempfile

import harness

PROGRAM = pathlib.Path(harness.BUILD) / "tests" / "bench" / "bench_load"
GRACE = 2.0                      # seconds for the last answers


class Failed(Exception):
    """The generator could not do its work."""


class Generator:
    """Requests of one kind to one port. cpu: where it runs, or None."""

    def __init__(self, port, workload, load, cpu=None, rate=0, statuses=(), grace=GRACE):
        self.file = tempfile.NamedTemporaryFile(prefix="patchbay-bench-")
        self.file.write(workload.request(load.closing))
        self.file.flush()
        self.grace, self.status = grace, workload.status
        self.command = [
            *([] if cpu is None else ["taskset", "-c", str(cpu)]), str(PROGRAM),
            "--port", str(port), "--request", self.file.name,
            "--connections", str(load.connections), "--body", str(len(workload.answer)),
            "--status", ",".join(map(str, [workload.status, *statuses])),
            *(["--close"] if load.closing else []), *(["--rate", f"{rate:.1f}"] if rate else [])]

    def begin(self, seconds):
        return subprocess.Popen([*self.command, "--seconds", str(seconds), "--grace",
                                 str(self.grace)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, process, seconds):
        out, err = process.communicate(timeout=seconds + self.grace + 30)
        if process.returncode != 0:
            raise Failed(err)
        result = json.loads(out)
        result["said"] = err
        result["requests"] = sum(a["count"] for a in result["answers"].values())
        result["failed"] = sum(result["failures"].values())
        return result

    def run(self, seconds):
        return self.end(self.begin(seconds), seconds)

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
