"""One sample: a second or so of load on one server, with what it cost; and what disturbed it."""
import os
import time

from suite import machine

# Processors that others may use before a sample is taken again, and how often it is.
MOST_FOREIGN = 0.2
RETAKES = 2


def _own():
    times = os.times()
    return times.user + times.system          # the generator's comes with its result


def once(server, generator, seconds):
    pids = server.pids()
    tasks = machine.tasks_of(pids)
    before = (machine.busy_seconds(), _own(), machine.cpu_seconds(pids), time.monotonic())
    result = generator.run(seconds)
    cpu = machine.cpu_seconds(pids) - before[2]
    elapsed = time.monotonic() - before[3]
    busy = machine.busy_seconds() - before[0]
    own = _own() - before[1]
    changed = machine.tasks_of(server.pids()) != tasks
    times = result["answers"].get(str(generator.status), {})
    return {
        "rate": result["requests"] / result["seconds"],
        "cpu": cpu / result["requests"] * 1e6 if result["requests"] else None,   # us a request
        "p50": times.get("p50"), "p99": times.get("p99"), "max": times.get("max"),
        "failed": result["failed"], "failures": {k: v for k, v in result["failures"].items() if v},
        "said": result["said"], "generator_cpu": result["own_cpu"] / result["seconds"],
        "foreign": (busy - cpu - result["own_cpu"] - own) / elapsed, "threads_changed": changed,
    }


def take(server, generator, seconds):
    """The least disturbed of a few samples; `disturbed` when even that one was."""
    best, taken = None, 0
    while taken <= RETAKES:
        taken += 1
        one = once(server, generator, seconds)
        if best is None or one["foreign"] < best["foreign"]:
            best = one
        if one["foreign"] <= MOST_FOREIGN:
            break
    best["taken"] = taken
    best["disturbed"] = best["foreign"] > MOST_FOREIGN
    return best
