"""What a change costs by the size of the configuration: from the request to the answer, which comes
when every engine has switched and the configuration is on disk."""
import contextlib
import tempfile

from suite.report import median, number, table
from suite.server import APPS, Place
from suite.servers.patchbay import Patchbay, application

ROUNDS = 9


def listeners(directory, count):
    """Unix sockets, so that no ports are needed; their names in memory, because ext4 would take
    most of the time."""
    return {"listeners": {f"unix:{directory}/{i}.sock": {"pass": "applications/app0"}
                          for i in range(count)},
            "applications": {"app0": application("wsgi", {"spare": 0, "max": 1})}}


def applications(directory, count):
    one = application("wsgi", {"spare": 0, "max": 1})
    return {"listeners": {f"unix:{directory}/0.sock": {"pass": "applications/app0"}},
            "applications": {f"app{i}": {**one, "environment": {"NUMBER": str(i)}}
                             for i in range(count)}}


def targets(directory, count):
    return {"listeners": {f"unix:{directory}/0.sock": {"pass": "applications/app0/t0"}},
            "applications": {"app0": {
                "type": "php", "processes": {"spare": 0, "max": 1},
                "targets": {f"t{i}": {"root": str(APPS / "php"), "script": "hello.php"}
                            for i in range(count)}}}}


def edits(server, sockets):
    """What is asked, as (name, [milliseconds])."""
    last = f"unix:{sockets}/0.sock".replace("/", "%2F")

    def repeat(*changes):
        return [server.put(*changes[i % len(changes)]) for i in range(ROUNDS)]

    yield "a setting", repeat(("/config/settings/http", {"idle_timeout": 9}),
                              ("/config/settings/http", {}))
    yield "an application", repeat(("/config/applications/app0/environment", {"A": "1"}),
                                   ("/config/applications/app0/environment", {"A": "2"}))
    document = server.daemon.control("GET", f"/config/listeners/{last}").json
    yield "a listener", repeat((f"/config/listeners/{last}", {**document, "backlog": 500}),
                               (f"/config/listeners/{last}", document))
    yield "restart", [server.put("/control/applications/app0/restart", None, "POST")
                      for _ in range(ROUNDS)]
    yield "GET /config", [server.put("/config", None, "GET") for _ in range(ROUNDS)]


def size(kind, count):
    with (Patchbay(Place(None, 2), "wsgi", document={}, api=True) as server,
          tempfile.TemporaryDirectory(dir="/dev/shm") as sockets):
        configuration = {"settings": {"listen_threads": 2}, **kind(sockets, count)}
        times = {"PUT of everything": [server.put("/config", configuration)]}
        times.update(edits(server, sockets))
        with contextlib.suppress(AssertionError):
            times["PUT of nothing"] = [server.put("/config", {})]
        return times


def measure(report, choice):
    report.section("Reconfiguration", "Milliseconds from the request to the answer, the disk "
                   f"included; medians of {ROUNDS}, one for the first and the last column. "
                   "Applications have no worker until somebody asks.")
    most = 1000 if choice.quick else 10000
    results = []
    for kind, counts in ((listeners, (1, 1000, most)), (applications, (1, 100, 1000)),
                         (targets, (1, 100, 254))):
        for count in dict.fromkeys(counts):
            times = size(kind, count)
            results.append({"what": kind.__name__, "count": count, "times": times})
    header = list(results[0]["times"])
    report.say(table(["configuration", *header], [
        [f"{r['count']:,} {r['what']}", *(number(median(r["times"].get(name, [])))
                                          for name in header)] for r in results]))
    report.keep("reconfiguration", results)
