"""What a run leaves: tables on standard output and in results.md, every sample in results.json."""
import datetime
import json
import statistics
import subprocess

from suite import machine
from suite.server import BENCH


def median(values):
    """Of what there is; None when there is nothing."""
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def number(value, digits=3):
    """With at least so many digits, no exponent."""
    if value is None:
        return "-"
    return f"{value:,.{max(0, digits - len(str(int(abs(value)))))}f}"


def table(header, rows):
    """Markdown; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


class Report:
    def __init__(self, directory, versions):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=BENCH, text=True,
                                capture_output=True).stdout.strip()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        self.data = {"date": now, "commit": commit, "machine": machine.describe(),
                     "versions": versions, "results": {}}
        self.markdown = open(directory / "results.md", "w")
        about = self.data["machine"]
        self.say(f"{now}, commit {commit}; {about['cpus']} x {about['processor']}, "
                 f"Linux {about['kernel']}, {about['system']}.\n")
        self.say(", ".join(f"{name} {version}" for name, version in versions.items()) + ".")

    def say(self, text):
        """A paragraph or a table, at once."""
        for out in (None, self.markdown):
            print(text, file=out, flush=True)

    def section(self, title, text):
        self.say(f"\n## {title}\n\n{text}\n")

    def keep(self, name, value):
        """Every sample of a measurement; written at once, so that an interrupted run has its part."""
        self.data["results"][name] = value
        (self.directory / "results.json").write_text(json.dumps(self.data, indent=1) + "\n")
