"""Every option that GET /schema knows, with every JSON type: a wrong one is a 400 that names the
option, and none is the end of the router (traps.md A5)."""
import copy
import unittest

import control
import harness
from harness import free_port, get, simple

VALUES = {
    "null": [None], "boolean": [True, False], "integer": [0, -1, 7, 10 ** 13],
    "number": [0.5, -1e-3, 2.25], "string": ["", "x", "a b/%2F", "-1", "$x"],
    "array": [[], [[]], [None], [{}], [1, "x"], [{"a": []}]],
    "object": [{}, {"x": 1}, {"": {}}, {"a": {"b": []}}, {"type": 1}],
}
# Names where any name may stand.
NAMES = {"/applications": "app", "/applications/app/environment": "NAME"}


def alternatives(schema, root):
    """The schema and every schema that is part of it at the same place."""
    found, todo = [], [schema]
    while todo:
        one = todo.pop()
        if not isinstance(one, dict) or any(one is f for f in found):
            continue
        found.append(one)
        if "$ref" in one:
            at = root
            for part in one["$ref"].lstrip("#").strip("/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")] if part else at
            todo.append(at)
        for keyword in ("allOf", "anyOf", "oneOf"):
            todo += one.get(keyword, [])
        todo += [one[k] for k in ("if", "then", "else") if k in one]
    return found


def allowed_types(parts):
    types = set()
    for part in parts:
        kinds = part.get("type", [])
        types |= set([kinds] if isinstance(kinds, str) else kinds)
    return types | {"integer"} if "number" in types else types


def options(schema, root, path=()):
    """(path, allowed types) of each option below; no types: the schema says nothing of them."""
    parts = alternatives(schema, root)
    if path:
        yield path, allowed_types(parts)
    if len(path) > 8:
        return
    children = {}
    for part in parts:
        for name, child in part.get("properties", {}).items():
            children.setdefault(name, []).append(child)
        pointer = "".join(f"/{p}" for p in path)
        extra = [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]
        for child in extra:
            if isinstance(child, dict):
                for name in NAMES.get(pointer, "x").split("|"):
                    children.setdefault(name, []).append(child)
    for name, several in children.items():
        yield from options({"allOf": several}, root, (*path, name))


def with_value(config, path, value):
    config = copy.deepcopy(config)
    at = config
    for name in path[:-1]:
        if not isinstance(at.get(name), dict):
            at[name] = {}
        at = at[name]
    at[path[-1]] = value
    return config


class Types(control.Expectations, harness.Case):
    def setUp(self):
        self.server = self.serve(api=True)
        self.port = free_port()
        self.config = simple(self.port)
        self.unix = f"unix:{self.server.dir}/l.sock"
        self.config["listeners"][self.unix] = {"pass": "applications/app"}
        NAMES["/listeners"] = f"127.0.0.1:{self.port}|{self.unix}"
        # What is wrong with the applications is said before what they are needed for.
        self.config = dict(sorted(self.config.items()))
        self.done("PUT", "/config", self.config)
        self.router = self.server.one("patchbay: router")
        schema = self.server.get("/schema")
        self.options = list(options(schema, schema))

    def tearDown(self):
        self.assertEqual(self.server.one("patchbay: router"), self.router)
        self.assertNotIn("exited on signal", self.server.text())
        self.holds(self.config)
        self.assertEqual(get(("127.0.0.1", self.port)).status, 200)

    def test_the_schema_has_the_options(self):
        paths = {path for path, _ in self.options}
        listener = ("listeners", f"127.0.0.1:{self.port}")
        for path in (("listeners",), (*listener, "pass"), (*listener, "backlog"), ("applications",),
                     ("applications", "app", "type"), ("applications", "app", "processes"),
                     ("applications", "app", "module"), ("applications", "app", "path"),
                     ("applications", "app", "environment"), ("settings", "listen_threads"),
                     ("settings", "http", "idle_timeout"), ("settings", "http", "max_body_size"),
                     ("settings", "control", "edits"), ("settings", "drain_timeout")):
            self.assertIn(path, paths)

    def test_wrong_types(self):
        tried = 0
        for path, allowed in self.options:
            if not allowed:
                continue
            for kind, values in VALUES.items():
                if kind in allowed:
                    continue
                for value in values:
                    tried += 1
                    got = self.server.control("PUT", "/config?dry_run=1",
                                              with_value(self.config, path, value))
                    with self.subTest(path=path, value=value):
                        self.assertEqual((got.status, got.json["error"]),
                                         (400, "Invalid configuration."), got)
                        self.assertTrue(got.json["pointer"].startswith("/" + path[0]), got)
        self.assertGreater(tried, 300)

    def test_any_value_anywhere(self):
        for path, _ in self.options:
            for values in VALUES.values():
                for value in values:
                    got = self.server.control("PUT", "/config?dry_run=1",
                                              with_value(self.config, path, value))
                    with self.subTest(path=path, value=value):
                        self.assertIn(got.status, (200, 400), got)

    def test_an_object_where_an_array_is_allowed(self):
        self.refused('The "path" value must be either a string or an array, but not an object.',
                     "PUT", "/config/applications/app/path", {"0": "x"})
        for path in ("/config/settings/http/compression", "/config/applications/app/isolation"):
            name = path.rpartition("/")[2]
            body = {"compressors": {}} if name == "compression" else {"uidmap": {}}
            answer = self.server.control("PUT", "/config?dry_run=1", with_value(
                self.config, tuple(path.split("/")[2:]), body))
            self.assertEqual(answer.status, 400, path)


if __name__ == "__main__":
    unittest.main()
