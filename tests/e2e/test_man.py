"""The manual pages name what there is: every option of the configuration and of the command lines."""
import re
import subprocess
import unittest

import harness

PAGES = harness.HERE.parents[1] / "packaging" / "man"


def option_names(schema, found):
    """Names of all properties, at any depth, that may be set."""
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            if value is not False:
                found.add(name)
        for value in schema.values():
            option_names(value, found)
    elif isinstance(schema, list):
        for value in schema:
            option_names(value, found)
    return found


def bold(page):
    """Words in bold, which is what options are in."""
    words = set()
    for line in (PAGES / page).read_text().splitlines():
        if match := re.match(r"\.(B|BR|BI|RB|SS) (.*)", line):
            text = re.sub(r"\\f.", " ", match[2]).replace("\\-", "-")
            words |= set(re.findall(r"[\w-]+", text))
    return words


class Man(harness.Case):
    def test_configuration(self):
        server = self.serve(api=True)
        names = option_names(server.get("/schema"), set())
        self.assertGreater(len(names), 30)
        self.assertEqual(sorted(names - bold("patchbay.json.5")), [], "not in patchbay.json.5")

    def test_command_lines(self):
        for program, page in (("core/patchbayd", "patchbayd.8"),
                              ("core/patchbayctl", "patchbayctl.8"),
                              ("bin/patchbay-module", "patchbay-module.1")):
            text = subprocess.run([harness.BUILD / program, "--help"], text=True,
                                  capture_output=True, check=True).stdout
            options = set(re.findall(r"--[a-z-]+", text)) - {"--x", "--help", "--version"}
            self.assertGreater(len(options), 3)
            self.assertEqual(sorted(options - bold(page)), [], f"not in {page}")


if __name__ == "__main__":
    unittest.main()
