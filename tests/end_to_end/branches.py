"""Graphs that are no chains: branches of one source, joined again or each with an output of its own, under kills."""

import json
import os
import random

import runs
from runs import RunTest

UNRULY = os.path.join(os.path.dirname(runs.BIN), "tests", "unruly")
BRANCH = os.path.join(os.path.dirname(runs.BIN), "tests", "branch")


def source_lines(records, seed=1):
    chance = random.Random(seed)
    return [json.dumps({"n": row, "text": " ".join(chance.choices(("ab", "cde", "f g"), k=chance.randrange(1, 8)))}) for row in range(records)]


class Branches(RunTest):
    def graph(self, text):
        return self.write("graph.yaml", f"datagen: 1\npipeline: branches\ncommit_interval: 20ms\n{text}")

    def run_graph(self, *arguments, code=0, **options):
        return self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, *arguments, code=code, **options)

    def check_books(self, sinks):
        report = self.report()
        self.assertEqual(report["audit"], [])
        self.assertTrue(report["sealed"])
        self.assertEqual(sorted(stage["id"] for stage in report["stages"] if stage["id"].startswith("sink")), sorted(sinks))
        self.assert_nothing_left()
        return report

    def test_each_branch_has_its_own_output_and_its_own_dead_letters(self):
        self.write("in.jsonl", "\n".join(source_lines(3000)) + "\n")
        self.graph(f"""
input: jsonl://in.jsonl
max_dead_letters: 100%
stages:
- {{run: {BRANCH}, id: even, from: input, params: {{keep: 2}}, output: jsonl://even.jsonl}}
- {{run: {BRANCH}, id: third, from: input, params: {{keep: 3, dead: 30}}, workers: 2, output: jsonl://third.jsonl}}
""")
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("even.jsonl")], list(range(0, 3000, 2)))
        self.assertEqual([line["_i"] for line in self.lines("third.jsonl")], [row for row in range(0, 3000, 3) if row % 30])
        self.assertEqual([line["id"] for line in self.lines("run/dead_letter.sink.third.jsonl")], list(range(0, 3000, 30)))
        self.assertEqual(self.lines("run/dead_letter.sink.even.jsonl"), [])
        out, _ = self.datagen("dead-letters", self.run_directory)
        self.assertEqual(len(out.splitlines()), 100)
        report = self.check_books(["sink.even", "sink.third"])
        self.assertEqual(report["read"], 3000)

    def test_a_join_pairs_what_the_branches_made_of_a_record(self):
        self.write("in.jsonl", "\n".join(source_lines(4000)) + "\n")
        self.graph(f"""
input: jsonl://in.jsonl
output: jsonl://out.jsonl
stages:
- {{run: {BRANCH}, id: even, from: input, params: {{keep: 2}}, workers: 2}}
- {{run: {BRANCH}, id: third, from: input, params: {{keep: 3}}}}
- {{run: {BRANCH}, id: both, from: [even, third, input], params: {{join: true}}, workers: 2}}
""")
        self.run_graph()
        lines = self.lines("out.jsonl")
        self.assertEqual([line["_i"] for line in lines], list(range(4000)))
        for row, line in enumerate(lines):
            self.assertEqual(line["even"], row % 2 == 0, line)
            self.assertEqual(line["third"], row % 3 == 0, line)
            self.assertEqual(line["input"], True, line)
        both = next(stage for stage in self.check_books(["sink"])["stages"] if stage["id"] == "both")
        self.assertEqual((both["in"], both["joined"], both["out"]), (4000 + 2000 + 1334, 3334, 4000))

    def test_a_tap_writes_what_passes_by(self):
        self.write("in.jsonl", "\n".join(source_lines(500)) + "\n")
        self.graph("""
input: jsonl://in.jsonl
output: jsonl://out.jsonl
stages:
- {use: clean_text, output: jsonl://cleaned.jsonl}
- split_text
""")
        self.run_graph()
        self.assertEqual(self.read("cleaned.jsonl"), runs.reference(self.path("in.jsonl")))
        self.check_books(["sink", "sink.clean_text"])

    def test_errors_name_the_place(self):
        self.write("in.jsonl", "{}\n")
        self.graph("input: jsonl://in.jsonl\noutput: jsonl://out.jsonl\nstages:\n- pass\n- {use: clean_text, from: pas}\n")
        _, err = self.run_graph(code=2)
        self.assertIn("stages[1].from: there is no stage 'pas' (did you mean 'pass'?)", err)
        self.assertIn("graph.yaml:8:", err)
        self.graph("input: jsonl://in.jsonl\nstages:\n- {use: pass, output: jsonl://x.jsonl}\n- {use: clean_text, output: jsonl://x.jsonl}\n")
        _, err = self.run_graph(code=2)
        self.assertIn("x.jsonl is written by another end too", err)

    def test_all_outputs_stay_on_one_cut_under_kills(self):
        chance = self.seeded()
        self.write("in.jsonl", "\n".join(source_lines(150_000)) + "\n")
        text = f"""
input: jsonl://in.jsonl
output: jsonl://OUT/all.jsonl
rings: {{slots: 4, block_bytes: 16KiB}}
stages:
- {{use: split_text, id: split, output: jsonl://OUT/split.jsonl}}
- {{run: {BRANCH}, id: even, from: split, params: {{keep: 2, dead: 400}}, workers: 2, output: jsonl://OUT/even.jsonl}}
- {{run: {BRANCH}, id: third, from: split, params: {{keep: 3}}}}
- {{run: {BRANCH}, id: both, from: [even, third], params: {{join: true}}, workers: 2}}
"""
        names = ("all.jsonl", "split.jsonl", "even.jsonl")
        os.mkdir(self.path("quiet"))
        self.graph(text.replace("OUT", "quiet"))
        self.run_graph()
        letters = self.read("run/dead_letter.sink.jsonl")  # along the first edge: by way of "both"
        expected = [self.read("quiet/" + name) for name in names]
        self.assertTrue(all(expected) and letters)

        os.mkdir(self.path("killed"))
        self.graph(text.replace("OUT", "killed"))
        self.run_directory = self.path("run2")
        kills, launches = self.complete_under_kills(("run", self.path("graph.yaml"), "--run-dir", self.run_directory), chance, kills_max=60,
                                                    launches_max=59, launcher_every=12, pause=(0.005, 0.06))
        self.assertEqual([self.read("killed/" + name) == data for name, data in zip(names, expected)], [True, True, True])
        self.assertEqual(self.read("run2/dead_letter.sink.jsonl"), letters)
        print(f"{kills} kills in {launches} launches, 3 outputs and the dead letters identical", flush=True)
        self.check_books(["sink", "sink.split", "sink.even"])


if __name__ == "__main__":
    runs.main()
