"""A model of the configuration tree and of its rules, small enough to be seen to be right: what each
edit of a random sequence must answer, byte for byte, and what the document is after it."""
import copy
import random

from control import DONE, NOT_ALLOWED, NOT_THERE
from document import Number
from harness import python_app

INVALID, FAILED = "Invalid configuration.", "Failed to apply new configuration."
TIMEOUTS = ("idle_timeout", "send_timeout", "body_read_timeout")


class Refused(Exception):
    """.status and .answer: what the change must be answered, .answer without `more` and hints."""

    def __init__(self, status, answer):
        super().__init__(answer)
        self.status, self.answer = status, answer


def escaped(name):
    return name.replace("~", "~0").replace("/", "~1")


def kind(value):
    if isinstance(value, Number):
        return "an integer number" if float(value).is_integer() else "a fractional number"
    return {dict: "an object", list: "an array", str: "a string", bool: "a boolean",
            type(None): "a null"}[type(value)]


class Rules:
    """The first thing that is wrong with a document, in document order, depth first."""

    def __init__(self, config):
        self.config = config
        if (wrong := self.type_of("The configuration", config, dict, "an object")):
            self.fail(wrong, "")
        tables = {"listeners": self.listener, "applications": self.application}
        for name, value in config.items():
            at = f"/{escaped(name)}"
            if name == "settings":
                self.settings(value, at)
            elif name in tables:
                self.member(name, value, dict, "an object", at)
                for inner, one in value.items():
                    tables[name](inner, one, f"{at}/{escaped(inner)}")
            elif name != "routes":
                self.fail(f'Unknown parameter "{name}".', at)

    def fail(self, detail, pointer):
        raise Refused(400, {"error": INVALID, "detail": detail, "pointer": pointer})

    def type_of(self, what, value, wanted, words):
        right = isinstance(value, wanted) and (wanted is not str or not isinstance(value, Number))
        return None if right else f"{what} must be {words}, but not {kind(value)}."

    def member(self, name, value, wanted, words, at):
        if (wrong := self.type_of(f'The "{name}" value', value, wanted, words)):
            self.fail(wrong, at)

    def integer(self, name, value, at, least, most=2147483647):
        if not isinstance(value, Number) or not float(value).is_integer():
            self.fail(f'The "{name}" value must be an integer number, but not {kind(value)}.', at)
        if float(value) < least:
            self.fail(f'The "{name}" number must ' + ("not be negative." if least == 0 else
                      f"be equal to or greater than {least}."), at)
        if float(value) > most:
            self.fail(f'The "{name}" number must not exceed {most}.', at)

    def settings(self, value, at):
        self.member("settings", value, dict, "an object", at)
        for name, http in value.items():
            if name != "http":
                self.fail(f'Unknown parameter "{name}".', f"{at}/{escaped(name)}")
            self.member(name, http, dict, "an object", f"{at}/http")
            for option, one in http.items():
                if option not in TIMEOUTS:
                    self.fail(f'Unknown parameter "{option}".', f"{at}/http/{escaped(option)}")
                self.integer(option, one, f"{at}/http/{option}", 0)

    def listener(self, address, value, at):
        self.member(address, value, dict, "an object", at)
        for option, one in value.items():
            if option == "backlog":
                self.integer(option, one, f"{at}/{option}", -1)
            elif option == "pass":
                self.member(option, one, str, "a string", f"{at}/{option}")
                kind_, _, name = one.partition("/")
                if kind_ != "applications" or name not in self.config.get("applications", {}):
                    self.fail(f'Request "pass" points to invalid location "{one}".', f"{at}/{option}")
            else:
                self.fail(f'Unknown parameter "{option}".', f"{at}/{escaped(option)}")
        if "pass" not in value:
            self.fail('Required parameter "pass" is missing.', at)

    def application(self, name, value, at):
        self.member(name, value, dict, "an object", at)
        if "type" not in value:
            self.fail('Application must have the "type" property set.', at)
        if "module" not in value:
            self.fail('Required parameter "module" is missing.', at)
        for option, one in value.items():
            here = f"{at}/{escaped(option)}"
            if option == "processes":
                self.integer(option, one, here, 1)
            elif option == "path" and isinstance(one, list):
                for n, item in enumerate(one):
                    if not isinstance(item, str) or isinstance(item, Number):
                        self.fail('The "path" array must contain only string values.', f"{here}/{n}")
            elif option == "environment":
                self.member(option, one, dict, "an object", here)
                for variable, text in one.items():
                    if not isinstance(text, str) or isinstance(text, Number):
                        self.fail(f'The "{variable}" environment value must be a string.',
                                  f"{here}/{escaped(variable)}")
            elif option not in ("type", "module", "path"):
                self.fail(f'Unknown parameter "{option}".', here)


def find(value, path):
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise Refused(404, NOT_THERE)
    return value


def edited(config, method, path, body):
    """The document after the edit. Throws Refused."""
    if not path:
        if method == "POST":
            raise Refused(405, NOT_ALLOWED)
        return {} if method == "DELETE" else copy.deepcopy(body)
    config = copy.deepcopy(config)
    if method == "POST":
        array = find(config, path)
        if not isinstance(array, list):
            raise Refused(405, NOT_ALLOWED)
        array.append(body)
        return config
    parent, last = find(config, path[:-1]), path[-1]
    if method == "DELETE":
        find(parent, [last])
        parent.pop(int(last) if isinstance(parent, list) else last)
    elif isinstance(parent, list):
        if not last.isdigit() or int(last) > len(parent):
            raise Refused(404, NOT_THERE)
        parent[int(last):int(last) + 1] = [body]
    elif isinstance(parent, dict):
        parent[last] = body
    else:
        raise Refused(404, NOT_THERE)
    return config


class Model:
    """The configuration, its rules, and a grammar of edits."""

    def __init__(self, seed, addresses, occupied, path):
        self.random = random.Random(seed)
        self.addresses, self.occupied, self.path = addresses, occupied, path
        self.config = {}

    def expect(self, method, path, body):
        """(status, answer); the model is as after the edit."""
        try:
            after = edited(self.config, method, path, body)
            Rules(after)
            self.apply(after)
        except Refused as refused:
            return refused.status, refused.answer
        self.config = after
        return 200, DONE

    def apply(self, after):
        if self.occupied in after.get("listeners", {}):
            raise Refused(500, {
                "error": FAILED, "detail": f'Listener "{self.occupied}" cannot be opened: Address '
                'already in use.', "pointer": f"/listeners/{self.occupied}",
                "listener": self.occupied, "code": "in_use", "errno": "EADDRINUSE",
                "message": "Address already in use"})
        for name, app in after.get("applications", {}).items():
            path = app.get("path")
            if app["module"] != "basic" or str(self.path) not in ([path] if isinstance(path, str)
                                                                  else path):
                raise Refused(500, {"error": FAILED, "application": name})

    # The grammar.

    def pick(self, *choices):
        return self.random.choice(choices)

    def number(self):
        return Number(self.pick("1", "60", "1.0e1", "3E1", "100e-1", "0", "2147483647"))

    def bad(self):
        return self.pick(Number("-3"), Number("1.5"), "x", [], {}, None, True, Number("2147483648"))

    def app(self):
        version = self.pick("1", "2", "é\"\\\u0001\t")
        app = python_app(path=self.pick(str(self.path), [str(self.path)], [str(self.path), "/x"]))
        if self.random.random() < 0.8:
            app["environment"] = {"VERSION": version}
        if self.random.random() < 0.3:
            app["processes"] = Number(self.pick("1", "2", "2.0"))
        roll = self.random.random()
        if roll < 0.08:
            app["module"] = "nosuch_module"
        elif roll < 0.12:
            del app["module"]
        elif roll < 0.16:
            app["modul"] = "x"
        return app

    def listener(self):
        to = self.pick("a", "a", "b", "b", "none")
        listener = {"pass": f"applications/{to}"}
        if self.random.random() < 0.2:
            listener["backlog"] = self.pick(Number("5"), Number("-1"), self.bad())
        if self.random.random() < 0.05:
            listener["pas"] = "x"
        return listener

    def whole(self):
        config = {"applications": {"a": python_app(), "b": python_app(environment={"VERSION": "b"})},
                  "listeners": {a: {"pass": "applications/a"} for a in self.addresses
                                if self.random.random() < 0.5}, "routes": []}
        return dict(self.random.sample(list(config.items()), 3))

    def edit(self):
        """(method, path, body)"""
        address = self.pick(*self.addresses)
        name = self.pick("a", "b")
        app = ["applications", name]
        text = self.pick("x", "é", 'q"\\')
        return self.pick(
            *[("PUT", ["listeners", address], self.listener())] * 4,
            ("PUT", ["listeners", self.occupied], {"pass": "applications/a"}),
            ("PUT", ["listeners", address, "backlog"], self.pick(self.number(), self.bad())),
            *[("DELETE", ["listeners", address], None)] * 2,
            *[("PUT", app, self.app())] * 2, ("DELETE", app, None),
            ("PUT", [*app, "environment"], {"VERSION": text, "A/~%": text}),
            ("PUT", [*app, "environment", "A/~%"], self.pick(text, text, self.bad())),
            ("DELETE", [*app, "environment", "A/~%"], None),
            ("POST", [*app, "path"], self.pick("/y", "/z", self.bad())),
            ("PUT", [*app, "path", self.pick("0", "1", "2", "7", "x")], self.pick("/q", self.bad())),
            ("DELETE", [*app, "path", self.pick("1", "2", "7")], None),
            *[("PUT", ["settings"], {"http": {self.pick(*TIMEOUTS): self.number()}})] * 2,
            *[("PUT", ["settings", "http", self.pick(*TIMEOUTS)], self.number())] * 4,
            ("PUT", ["settings", "http", self.pick(*TIMEOUTS)], self.bad()),
            ("DELETE", ["settings", "http", self.pick(*TIMEOUTS)], None),
            ("PUT", ["settings", "http"], self.pick({}, {}, [], {"nothing_like_it": True})),
            ("PUT", ["nothing_like_it"], {}), ("PUT", ["nothing", "like", "it"], {}),
            ("POST", self.pick([], ["listeners"], ["nothing"]), {}),
            ("PUT", [], self.whole()), ("PUT", [], self.pick("x", [], {}, self.whole())),
            *([("DELETE", [], None)] if self.random.random() < 0.3 else []))

    def some_path(self):
        """To something in the document, or just beside it."""
        path, value = [], self.config
        while isinstance(value, (dict, list)) and value and self.random.random() < 0.8:
            part = self.pick(*(value if isinstance(value, dict) else range(len(value))))
            value = value[part]
            path.append(str(part))
        return path + (["nope"] if self.random.random() < 0.15 else [])

    def read(self, path):
        try:
            return 200, find(self.config, path)
        except Refused as refused:
            return refused.status, refused.answer


def url(path):
    return "/config" + "".join("/" + "".join(
        chr(b) if chr(b).isalnum() and b < 128 or chr(b) in ":._-~" else f"%{b:02X}"
        for b in part.encode()) for part in path)
