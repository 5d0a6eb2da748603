"""Every text of JSONTestSuite as a record: y_ ones pass with their bytes, n_ ones are dead letters, none ends a process."""

import base64
import json
import os

import json_cases
import runs
from runs import RunTest

CASES = json_cases.cases()
UNRULY = os.path.join(os.path.dirname(runs.BIN), "tests", "unruly")  # it adds "seen" to each record


def in_one_line(text):
    """A carriage return is allowed and forbidden where a newline is."""
    return text.replace(b"\n", b"\r")


def meaning(text):
    """The value, with numbers as they are written and the pairs of an object in their order, one for each key."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))


class JsonSuite(RunTest):
    def run_lines(self, lines, *stages):
        """The lines through a graph: what is written, and the dead letters, by row."""
        source = self.write("in.jsonl", b"".join(line + b"\n" for line in lines))
        self.datagen(*self.run_flags(source, *stages), "--set", "max_dead_letters=100%", "--fresh")
        report = self.report()
        self.assertEqual((report["audit"], report["restarts"]), ([], 0))
        written = {}
        self.assertNotIn(b"\r", self.read("out.jsonl"))
        for line in self.read("out.jsonl").splitlines():
            body, _, row = line.rpartition(b'"_i":')
            written[int(row.rstrip(b"}"))] = body.rstrip(b",")
        letters = {letter["id"]: letter for letter in self.lines("run/dead_letter.jsonl")}
        self.assertEqual(len(written) + len(letters), report["read"])
        return written, letters

    def test_each_text_as_a_value_is_accepted_or_refused_as_named(self):
        lines = [b'{"v":%s}' % in_one_line(text) for text in CASES.values()]
        for stages in ((), ("pass",), ("clean_text",), (UNRULY,)):
            with self.subTest(stages=stages):
                written, letters = self.run_lines(lines, *stages)
                for row, ((name, text), line) in enumerate(zip(CASES.items(), lines)):
                    if name.startswith("n_"):
                        self.assertIn(row, letters, name)
                        self.assertIn(letters[row]["reason"], ("bad_json", "invalid_utf8", "too_deep"), name)
                        self.assert_holds(letters[row], line)
                    elif stages == ("clean_text",):
                        self.assertEqual(letters[row]["reason"], "missing_field", name)  # valid, but without a text
                    elif stages == (UNRULY,):
                        self.assertEqual(written[row], b'{"v":%s,"seen":true' % text.strip().replace(b"\n", b" "), name)
                    else:
                        self.assertEqual(written[row], line[:-1].rstrip().replace(b"\r", b" "), name)

    def test_each_text_as_a_line_of_its_own(self):
        lines = [in_one_line(text) for text in CASES.values()]
        written, letters = self.run_lines(lines, UNRULY)
        for row, (name, line) in enumerate(zip(CASES, lines)):
            if name.startswith("y_") and line.strip().startswith(b"{"):
                self.assertEqual(meaning(written[row] + b"}"), {**meaning(line), "seen": True}, name)
            elif not line.strip():
                self.assertNotIn(row, {**written, **letters}, name)  # a blank line is no record
            else:
                self.assertIn(row, letters, name)
                self.assert_holds(letters[row], line)

    def assert_holds(self, letter, line):
        """The letter has the line as it was, so that it can be mended."""
        if "record_base64" in letter:
            self.assertEqual(base64.b64decode(letter["record_base64"]), line.removesuffix(b"\r"))
        else:
            self.assertEqual(letter["record_text"].encode(), line.removesuffix(b"\r"))


if __name__ == "__main__":
    runs.main()
