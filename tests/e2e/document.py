"""Configuration documents as the control API keeps them: members in order, numbers as their text.

parse() and compact() are JSON; pretty() is the form in which the API answers.
"""
import json


class Number(str):
    """A number of a document, by the text it was sent with."""

    def __eq__(self, other):
        return float(self) == float(other) if isinstance(other, (int, float)) else str.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(float(self))

    def __int__(self):
        return int(float(self))

    def __repr__(self):
        return f"Number({str(self)})"


def _unique(pairs):
    names = [n for n, _ in pairs]
    assert len(set(names)) == len(names), f"a name twice in an answer: {names}"
    return dict(pairs)


def parse(text):
    if isinstance(text, bytes):
        text = text.decode()
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=_unique)


_LETTERS = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def quoted(text):
    return '"' + "".join(_LETTERS.get(c) or (f"\\u{ord(c):04X}" if c < " " else c) for c in text) + '"'


def _scalar(value):
    if isinstance(value, Number):
        return str.__str__(value)
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def compact(value):
    """One line without spaces: what lies in conf.json."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(n)}:{compact(v)}" for n, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(compact, value)) + "]"
    return _scalar(value)


def _pretty(value, level):
    if not isinstance(value, (dict, list, tuple)) or not value:
        return {dict: "{}", list: "[]", tuple: "[]"}.get(type(value)) or _scalar(value)
    tabs = "\t" * (level + 1)
    if not isinstance(value, dict):
        inner = ",\r\n".join(tabs + _pretty(v, level + 1) for v in value)
        return "[\r\n" + inner + "\r\n" + "\t" * level + "]"
    inner, before = "", None
    for name, v in value.items():
        if inner:
            inner += ",\r\n" + ("\r\n" if isinstance(before, (dict, list)) and before else "")
        inner += tabs + quoted(name) + ": " + _pretty(v, level + 1)
        before = v
    return "{\r\n" + inner + "\r\n" + "\t" * level + "}"


def pretty(value):
    """A tab for each level, CRLF, an empty line behind a member that is a container."""
    return (_pretty(value, 0) + "\r\n").encode()
