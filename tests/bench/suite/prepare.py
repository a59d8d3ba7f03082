"""What has to be there before anything is measured: packages, the build, the list of servers."""
import os
import pathlib
import shutil
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
TARGETS = ["patchbayd", "listener_tcp", "listener_unix", "encoder_python", "runtime_python",
           "encoder_php", "runtime_php", "encoder_go", "runtime_go", "bench_load"]


def package_version(name):
    """The version of an installed package of Debian, or None."""
    out = subprocess.run(["dpkg-query", "-W", "-f=${Status} ${Version}", name], text=True,
                         capture_output=True).stdout
    return out.split()[-1] if out.startswith("install ok installed") else None


def packages():
    """Installs what is missing, as root; otherwise names it and goes on."""
    names = (BENCH / "peers.deb").read_text().split()
    missing = [n for n in names if not package_version(n)]
    if not missing:
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        print("Not installed, so what needs it is left out:", *missing, file=sys.stderr)
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A service that starts by itself would take ports and time: none may.
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    try:
        if ours:
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        subprocess.run(["apt-get", "update", "-q"], env=environment, stdout=sys.stderr)
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing],
                       env=environment, stdout=sys.stderr)
    finally:
        if ours:
            policy.unlink()


def build():
    """The release preset, what is needed of it."""
    targets = [*TARGETS, *(["bench_micro"] if package_version("libbenchmark-dev") else [])]
    log = ROOT / ".build" / "bench" / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as out:
        for command in (["cmake", "--preset", "release", "-DBUILD_TESTING=ON"],
                        ["cmake", "--build", "--preset", "release", "--target", *targets]):
            if subprocess.run(command, cwd=ROOT, stdout=out, stderr=out).returncode != 0:
                sys.exit(f"The build has failed: {' '.join(command)}\n"
                         + log.read_text()[-4000:])


def servers(names):
    """Of those that were asked for, or of all, the ones that can run; says which cannot."""
    from suite.servers import SERVERS
    unknown = set(names or []) - {s.name for s in SERVERS}
    if unknown:
        sys.exit(f"There is no server {', '.join(sorted(unknown))}; there are: "
                 + ", ".join(s.name for s in SERVERS))
    found = []
    for server in SERVERS:
        if names and server.name not in names:
            continue
        if lacking := server.missing():
            print(f"{server.name} is left out: there is no {', '.join(lacking)}", file=sys.stderr)
        else:
            found.append(server)
    if any("go" in server.kinds for server in found):
        go(found)
    return found


def go(found):
    """Builds the program in Go now: nobody's start should be measured with it."""
    import goprogram
    from suite import go_program
    if shutil.which(goprogram.GO):
        go_program.path()
        return
    print(f"Go is left out: there is no {goprogram.GO}", file=sys.stderr)
    for server in found:
        server.kinds = tuple(kind for kind in server.kinds if kind != "go")


def versions(found):
    from suite.servers import patchbay
    return {s.name: package_version(s.package) if s.package else patchbay.version()
            for s in found}
