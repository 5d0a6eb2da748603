"""Many input files: folders, patterns and lists, frozen when the run begins."""

import json
import os
import signal

import compressed
import runs
from runs import SAMPLE


ROWS = 2500  # of a file, times 0, 1 and 2: long enough to be stopped in the middle


class Inputs(compressed.CompressedTest):
    def setUp(self):
        super().setUp()
        self.expected = b""
        self.names = []
        row = 0
        for index in range(12):
            lines = [json.dumps({"text": f" {index} {line} "}) for line in range(ROWS * (index % 3))]
            name = f"in/{index % 2}/{index:02}.jsonl" + ("", ".gz", ".zst")[index % 3]
            self.names.append(name)
            data = "".join(line + "\n" for line in lines).encode()
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.write(name, data if index % 3 == 0 else compressed.pack(os.path.splitext(name)[1], data))
        self.names.sort()
        for name in self.names:
            index = int(os.path.basename(name)[:2])
            for line in range(ROWS * (index % 3)):
                text = f"{index} {line}"
                self.expected += json.dumps({"text": text, "len": len(text) + 2, "_i": row}, separators=(",", ":")).encode() + b"\n"
                row += 1
        self.rows = row

    def test_a_folder_a_pattern_and_a_list_are_read_in_order(self):
        self.write("in/list.txt", "".join(name[len("in/"):] + "\n" for name in self.names))
        for source in ("in", "in/**/*.jsonl*", "in/@list.txt"):
            self.datagen(*self.run_flags(self.path(source), "clean_text"))
            self.assertEqual(self.read("out.jsonl"), self.expected)
            with open(self.path("run/runtime.json")) as file:
                self.assertEqual([entry["uri"] for entry in json.load(file)["inputs"]], [self.path(name) for name in self.names])
            self.forget()

    def test_files_that_come_later_do_not_shift_a_resume(self):
        flags = [*self.run_flags(self.path("in"), "clean_text"), "--set", "rings.slots=2", "--set", "rings.block_bytes=4KiB"]
        for number in (signal.SIGINT, signal.SIGKILL):
            self.stop_in_the_middle(flags, number)
            self.write("in/0/000.jsonl", '{"text":"too late"}\n')
            self.datagen("resume", self.run_directory)
            self.assertEqual(self.read("out.jsonl"), self.expected)
            os.unlink(self.path("in/0/000.jsonl"))
            self.forget()

    def test_the_source_may_die_between_files(self):
        flags = [*self.run_flags(self.path("in"), "clean_text"), "--set", "rings.slots=2", "--set", "rings.block_bytes=4KiB"]
        self.kill_often(flags, "source-jsonl", 4)
        self.assertEqual(self.read("out.jsonl"), self.expected)

    def test_dead_letters_and_trace_name_file_and_line(self):
        self.write("in/0/02.jsonl.zst", compressed.pack(".zst", b'{"text":"a"}\n\n{"txt":1}\n'))
        self.write("in/0/00.jsonl", '{"text":"x"}\n' * 5)
        self.datagen(*self.run_flags(self.path("in"), "clean_text"), "--set", "max_dead_letters=100%")
        letter, = self.lines("run/dead_letter.jsonl")
        self.assertEqual(letter["source"], {"uri": self.path("in/0/02.jsonl.zst"), "line": 3, "offset": 14})
        self.assertEqual(letter["id"], 7)
        out, _ = self.datagen("trace", self.run_directory, "7")
        self.assertEqual(out, self.path("in/0/02.jsonl.zst") + ':3\n{"txt":1}\n')
        for record in self.lines("out.jsonl")[::5000]:
            out, _ = self.datagen("trace", self.run_directory, str(record["_i"]))
            self.assertEqual(json.loads(out.splitlines()[1])["text"].strip(), record["text"])
        _, err = self.datagen("trace", self.run_directory, "6", code=2)
        self.assertIn("no record in row 6", err)

    def test_a_file_that_is_gone_stops_the_run_behind_those_before(self):
        flags = [*self.run_flags(self.path("in"), "clean_text"), "--set", "rings.slots=2", "--set", "rings.block_bytes=4KiB"]
        self.stop_in_the_middle(flags, signal.SIGKILL)
        last = self.names[-1]
        data = self.read(last)
        os.unlink(self.path(last))
        _, err = self.datagen("resume", self.run_directory, code=2)
        self.assertIn(last, err)
        self.write(last, data)
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.read("out.jsonl"), self.expected)

    def test_nothing_found_is_an_error_with_a_hint(self):
        _, err = self.datagen(*self.run_flags(self.path("in/*.csv"), "clean_text"), code=2)
        self.assertIn("no file fits to", err)
        self.assertIn("in has 0, 1", err)
        os.mkdir(self.path("none"))
        _, err = self.datagen(*self.run_flags(self.path("none"), "clean_text"), code=2)
        self.assertIn("has no *.jsonl, *.ndjson", err)


if __name__ == "__main__":
    runs.main()
