"""The command tests/bench/run."""
import argparse
import datetime
import importlib
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
# What can be measured: a module of this package with a function measure(report, choice).
MEASUREMENTS = ["throughput", "memory", "start", "reconfiguration", "replacement", "overload",
                "syscalls", "micro"]


class Choice:
    """What is asked of the measurements."""

    def __init__(self, arguments, servers):
        from suite.workloads import LOADS
        self.quick = arguments.quick
        self.rounds = arguments.rounds or (2 if self.quick else 4)
        self.seconds = arguments.seconds or (0.4 if self.quick else 0.7)
        default = "pinned" if self.quick else "both"
        mode = arguments.mode or default
        self.modes = ["pinned", "free"] if mode == "both" else [mode]
        self.loads = [load for load in LOADS if not arguments.loads
                      or any(part in load.name for part in arguments.loads)]
        if self.quick and not arguments.loads:
            self.loads = [load for load in LOADS if load.name == "64 connections"]
        self.servers, self.workloads = servers, arguments.workloads

    def wants(self, name):
        return not self.workloads or any(part.lower() in name.lower() for part in self.workloads)


def parser():
    names = ", ".join(MEASUREMENTS)
    p = argparse.ArgumentParser(
        prog="tests/bench/run", description="Measures Patchbay, beside other servers where there are "
        "such. See tests/bench/README.md.")
    p.add_argument("what", nargs="*", metavar="WHAT", help=f"any of {names}; default: all of them")
    p.add_argument("--quick", action="store_true", help="a few minutes: less of everything")
    p.add_argument("--rounds", type=int, help="samples of each server (4; quick: 2)")
    p.add_argument("--seconds", type=float, help="length of a sample (0.7; quick: 0.4)")
    p.add_argument("--mode", choices=["pinned", "free", "both"],
                   help="server on processor 0 and generator on 1; or anywhere (both; quick: pinned)")
    p.add_argument("--servers", type=lambda text: text.split(","), metavar="A,B,...")
    p.add_argument("--workloads", type=lambda text: text.split(","), metavar="A,B,...",
                   help="parts of names, for example WSGI,hello")
    p.add_argument("--loads", type=lambda text: text.split(","), metavar="A,B,...",
                   help="parts of names, for example '64 conn'")
    p.add_argument("--output", type=pathlib.Path, help="directory (.build/bench/DATE)")
    p.add_argument("--build", type=pathlib.Path,
                   help="a build directory to take as it is; default: the release preset, built now")
    return p


def main():
    arguments = parser().parse_args()
    if unknown := set(arguments.what) - set(MEASUREMENTS):
        parser().error(f"{', '.join(sorted(unknown))}: there are {', '.join(MEASUREMENTS)}")
    build = arguments.build or ROOT / ".build" / "release"
    os.environ["PATCHBAY_BUILD"] = str(build.resolve())
    sys.path.append(str(ROOT / "tests" / "e2e"))
    from suite import prepare
    prepare.packages()
    if arguments.build is None:
        prepare.build()
    servers = prepare.servers(arguments.servers)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    from suite.report import Report
    report = Report(arguments.output or ROOT / ".build" / "bench" / stamp,
                    prepare.versions(servers))
    choice = Choice(arguments, servers)
    for name in arguments.what or MEASUREMENTS:
        importlib.import_module(f"suite.{name}").measure(report, choice)
    print(f"{report.directory}/results.md, results.json", file=sys.stderr)
