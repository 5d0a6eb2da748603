#!/usr/bin/env python3
"""Runs clean_text and split_text as filters and compares their bytes with Python's own.

    filter.py PATH_OF_CLEAN_TEXT PATH_OF_SPLIT_TEXT
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

CLEAN_TEXT, SPLIT_TEXT = sys.argv[1:3]
SPACES = [chr(c) for c in range(0x110000) if chr(c).isspace()]


def dumps(record):
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def run(stage, data, *arguments):
    if isinstance(data, list):
        data = "".join(line + "\n" for line in data)
    if isinstance(data, str):
        data = data.encode()
    done = subprocess.run([stage, *arguments], input=data, capture_output=True, timeout=120)
    dead = [json.loads(line) for line in done.stderr.decode().splitlines() if line.startswith("{")]
    return done.returncode, done.stdout.decode(), dead


def clean(text):
    return dumps({"text": text.strip(), "len": len(text)}) + "\n"


def paragraphs(text):
    """Runs of lines that are not blank, without white space around them."""
    parts, lines = [], []
    for line in text.split("\n") + [""]:
        if line.strip():
            lines.append(line)
        elif lines:
            parts.append("\n".join(lines).strip())
            lines = []
    return parts


def random_text(chance):
    pieces = SPACES + ["\n", "\n\n", "a", "é", "中", "😀", '"', "\\", "/", "\x00", "\x1b", "\x7f", "\u200b", "\ufeff",
                       "word ", "x" * 40]
    return "".join(chance.choice(pieces) for _ in range(chance.randrange(40)))


class CleanText(unittest.TestCase):
    def test_every_white_space_character_is_stripped_as_python_does(self):
        texts = [space + "a" + space + "b" + space for space in SPACES]
        texts += ["", " ", "".join(SPACES), "\u200b a \u200b", "\ufeffa", "a\u180e"]
        code, out, dead = run(CLEAN_TEXT, [json.dumps({"text": text}) for text in texts])
        self.assertEqual((code, dead), (0, []))
        self.assertEqual(out, "".join(map(clean, texts)))

    def test_random_texts_with_and_without_escapes(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        for threads in ("1", "8"):
            texts = [random_text(chance) for _ in range(5000)]
            lines = [json.dumps({"text": text, "other": 1}, ensure_ascii=chance.random() < 0.5) for text in texts]
            code, out, dead = run(CLEAN_TEXT, lines, "--threads", threads)
            self.assertEqual((code, dead), (0, []), f"seed {seed}")
            self.assertEqual(out, "".join(map(clean, texts)), f"seed {seed}")

    def test_all_code_points_pass(self):
        texts = ["".join(chr(c) for c in range(first, first + 0x100) if not 0xD800 <= c <= 0xDFFF)
                 for first in range(0, 0x110000, 0x100)]
        for ascii_only in (False, True):
            lines = [json.dumps({"text": text}, ensure_ascii=ascii_only) for text in texts]
            code, out, dead = run(CLEAN_TEXT, lines)
            self.assertEqual((code, dead), (0, []))
            self.assertEqual(out, "".join(map(clean, texts)))

    def test_long_texts_pass(self):
        texts = [" " + "é" * size + " " for size in (0, 1, 131071, 131072, 300000, 3000000)]
        code, out, _ = run(CLEAN_TEXT, [dumps({"text": text}) for text in texts])
        self.assertEqual(code, 0)
        self.assertTrue(out == "".join(map(clean, texts)), "long texts differ")

    def test_blank_lines_carriage_returns_and_a_byte_order_mark_do_not_matter(self):
        code, out, dead = run(CLEAN_TEXT, b'\xef\xbb\xbf{"text":" a "}\r\n\r\n  \n{"text":"b"}')
        self.assertEqual((code, dead), (0, []))
        self.assertEqual(out, clean(" a ") + clean("b"))

    def test_bad_lines_are_dead_letters_and_the_rest_goes_on(self):
        lines = [b'{"text":"good"}', b'{"text":1}', b'{"other":1}', b'{"text":"a",}', b'[]', b'{"text":"\xff"}',
                 b'{"text":"\\ud800"}', b"{'text':'a'}", b'{"text":null}', b'\xef\xbb\xbf{"text":"a"}', b'{"text":"last"}']
        code, out, dead = run(CLEAN_TEXT, b"\n".join(lines))
        self.assertEqual(code, 1)
        self.assertEqual(out, clean("good") + clean("last"))
        self.assertEqual([(letter["id"], letter["reason"]) for letter in dead],
                         [(1, "wrong_type"), (2, "missing_field"), (3, "bad_json"), (4, "not_an_object"),
                          (5, "invalid_utf8"), (6, "lone_surrogate"), (7, "bad_json"), (8, "wrong_type"), (9, "bad_json")])
        offset = 0
        offsets = []
        for line in lines:
            offsets.append(offset)
            offset += len(line) + 1
        for letter in dead:
            self.assertEqual(letter["stage"], "clean_text")
            self.assertEqual(letter["source"], {"uri": "stdin", "line": letter["id"] + 1, "offset": offsets[letter["id"]]})

    def test_the_field_is_a_parameter(self):
        code, out, _ = run(CLEAN_TEXT, ['{"body":" x ","text":"no"}'], "--set", "field=body")
        self.assertEqual((code, out), (0, clean(" x ")))

    def test_files_are_read_and_written(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
            with open(source, "w") as file:
                file.write('{"text":" a "}\n')
            self.assertEqual(run(CLEAN_TEXT, "", "--in", source, "--out", target), (0, "", []))
            with open(target) as file:
                self.assertEqual(file.read(), clean(" a "))
            with open(source, "w") as file:
                file.write('{"text":"b"}\n')
            self.assertEqual(run(CLEAN_TEXT, "", "--in", source, "--out", target), (0, "", []))
            with open(target) as file:
                self.assertEqual(file.read(), clean("b"))

    def test_standard_output_is_not_cut_when_it_is_a_file(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"before\n")
            file.flush()
            subprocess.run([CLEAN_TEXT], input=b'{"text":" a "}\n', stdout=file, check=True, timeout=60)
            file.seek(0)
            self.assertEqual(file.read().decode(), "before\n" + clean(" a "))

    def test_empty_input_gives_empty_output(self):
        self.assertEqual(run(CLEAN_TEXT, ""), (0, "", []))
        self.assertEqual(run(CLEAN_TEXT, "\n\n"), (0, "", []))

    def test_wrong_calls_exit_with_2(self):
        for arguments in (["--set", "fild=x"], ["--set", "field"], ["--nothing"], ["--threads", "0"], ["stray"]):
            self.assertEqual(run(CLEAN_TEXT, "", *arguments)[0], 2, arguments)
        self.assertEqual(run(CLEAN_TEXT, "", "--in", "/nowhere/at/all")[0], 1)

    def test_it_describes_itself(self):
        code, out, _ = run(CLEAN_TEXT, "", "--describe")
        described = json.loads(out)
        self.assertEqual(code, 0)
        self.assertEqual((described["name"], described["kind"], described["stateful"]), ("clean_text", "stage", False))
        self.assertEqual([(p["name"], p["type"], p["default"]) for p in described["parameters"]], [("field", "text", "text")])
        self.assertEqual(run(CLEAN_TEXT, "", "--help")[0], 0)
        self.assertRegex(run(CLEAN_TEXT, "", "--version")[1], r"^\d+\.\d+\.\d+\n$")


class SplitText(unittest.TestCase):
    def test_paragraphs_are_split_at_blank_lines_and_other_fields_copied(self):
        text = "\n\n one\nstill one \n \t\n\u3000\ntwo\n\n\n"
        code, out, dead = run(SPLIT_TEXT, ['{"id":1.0,"text":%s,"more":[1e400]}' % json.dumps(text)])
        self.assertEqual((code, dead), (0, []))
        self.assertEqual(out, '{"id":1.0,"text":"one\\nstill one","more":[1e400]}\n{"id":1.0,"text":"two","more":[1e400]}\n')

    def test_random_paragraphs_agree_with_python(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        texts = [random_text(chance) for _ in range(5000)]
        for threads in ("1", "8"):
            code, out, dead = run(SPLIT_TEXT, [json.dumps({"text": text}) for text in texts], "--threads", threads)
            self.assertEqual((code, dead), (0, []), f"seed {seed}")
            expected = [dumps({"text": part}) for text in texts for part in paragraphs(text)]
            self.assertEqual(out.split("\n")[:-1], expected, f"seed {seed}")

    def test_texts_are_cut_after_so_many_code_points(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        texts = ["", "a", "é" * 7, "😀" * 14] + [random_text(chance) for _ in range(1000)]
        for count in (1, 7, 1000):
            code, out, dead = run(SPLIT_TEXT, [json.dumps({"text": text}) for text in texts], "--set", "by=chars",
                                  "--set", f"chars={count}")
            self.assertEqual((code, dead), (0, []), f"seed {seed}")
            expected = [dumps({"text": text[at:at + count]}) for text in texts for at in range(0, len(text), count)]
            self.assertEqual(out.split("\n")[:-1], expected, f"seed {seed}")

    def test_texts_without_a_paragraph_are_dropped_and_no_dead_letters(self):
        self.assertEqual(run(SPLIT_TEXT, ['{"text":""}', '{"text":" \\n\\n "}']), (0, "", []))

    def test_wrong_parameters_are_refused_with_what_fits(self):
        for setting in ("by=line", "chars=0", "chars=ten"):
            done = subprocess.run([SPLIT_TEXT, "--set", setting], input=b"", capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 2, setting)
            self.assertTrue(re.search(r"one of paragraph, chars|at least 1|an integer", done.stderr.decode()), done.stderr)

    def test_records_without_text_are_dead_letters(self):
        code, out, dead = run(SPLIT_TEXT, ['{"text":5}', '{"text":"a"}'])
        self.assertEqual((code, out), (1, '{"text":"a"}\n'))
        self.assertEqual([letter["reason"] for letter in dead], ["wrong_type"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
