"""Durable stages: what reads them starts from their file, in a part of the graph with commits of its own."""

import json
import os
import random

import runs
from runs import RunTest

BRANCH = os.path.join(os.path.dirname(runs.BIN), "tests", "branch")
UNRULY = os.path.join(os.path.dirname(runs.BIN), "tests", "unruly")


class Durable(RunTest):
    def graph(self, stages, output="out.jsonl", more=""):
        return self.write("graph.yaml", f"""datagen: 1
pipeline: durable
input: jsonl://in.jsonl
output: jsonl://{output}
commit_interval: 20ms
max_dead_letters: 100%
rings: {{slots: 4, block_bytes: 16KiB}}
{more}
stages:
{stages}""")

    def run_graph(self, *arguments, code=0, **options):
        return self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, *arguments, code=code, **options)

    def source(self, records):
        chance = random.Random(3)
        self.write("in.jsonl", "".join(json.dumps({"n": row, "text": " \n\n ".join(chance.choices(("ab", "cde", "f"), k=chance.randrange(1, 4)))}) + "\n"
                                       for row in range(records)))

    def check_books(self):
        report = self.report()
        self.assertEqual(report["audit"], [])
        self.assertTrue(report["sealed"])
        self.assert_nothing_left()
        return report

    STAGES = """- split_text
- {{run: {branch}, id: half, params: {{keep: 2, dead: 50}}, workers: 2{output}}}
- {{use: clean_text, workers: 2}}
"""

    def expected(self):
        """Of the same graph without a durable edge."""
        self.graph(self.STAGES.format(branch=BRANCH, output=""), "plain.jsonl")
        self.datagen("run", self.path("graph.yaml"), "--run-dir", self.path("plain"), "--quiet")
        return self.read("plain.jsonl"), self.read("plain/dead_letter.jsonl")

    def test_both_parts_make_what_one_would(self):
        self.source(20_000)
        expected, letters = self.expected()
        for suffix in ("", ".gz", ".zst"):
            with self.subTest(suffix):
                self.run_directory = self.path("run" + suffix)
                self.graph(self.STAGES.format(branch=BRANCH, output=f", output: 'jsonl://mid{suffix}.jsonl{suffix}', durable: true"), f"out{suffix}.jsonl")
                self.run_graph()
                self.assertEqual(self.read(f"out{suffix}.jsonl"), expected)
                report = self.check_books()
                self.assertEqual(report["written"], expected.count(b"\n"))
                self.assertEqual(self.read(f"run{suffix}/dead_letter.sink.half.jsonl"), letters)

    def test_ids_are_taken_from_the_file_and_traced_to_the_input(self):
        self.source(500)
        self.graph(f"""- {{use: split_text, output: jsonl://mid.jsonl, durable: true}}
- {{run: {UNRULY}}}
""", more="ids: false")
        self.run_graph()
        middle, last = self.lines("mid.jsonl"), self.lines("out.jsonl")
        self.assertTrue(all("_i" in line for line in middle))
        self.assertEqual([(line["n"], line["text"]) for line in last], [(line["n"], line["text"]) for line in middle])
        self.assertFalse(any("_i" in line for line in last))
        out, _ = self.datagen("trace", self.run_directory, "499_0")
        self.assertIn("in.jsonl", out)
        self.assertIn("500", out)
        self.check_books()

    def test_a_dead_letter_behind_the_edge_is_named_by_its_id_and_replayed(self):
        self.source(100)
        with open(self.path("in.jsonl"), "a") as file:
            file.write('{"n": 100, "do": "throw"}\n')
        self.graph(f"""- {{use: pass, output: jsonl://mid.jsonl, durable: true}}
- {{run: {UNRULY}}}
""")
        self.run_graph()
        letter, = self.lines("run/dead_letter.sink.jsonl")
        self.assertEqual((letter["id"], letter["stage"]), (100, "unruly"))
        self.assertTrue(letter["source"]["uri"].endswith("mid.jsonl"), letter)
        self.datagen("replay", self.run_directory, env={"DATAGEN_TEST_CALM": "1"})
        self.assertEqual([line["n"] for line in self.lines("out.jsonl")], list(range(101)))
        self.check_books()

    def test_errors_are_found_before_anything_starts(self):
        self.source(1)
        for stages, more, message in (
                ("- {use: pass, durable: true}\n- clean_text\n", "", "stages[0].durable: needs an output: URI"),
                ("- pass\n- {use: clean_text, output: jsonl://x.jsonl, durable: true}\n", "", "stages[1].durable: nothing reads 'clean_text'"),
                ("- {use: pass, output: csv://x.csv, durable: true}\n- clean_text\n", "", "one file of jsonl://"),
                ("- {use: pass, output: jsonl://x.jsonl, durable: true}\n- clean_text\n", "ids: keep", "which ids: keep forbids"),
                ("- {use: pass, output: jsonl://x.jsonl, durable: maybe}\n- clean_text\n", "", "expected true or false, got 'maybe'"),
                ("- {use: pass, output: jsonl://x.jsonl, durable: true}\n- {use: clean_text, from: [pass, input]}\n", "", "begins anew in the file of a durable stage")):
            with self.subTest(message):
                self.graph(stages, more=more)
                _, err = self.run_graph(code=2)
                self.assertIn(message, err)
                self.assertIn("graph.yaml:", err)

    def test_a_sealed_part_is_not_started_again(self):
        self.source(3000)
        self.graph(f"""- {{use: pass, output: jsonl://mid.jsonl, durable: true}}
- {{run: {UNRULY}, on_error: fail}}
""")
        with open(self.path("in.jsonl"), "a") as file:
            file.write('{"n": 3000, "do": "throw"}\n')
        self.run_graph(code=3)
        self.assertIn('"sealed":true', self.read("run/sink.pass.done").decode().splitlines()[-1])
        before = os.stat(self.path("mid.jsonl")).st_mtime_ns, os.path.getsize(self.path("run/logs/pass.0.log"))
        self.datagen("resume", self.run_directory, env={"DATAGEN_TEST_CALM": "1"})
        self.assertEqual([line["n"] for line in self.lines("out.jsonl")], list(range(3001)))
        self.assertEqual((os.stat(self.path("mid.jsonl")).st_mtime_ns, os.path.getsize(self.path("run/logs/pass.0.log"))), before)
        self.assertEqual([part["sealed"] for part in json.loads(self.read("run/runtime.json"))["parts"]], [True, False])
        self.check_books()

    def test_outputs_are_the_same_after_any_kills(self):
        chance = self.seeded()
        self.source(120_000)
        expected, letters = self.expected()
        suffix = chance.choice(("", ".zst"))
        self.graph(self.STAGES.format(branch=BRANCH, output=f", output: 'jsonl://mid.jsonl{suffix}', durable: true"))
        kills, launches = self.complete_under_kills(("run", self.path("graph.yaml"), "--run-dir", self.run_directory), chance, kills_max=60,
                                                    launches_max=79, launcher_every=8, pause=(0.005, 0.06))
        self.assertEqual(self.read("out.jsonl"), expected)
        self.assertEqual(self.read("run/dead_letter.sink.half.jsonl"), letters)
        print(f"{kills} kills in {launches} launches, mid.jsonl{suffix}: identical", flush=True)
        self.check_books()


if __name__ == "__main__":
    runs.main()
