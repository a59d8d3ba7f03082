"""The machine and its processes, as /proc has them."""
import os
import pathlib
import platform
import re

HERTZ = os.sysconf("SC_CLK_TCK")


def _tasks(pid):
    try:
        return [f"/proc/{pid}/task/{t}" for t in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def cpu_seconds(pids):
    """Processor time of all threads there are, by the scheduler's clock."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            try:
                total += int(pathlib.Path(task, "schedstat").read_text().split()[0])
            except (OSError, IndexError):
                pass                          # it has just ended
    return total / 1e9


def tasks_of(pids):
    """Names of all threads, to see whether one has come or gone."""
    return {task for pid in pids for task in _tasks(pid)}


def ticks(pids):
    """Processor time in ticks, ended threads included: for servers that should use none."""
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


def switches(pids):
    """How often threads have stopped running, of their own will or not."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            text = pathlib.Path(task, "status").read_text()
            total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", text)))
    return total


def busy_seconds():
    """Processor time of everybody, stolen time included."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / HERTZ


def pss(pids):
    """Bytes of memory; what processes share is divided among those who share it."""
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(re.search(r"^Pss: +(\d+)", text, re.M)[1]) * 1024
    return total


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def describe():
    """What figures depend on."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    memory = re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return {"processor": model[1] if model else platform.machine(), "cpus": os.cpu_count(),
            "memory_mib": int(memory[1]) // 1024, "kernel": platform.release(),
            "system": system[1] if system else "?"}
