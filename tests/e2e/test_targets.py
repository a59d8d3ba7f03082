"""Several Python applications in one process, each at its place: targets and prefix."""
import unittest

import control
import harness
from harness import free_port, get, python_app

TARGETS = {"b": {"module": "where", "callable": "first", "prefix": "/b/"},
           "a": {"module": "where", "callable": "second"},
           "c": {"module": "where", "callable": "make", "factory": True}}


def with_targets(targets, **options):
    app = python_app(**options)
    del app["module"]
    return {**app, "targets": targets}


class Targets(control.Expectations, harness.Case):
    def setUp(self):
        self.server = self.serve(api=True)

    def ask(self, port, path):
        return get(("127.0.0.1", port), path).body.decode()

    def test_each_has_its_listener(self):
        ports = [free_port() for _ in range(4)]
        passes = ["applications/app", "applications/app/a", "applications/app/b",
                  "applications/app/c"]
        self.server.api("PUT", "/config", {
            "listeners": {f"127.0.0.1:{p}": {"pass": t} for p, t in zip(ports, passes)},
            "applications": {"app": with_targets(TARGETS, thread_stack_size=65536, threads=2)}})
        self.assertEqual(self.ask(ports[0], "/b/x"), "first '/b' '/x'")     # the first as written
        self.assertEqual(self.ask(ports[1], "/b/x"), "second '' '/b/x'")
        self.assertEqual(self.ask(ports[2], "/b"), "first '/b' ''")
        self.assertEqual(self.ask(ports[2], "/bb"), "first '' '/bb'")
        self.assertEqual(self.ask(ports[3], "/%62/"), "made '' '/b/'")
        self.assertEqual(len(self.server.pids('"app" application')), 1)

    def refused(self, app, status=400):
        return self.server.api("PUT", "/config/applications", {"app": app}, status=status)

    def test_errors(self):
        for app, detail in [
            (with_targets({"": {"module": "m"}}), "The target name must not be empty."),
            (with_targets({"a": 1}), 'The "a" target must be an object.'),
            (with_targets({"a": {}}), 'Required parameter "module" is missing.'),
            (with_targets({"a": {"module": "m", "prefix": "a"}}),
             'The "prefix" must be a string beginning with "/".'),
            (with_targets({"a": {"module": "m", "path": "/"}}), 'Unknown parameter "path".'),
            ({**python_app(), "prefix": ""}, 'The "prefix" must be a string beginning with "/".'),
            (with_targets({str(i): {"module": "m"} for i in range(255)}),
             'The "targets" object must not contain more than 254 members.'),
            (python_app(thread_stack_size=16383),
             'The "thread_stack_size" number must be equal to or greater than 16384.'),
            (python_app(thread_stack_size=16385), 'The "thread_stack_size" number must be a '
                                                  'multiple of the system page size (4096).'),
            *[({**with_targets(TARGETS), name: value},
               f'The "{name}" option is mutually exclusive with the "targets" object.')
              for name, value in (("module", "m"), ("callable", "c"), ("factory", True),
                                  ("prefix", "/x"))],
        ]:
            self.assertEqual(self.refused(app)["detail"], detail)

    def test_one_that_cannot_start(self):
        answer = self.refused(with_targets({"a": {"module": "where", "callable": "first"},
                                            "b": {"module": "where", "callable": "nobody"}}), 500)
        self.assertIn('target "b": Python failed to get "nobody" from module "where": '
                      "AttributeError", answer["detail"])
        self.assertIn("AttributeError", answer["output"])
        answer = self.refused(with_targets({"a": {"module": "where", "callable": "first"},
                                            "b": {"module": "where", "callable": "asgi"}}), 500)
        self.assertIn('the targets "a" and "b" are of two kinds', answer["detail"])


if __name__ == "__main__":
    unittest.main()
