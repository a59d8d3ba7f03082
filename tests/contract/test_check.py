"""patchbay-module check: every broken module of this folder is caught, by the rule that it breaks and
by no other before it; good modules, those of this tree among them, pass."""
import json
import os
import pathlib
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["PATCHBAY_BUILD"]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
TOOL = BUILD / "bin" / "patchbay-module"
CONTRACT = BUILD / "tests" / "contract"
APPS = HERE.parent / "e2e" / "apps"
ENCODER = CONTRACT / "modules" / "good_encoder.so"

# Module: the first rule that it breaks, and a part of what is said.
BROKEN = {
    "modules/absent": ("load", "No such file"),
    "modules/text_file": ("load", "invalid ELF header"),
    "modules/missing_library": ("load", "libpb_contract_absent.so"),
    "modules/undefined_function": ("load", "pb_contract_nowhere"),
    "modules/no_symbol": ("symbol", "has no symbol"),
    "modules/symbol_is_function": ("symbol", "is no table"),
    "modules/symbol_is_pointer": ("symbol", "is no table"),
    "modules/long_claim": ("symbol", "claims"),
    "modules/other_major": ("abi", "ABI 2."),
    "modules/short_descriptor": ("abi", "40 bytes"),
    "modules/newer_minor": ("abi", "update the server"),
    "modules/unknown_kind": ("id", "unknown kind 99"),
    "modules/no_id": ("id", "malformed"),
    "modules/bad_id": ("id", "malformed"),
    "modules/undotted_id": ("id", "malformed"),
    "modules/wrong_kind": ("id", "wrong kind"),
    "modules/no_version": ("members", "version"),
    "modules/empty_version": ("members", "version"),
    "modules/no_schema": ("members", "options_schema"),
    "modules/no_create": ("members", "create"),
    "modules/no_destroy": ("members", "destroy"),
    "modules/no_ops": ("members", "ops"),
    "modules/short_ops": ("table", "16 bytes"),
    "modules/no_encode": ("table", "encode"),
    "modules/no_resolve": ("table", "resolve"),
    "modules/bad_scheme": ("table", "a:b"),
    "modules/no_serve": ("table", "serve"),
    "modules/schema_no_json": ("schema", "Unexpected end"),
    "modules/schema_no_object": ("schema", "must be an object"),
    "modules/schema_unknown_keyword": ("schema", "unknown keyword"),
    "modules/silent_create": ("create", "does not say why"),
    "modules/brimful_error": ("create", "terminating zero"),
    "modules/throwing_create": ("create", "an exception leaves create()"),
    "modules/huge_encoder": ("size", "encoded_size() is 18446744073709551615"),
    "modules/lying_encoder": ("size", "but encode() returns"),
    "special/aborts": ("load", "crashes during loading (signal 6"),
    "special/exits": ("load", "ends the process during loading (exit status 3)"),
    "special/hangs": ("load", "does not come to an end during loading within"),
    "special/prints": ("quiet", "prints"),
    "conduct/starts_a_thread": ("quiet", "1 threads have become 2"),
    "conduct/bad_default": ("defaults", "\"size\""),
    "conduct/destroy_crashes": ("create", "crashes during destroy() (signal 6"),
    "conduct/leaves_a_descriptor": ("instances", "left open"),
    "conduct/unload_crashes": ("unload", "crashes during unloading (signal 6"),
    "conduct/refuses_with_effect": ("refusal", "left open"),
    "conduct/overruns": ("bounds", ""),
    "conduct/overreads": ("reads", "(signal 11"),
    "conduct/leaves_gaps": ("pure", "is not written"),
    "conduct/remembers": ("pure", "byte 0"),
    "conduct/shares_a_buffer": ("threads", "messages differ"),
    "conduct/allocates": ("allocation", "allocates memory"),
    "conduct/resolves_at_random": ("resolve", "the second time"),
    "conduct/claims_a_datagram": ("resolve", "unknown type"),
    "conduct/canonical_grows": ("canonical", "canonical text"),
    "conduct/accepts_blocking": ("accept", "blocks"),
    "conduct/accepts_anything": ("accept-fails", "succeeds"),
    "conduct/starts_never": ("start", "does not say why"),
    "conduct/answers_without_head": ("serve", "without having called head()"),
    "conduct/needs_more_than_it_says": ("serve", "finish() of ABI 1.1 is called"),
    "conduct/throws_in_serve": ("serve", "an exception leaves serve(): the application is upset"),
    "conduct/serves_from_another_thread": ("serve", "another thread"),
    "conduct/gives_up_on_writes": ("trouble", "crashes during serve()"),
    "conduct/loop_forgets": ("serve", "loop() returns before PB_LOOP_STOP"),
    "conduct/loop_looks_back": ("serve", "called after finish()"),
    "conduct/sink_needs_a_request": ("finished", "without a request (signal 11"),
    "conduct/sink_reopens_more": ("reopen", "left open"),
    "conduct/sink_in_one_place": ("threads", "crashes during finished()"),
    "conduct/serves_one_at_a_time": ("threads", "crashes during"),
    "conduct/becomes_poorer": ("become", "nor PATCHBAY_INIT"),
    "conduct/becomes_with_luggage": ("become", "O_CLOEXEC is open in the program"),
    "conduct/becomes_deaf": ("become", "signal 1 is blocked"),
    "conduct/becomes_nothing": ("become-fails", "does not say why"),
}
GOOD = ["good_encoder", "longer_table", "short_listener", "sdk_encoder", "sdk_listener",
        "sdk_runtime", "loop_runtime", "program_runtime"]
# Options of those that need some.
OPTIONS = {name: {"program": "@PROGRAM@"} for name in
           ("modules/program_runtime", "conduct/becomes_poorer", "conduct/becomes_with_luggage",
            "conduct/becomes_deaf", "conduct/becomes_nothing")}


def check_by_name(name):
    options = ["--options", json.dumps(OPTIONS[name])] if name in OPTIONS else []
    return check(CONTRACT / f"{name}.so", *options)


def check(file, *more):
    """The document that the tool prints, with its exit status."""
    file = pathlib.Path(file)
    encoder = ["--encoder", str(ENCODER)] if "--encoder" not in more else []
    run = subprocess.run([TOOL, "check", file, "--json", *encoder, *more],
                         capture_output=True, text=True, timeout=300)
    assert run.returncode in (0, 1), (run.returncode, run.stderr)
    return run.returncode, json.loads(run.stdout)


def results(document, what):
    return [rule for rule in document["rules"] if rule["result"] == what]


class Check(unittest.TestCase):
    def test_every_broken_module_is_caught(self):
        for name, (rule, text) in BROKEN.items():
            with self.subTest(module=name):
                code, document = check_by_name(name)
                failed = results(document, "failed")
                self.assertEqual(code, 1)
                self.assertTrue(failed, document)
                self.assertEqual(failed[0]["rule"], rule, failed)
                self.assertIn(text, failed[0]["reason"])
                self.assertFalse(document["ok"])

    def test_no_broken_module_is_forgotten(self):
        built = {f"{folder}/{file.stem}" for folder in ("modules", "special", "conduct")
                 for file in (CONTRACT / folder).glob("*.so")}
        known = set(BROKEN) | {f"modules/{name}" for name in GOOD}
        self.assertEqual(built - known, set())
        self.assertEqual(known - built, {"modules/absent"})

    def test_good_modules_pass(self):
        for name in GOOD:
            with self.subTest(module=name):
                code, document = check_by_name(f"modules/{name}")
                self.assertEqual((code, results(document, "failed")), (0, []))

    def test_the_modules_of_this_tree_pass(self):
        shipped = BUILD / "modules"
        options = {"python": {"module": "basic", "path": str(APPS)},
                   "php": {"root": str(APPS / "php")}, "go": {"executable": "@PROGRAM@"}}
        arguments = {"listener_tcp": [], "listener_unix": []}
        for language, given in options.items():
            encoder = str(shipped / f"encoder_{language}.so")
            arguments[f"encoder_{language}"] = []
            arguments[f"runtime_{language}"] = ["--options", json.dumps(given),
                                                "--encoder", encoder]
        for name, more in arguments.items():
            with self.subTest(module=name):
                code, document = check(shipped / f"{name}.so", *more)
                self.assertEqual((code, results(document, "failed")), (0, []))
                self.assertGreater(len(results(document, "ok")), 11)
                if name == "runtime_go":
                    self.assertEqual(results(document, "skipped"), [])


class Arguments(unittest.TestCase):
    def run_tool(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=60)

    def test_usage(self):
        for arguments, text in (((), "a command is missing"), (("dance",), "no command \"dance\""),
                                (("check",), "needs the file"), (("check", "a", "b"), "one file"),
                                (("check", "a", "--options"), "needs a value"),
                                (("check", "a", "--what"), "knows no option --what"),
                                (("new", "listener"), "takes a kind, a name"),
                                (("new", "poem", "x"), "no kind of module"),
                                (("new", "listener", "Door"), "is no name for a module")):
            with self.subTest(arguments=arguments):
                run = self.run_tool(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertIn(text, run.stderr)

    def test_a_table_for_people(self):
        run = self.run_tool("check", CONTRACT / "modules" / "no_encode.so")
        self.assertEqual(run.returncode, 1)
        self.assertIn("  table         FAILED   its table of functions is complete\n"
                      "    its ops table has no \"encode\"\n", run.stdout)
        self.assertRegex(run.stdout, r"\n5 rules kept, 1 broken, 1 not tried\n$")

    def test_an_asgi_application(self):
        shipped = BUILD / "modules"
        options = {"module": "asgi_app", "path": str(APPS)}
        code, document = check(shipped / "runtime_python.so", "--options", json.dumps(options),
                               "--encoder", str(shipped / "encoder_python.so"))
        self.assertEqual((code, results(document, "failed")), (0, []))

    def test_options_that_the_schema_refuses(self):
        run = self.run_tool("check", BUILD / "modules" / "listener_unix.so", "--options",
                            '{"backlog": "many"}')
        self.assertEqual(run.returncode, 1)
        self.assertIn('/backlog: The "backlog" value must be an integer number', run.stdout)
        self.assertIn("there are no options to make an instance of", run.stdout)

    def test_options_that_are_needed(self):
        run = self.run_tool("check", BUILD / "modules" / "runtime_python.so")
        self.assertEqual(run.returncode, 0)
        self.assertIn("Give what it needs with --options JSON", run.stdout)


if __name__ == "__main__":
    unittest.main()
