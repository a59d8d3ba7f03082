"""The micro-benchmarks (micro/): parts of the server, without the rest of it."""
import json
import pathlib
import subprocess

import harness
from suite.report import number, table

PROGRAM = pathlib.Path(harness.BUILD) / "tests" / "bench" / "bench_micro"


def measure(report, choice):
    if not PROGRAM.exists():
        report.section("Micro-benchmarks", "Left out: libbenchmark-dev is not installed, so "
                       "`bench_micro` was not built.")
        return
    report.section("Micro-benchmarks", "Nanoseconds for one operation, by the clock and of the "
                   "processor; medians. `wakeBothWays`: a request and its answer between two threads "
                   "that sleep, on one processor (0) and on two (1).")
    out = subprocess.run(
        [PROGRAM, "--benchmark_format=json", f"--benchmark_repetitions={1 if choice.quick else 5}",
         f"--benchmark_min_time={0.05 if choice.quick else 0.2}"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        timeout=600).stdout
    results = json.loads(out)["benchmarks"]
    shown = [r for r in results if r.get("aggregate_name", "median") == "median"
             and (choice.quick or r["run_type"] == "aggregate")]
    report.say(table(["operation", "ns", "CPU ns", "of so many"], [
        [r["run_name"].removesuffix("/real_time"), number(r["real_time"]), number(r["cpu_time"]),
         batch(r)] for r in shown]))
    report.keep("micro", results)


def batch(result):
    """How many items one operation handles, where it says so."""
    rate = result.get("items_per_second")
    return "" if rate is None else f"{rate * result['cpu_time'] / 1e9:.0f}"
