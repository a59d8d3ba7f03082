"""JSON that the control API takes, the form in which it answers, and each error in the text."""
import unittest

import control
import document
import harness
from control import DONE
from harness import APPS, python_app

FORMS = ('It must be either a literal (null, true, or false), a number, a string (in double quotes '
         '""), an array (with brackets []), or an object (with braces {}).')
VALUE = "A valid JSON value is expected here.  " + FORMS
EMPTY = "An empty JSON payload isn't allowed.  " + FORMS
AFTER = "Unexpected character after the end of a valid JSON value."
END = "Unexpected end of JSON payload.  "
OBJECT_END = END + "There's an object without a closing brace (})."
MEMBER_END = END + "There's an object member without a value."
ARRAY_END = END + "There's an array without a closing bracket (])."
STRING_END = END + "There's a string without a final double quote (\")."
NAME = ('A double quote (") is expected here.  There must be a valid JSON object member starts with '
        'a name, which is a string enclosed in double quotes.')
COLON = "A colon (:) is expected here.  There must be a colon after a JSON member name."
OBJECT = ("Either a closing brace (}) or a comma (,) is expected here.  Each JSON object must be "
          "enclosed in braces and its members must be separated by commas.")
ARRAY = ("Either a closing bracket (]) or a comma (,) is expected here.  Each array must be enclosed "
         "in brackets and its members must be separated by commas.")
DUPLICATE = "Duplicate object member.  All JSON object members must have unique names."
CONTROL = "Unexpected character.  All control characters in a JSON string must be escaped."
ESCAPE = ("Unexpected backslash.  A literal backslash in a JSON string must be escaped with a second "
          "backslash (\\\\).")
HEX = ("Invalid escape sequence.  An escape sequence in a JSON string must start with a backslash, "
       "followed by the lowercase letter u, followed by four hexadecimal digits (\\uXXXX).")
LONE = ("Invalid JSON encoding sequence.  This 6-byte sequence does not represent a valid UTF "
        "character.")
PAIR = ("Invalid JSON encoding sequence.  This 12-byte sequence composes an illegal UTF-16 surrogate "
        "pair.")
FRACTION = ("The number is invalid.  A fraction part in JSON numbers must contain at least one "
            "digit.")
ZEROS = "The number is invalid.  Leading zeros are not allowed in JSON numbers."
EXPONENT = ("The number is invalid.  An exponent part in JSON numbers must contain at least one "
            "digit.")
LONG = "The number is too long.  Such a long JSON number value is not supported."
RANGE = "The number is out of representable range.  Such JSON number value is not supported."

# Text, then offset, line, column (none: the text before is no UTF-8), detail.
ERRORS = [
    ('{"a":1,}x', (8, 1, 9), AFTER),
    ('{\n  "listeners": {"*:8300": {"pass": }}\n}', (37, 2, 36), VALUE),
    ("", (0, 1, 1), EMPTY),
    (" \r\n\t", (0, 1, 1), EMPTY),
    ("// only\n/* comments */", (0, 1, 1), EMPTY),
    ("nul", (0, 1, 1), VALUE),
    ("{} {}", (3, 1, 4), AFTER),
    ("{} // no line break", (3, 1, 4), AFTER),
    ("{} /* open", (3, 1, 4), AFTER),
    ("{}\0", (2, 1, 3), AFTER),
    ("{", (1, 1, 2), OBJECT_END),
    ('{"a":1\n', (7, 2, 1), OBJECT_END),
    ('{"a":1,', (7, 1, 8), OBJECT_END),
    ('{"a"', (4, 1, 5), MEMBER_END),
    ('{"a":', (5, 1, 6), MEMBER_END),
    ("[", (1, 1, 2), ARRAY_END),
    ("[1,", (3, 1, 4), ARRAY_END),
    ('{"a', (3, 1, 4), STRING_END),
    ('"abc', (4, 1, 5), STRING_END),
    ("{a:1}", (1, 1, 2), NAME),
    ('{"a":1,,}', (7, 1, 8), NAME),
    ("{'a':1}", (1, 1, 2), NAME),
    ('{"a" 1}', (5, 1, 6), COLON),
    ('{"a"}', (4, 1, 5), COLON),
    ('{"a":}', (5, 1, 6), VALUE),
    ("[,]", (1, 1, 2), VALUE),
    ("[1,,]", (3, 1, 4), VALUE),
    ('{"a":1 "b":2}', (7, 1, 8), OBJECT),
    ('{"a":1]', (6, 1, 7), OBJECT),
    ("[1 2]", (3, 1, 4), ARRAY),
    ("[1}", (2, 1, 3), ARRAY),
    ('{"a":1, "a":2}', (8, 1, 9), DUPLICATE),
    ('{"a":1,\n"\\u0061":2}', (8, 2, 1), DUPLICATE),
    ('{"listeners":{},"settings":{},"listeners":{}}', (30, 1, 31), DUPLICATE),
    ('{"a\nb":1}', (3, 1, 4), CONTROL),
    ('"a\tb"', (2, 1, 3), CONTROL),
    ('"a\0b"', (2, 1, 3), CONTROL),
    ('"a\\xb"', (2, 1, 3), ESCAPE),
    ('"a\\u00g0"', (6, 1, 7), HEX),
    ('"\\uDC00"', (1, 1, 2), LONE),
    ('"a\\uD800x"', (2, 1, 3), LONE),
    ('"\\uD800\\u0041"', (1, 1, 2), PAIR),
    ("[1.]", (1, 1, 2), FRACTION),
    ("01", (0, 1, 1), ZEROS),
    ("[1e+]", (1, 1, 2), EXPONENT),
    ("123456789012345", (0, 1, 1), LONG),
    ("[1e19]", (1, 1, 2), RANGE),
    ("-1e19", (0, 1, 1), RANGE),
    # A column counts characters, an offset bytes; a byte order mark is neither.
    ('{"é": x}', (7, 1, 7), VALUE),
    ("\ufeff[x]", (1, 1, 2), VALUE),
    ("\ufeff", (0, 1, 1), EMPTY),
    ("\ufeff/* é\n ü */ x", (13, 2, 7), VALUE),
    ("[\r\n1 2]", (5, 2, 3), ARRAY),
    (b"/*\xff*/ [x]", (7,), VALUE),
    (b"/*\xff*/\n[x]", (7, 2, 2), VALUE),
]


def error(place, detail):
    names = ("offset", "line", "column")
    return {"error": "Invalid JSON.", "detail": detail,
            "location": {n: document.Number(str(p)) for n, p in zip(names, place)}}


class Text(control.Expectations, harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_class(api=True)

    def test_the_whole_answer_to_one(self):
        answer = self.server.control("PUT", "/config", ERRORS[1][0])
        self.assertEqual(
            answer.body, b'{\r\n\t"error": "Invalid JSON.",\r\n\t"detail": "A valid JSON value is '
            b'expected here.  It must be either a literal (null, true, or false), a number, a string '
            b'(in double quotes \\"\\"), an array (with brackets []), or an object (with braces {}).'
            b'",\r\n\t"location": {\r\n\t\t"offset": 37,\r\n\t\t"line": 2,\r\n\t\t"column": 36\r\n'
            b'\t}\r\n}\r\n')
        self.assertEqual(len(answer.body), 310)

    def test_errors(self):
        self.done("PUT", "/config", control.FIRST)
        for text, place, detail in ERRORS:
            with self.subTest(text=text[:60]):
                self.expect(400, error(place, detail), "PUT", "/config", text)
        self.holds(control.FIRST)

    def test_errors_deeper(self):
        """The place is one in the text that was sent, wherever it was to go."""
        self.done("PUT", "/config", {"settings": {}})
        for method, path in (("PUT", "/config/settings/http"), ("PUT", "/config/settings")):
            self.expect(400, error((7, 1, 8), OBJECT), method, path, '{"a":1 "b":2}')
        self.expect(400, error((0, 1, 1), EMPTY), "PUT", "/config/settings", "")

    def test_body_absent(self):
        self.expect(400, error((0, 1, 1), EMPTY), "PUT", "/config")

    def test_bounds(self):                                                           # A6
        answer = self.server.control("PUT", "/config", "[" * 200000)
        self.assertEqual((answer.status, answer.json["error"]), (400, "Invalid JSON."))
        # At least a hundred levels are read: then it is the validator who speaks.
        deep = '{"x":' * 101 + "1" + "}" * 101
        self.refused('Unknown parameter "x".', "PUT", "/config", deep)

    def test_accepted(self):                                                         # A17
        text = ("\ufeff// line\r\n/* block */ { // x\n /**/ \"settings\" /* a */ : // b\n { /* c */"
                " \"http\": {\"\\u0069dle_timeout\": 1.20e1,}, }, // d\n } /* e */ // f\n")
        self.done("PUT", "/config", text)
        self.holds({"settings": {"http": {"idle_timeout": document.Number("1.20e1")}}})

    def test_numbers_keep_their_text(self):
        self.done("PUT", "/config", {"settings": {"http": {}}})
        for number in ("10", "10.0", "1e1", "1E+1", "1.0e1", "100e-1", "0", "-0", "0.0", "0e5"):
            self.done("PUT", "/config/settings/http/idle_timeout", number)
            self.holds(document.Number(number), "/config/settings/http/idle_timeout")
            body = self.server.control("GET", "/config/settings/http/idle_timeout").body
            self.assertEqual(body, number.encode() + b"\r\n")

    def test_strings_as_they_are_written(self):
        """Escapes: only those that must be; the rest raw."""
        self.done("PUT", "/config", {"applications": {"app": python_app(environment={})}})
        at = "/config/applications/app/environment/X"
        for sent, written in (
                (r'"a\"b\\c\/d"', r'"a\"b\\c/d"'), (r'"\n\r\t\b\f"', r'"\n\r\t\b\f"'),
                (r'"\u0001\u001f\u000b\u000B"', r'"\u0001\u001F\u000B\u000B"'),
                (r'"\u0041\u00e9"', '"Aé"'), ('"é日本"', '"é日本"'),
                (r'"\uD83D\uDE00"', '"😀"'), ('"\x7f"', '"\x7f"'), ('""', '""'),
                ('"\u2028</script>"', '"\u2028</script>"')):
            self.done("PUT", at, sent)
            self.assertEqual(self.server.control("GET", at).body, written.encode() + b"\r\n")

    def test_nul_is_refused(self):                                                   # I11
        self.done("PUT", "/config", {"applications": {"app": python_app(environment={})}})
        self.refused('The "X" environment value must not contain null character.', "PUT",
                     "/config/applications/app/environment/X", r'"a\u0000b"')

    def test_pretty_form(self):
        """Empty lines behind members that are containers, none in arrays; bare scalars."""
        config = {"settings": {}, "applications": {"a": python_app(
            path=[str(APPS), "/b"], environment={})}}
        self.done("PUT", "/config", config)
        app = self.server.get("/config/applications/a")
        self.assertEqual(list(app), ["type", "path", "module", "environment"])
        self.assertEqual(
            self.server.control("GET", "/config").body.decode(),
            '{\r\n\t"settings": {},\r\n\t"applications": {\r\n\t\t"a": {\r\n\t\t\t"type": "python",'
            '\r\n\t\t\t"path": [\r\n\t\t\t\t"APPS",\r\n\t\t\t\t"/b"\r\n\t\t\t],\r\n\r\n\t\t\t"module": '
            '"basic",\r\n\t\t\t"environment": {}\r\n\t\t}\r\n\t}\r\n}\r\n'
            .replace("APPS", str(APPS)))
        array = f'[\r\n\t"{APPS}",\r\n\t"/b"\r\n]\r\n'.encode()
        for path, body in (("/config/applications/a/path", array),
                           ("/config/applications/a/path/1", b'"/b"\r\n'),
                           ("/config/settings", b"{}\r\n"),
                           ("/config/nope", b'{\r\n\t"error": "Value doesn\'t exist."\r\n}\r\n')):
            self.assertEqual(self.server.control("GET", path).body, body, path)
        self.assertEqual(self.server.control("PUT", "/config", config).body,
                         b'{\r\n\t"success": "Reconfiguration done."\r\n}\r\n')
        self.assertEqual(document.pretty(DONE), b'{\r\n\t"success": "Reconfiguration done."\r\n}\r\n')


if __name__ == "__main__":
    unittest.main()
