#!/usr/bin/env python3
"""The tree's own rules, checked: which way includes point, what modules may include, sizes, and
that the tables in core/README.md name files and functions that exist."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A folder may include folders before it in its chain (and itself).
CHAIN = ["base", "ipc", "json", "module", "router/engine", "router/http", "router/app",
         "router/config", "router/client", "router/control", "router/api", "router/process"]
ALLOWED = {folder: set(CHAIN[:i + 1]) for i, folder in enumerate(CHAIN)}
ALLOWED["worker"] = {"base", "ipc", "json", "module", "worker"}
ALLOWED["ctl"] = {"base", "json", "ctl"}
ALLOWED["main"] = {*CHAIN, "worker", "ctl", "main"}
TOP = {"CMakeLists.txt", "CMakePresets.json", "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
       "LICENSE", "core", "modules", "sdk", "tests", "packaging"}
MAX_LINES = 450

problems = []


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [p for p in map(pathlib.Path, out.split("\n")) if p.name and (ROOT / p).exists()]


def folder_of(path):
    """core/router/http/x.hpp -> router/http"""
    return str(pathlib.Path(*path.parts[1:-1]))


def check_includes(path, text):
    top = path.parts[0]
    for name in re.findall(r'^#include\s+["<]([^">]+)[">]', text, re.M):
        if top == "core" and (ROOT / "core" / name).exists():
            target = str(pathlib.Path(name).parent)
            if target not in ALLOWED.get(folder_of(path), set()):
                problems.append(f"{path}: includes {name}, which points the wrong way")
        if path.parts[:2] == ("sdk", "check"):     # a program of the server, not a module
            if (ROOT / "core" / name).exists() and str(pathlib.Path(name).parent) not in (
                    "base", "json", "module"):
                problems.append(f"{path}: includes {name}, which is not for this program")
        elif top in ("modules", "sdk") and (name.startswith("../..") or "core/" in name
                                          or (ROOT / "core" / name).exists()
                                          and not (ROOT / path.parent / name).exists()):
            problems.append(f"{path}: includes {name}; modules know the SDK alone")
        if "boost/dll" in name and path.name != "loader.cpp":
            problems.append(f"{path}: only the loader includes Boost.DLL")
        # Modules read their own options with it; the request path has no business with JSON.
        if "rapidjson" in name and top == "core" and folder_of(path) not in (
                "json", "module", "router/control"):
            problems.append(f"{path}: RapidJSON is not for this folder")


def check_request_table():
    """Rows of the life of a request: | n | runs in | `file: function` | ... |"""
    readme = ROOT / "core" / "README.md"
    section = readme.read_text().partition("## Life of a request")[2].partition("\n## ")[0]
    rows = re.findall(r"`([\w/.]+): ([\w:~]+)`", section)
    if len(rows) < 16:
        problems.append(f"core/README.md: the life of a request names {len(rows)} steps, not 16")
    for file, function in rows:
        candidates = [ROOT / base / file for base in (".", "core")]
        found = [c for c in candidates if c.is_file()]
        if not found:
            problems.append(f"core/README.md: there is no {file}")
        elif not re.search(rf"\b{re.escape(function)}\s*\(", found[0].read_text()):
            problems.append(f"core/README.md: {file} has no {function}()")


def main():
    for path in tracked():
        if path.parts[0] not in TOP and not path.parts[0].startswith("."):
            problems.append(f"{path}: the top level is fixed")
        if path.suffix not in (".cpp", ".hpp", ".h", ".c", ".go"):
            continue
        text = (ROOT / path).read_text()
        check_includes(path, text)
        lines = text.count("\n")
        if path.parts[0] in ("core", "modules", "sdk") and lines > MAX_LINES:
            problems.append(f"{path}: {lines} lines, more than {MAX_LINES}")
        # A .cpp may leave it to the header of its name.
        if (path.parts[0] == "core" and not text.lstrip().startswith("//")
                and not (path.suffix == ".cpp" and (ROOT / path).with_suffix(".hpp").exists())):
            problems.append(f"{path}: no first comment (process, thread, what it is)")
    check_request_table()
    for p in problems:
        print(f"structure: {p}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
