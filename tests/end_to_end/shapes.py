"""Graphs of every shape: the same bytes whoever did the work, and every record traced to its line."""

import json
import os
import random
import time

import runs
from runs import RunTest

TESTS = os.path.join(os.path.dirname(runs.BIN), "tests")
TASK = os.path.join(TESTS, "task")
BRANCH = os.path.join(TESTS, "branch")

# Stages by shape; WORKERS becomes a number from 1 to 4 in each place.
SHAPES = {
    "chain": ("output: OUT/out.jsonl", f"""
- {{use: clean_text, workers: WORKERS}}
- {{run: {TASK}, id: half, params: {{keep: 2}}, workers: WORKERS, threads: WORKERS}}
- {{run: {BRANCH}, params: {{dead: 50}}, workers: WORKERS}}"""),
    "tee": ("output: OUT/out.jsonl", f"""
- {{use: clean_text, workers: WORKERS, output: OUT/clean.jsonl}}
- {{use: split_text, workers: WORKERS}}
- {{run: {TASK}, id: mark, params: {{mark: seen}}, workers: WORKERS}}"""),
    "diamond": ("output: OUT/out.jsonl", f"""
- {{use: pass, workers: WORKERS}}
- {{run: {BRANCH}, id: even, from: pass, params: {{keep: 2, dead: 70}}, workers: WORKERS}}
- {{run: {BRANCH}, id: third, from: pass, params: {{keep: 3}}, workers: WORKERS}}
- {{run: {BRANCH}, id: both, from: [even, third], params: {{join: true}}, workers: WORKERS}}"""),
    "outputs": ("", f"""
- {{run: {BRANCH}, id: even, from: input, params: {{keep: 2}}, workers: WORKERS, output: OUT/even.jsonl}}
- {{run: {BRANCH}, id: third, from: input, params: {{keep: 3, dead: 30}}, workers: WORKERS, output: OUT/third.jsonl}}
- {{use: clean_text, from: input, workers: WORKERS, output: OUT/clean.jsonl}}"""),
    "fan_out": ("output: OUT/out.jsonl", f"""
- {{run: {TASK}, id: three, params: {{children: 3}}, workers: WORKERS, threads: WORKERS}}
- {{run: {TASK}, id: half, params: {{keep: 2}}, workers: WORKERS}}
- {{run: {TASK}, id: two, params: {{children: 2}}, workers: WORKERS}}"""),
}
RUNS = 20


class SameBytes(RunTest):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("SEED", time.time_ns() % 100_000))
        print(f"SEED={seed}", flush=True)
        self.chance = random.Random(seed)
        self.write("in.jsonl", "".join(json.dumps({"n": row, "text": " ".join(self.chance.choices(("ab", "c.\n\nd", " e"), k=5))}) + "\n"
                                       for row in range(1500)))

    def outputs(self, ends, stages):
        """What one run writes, by file; dead letters as a set, since two stages' letters may stand in any order."""
        pieces = stages.split("WORKERS")
        stages = pieces[0] + "".join(str(self.chance.randint(1, 4)) + piece for piece in pieces[1:])
        block = self.chance.choice((8, 16, 64))
        self.write("graph.yaml", f"datagen: 1\ninput: in.jsonl\n{ends}\nrings: {{slots: {self.chance.choice((2, 4, 8))}, block_bytes: {block}KiB}}\n"
                                 f"max_dead_letters: 100%\nstages:{stages}\n".replace("OUT", "out"))
        self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, "--quiet", "--fresh", "--overwrite")
        self.assertEqual(self.report()["audit"], [])
        written = {name: self.read("out/" + name) for name in os.listdir(self.path("out"))}
        letters = [line for name in os.listdir(self.run_directory) if name.startswith("dead_letter") for line in self.read("run/" + name).splitlines()]
        return written, sorted(letters)

    def check_shape(self, name):
        first, letters = self.outputs(*SHAPES[name])
        self.assertTrue(all(first.values()), "every output has records")
        for _ in range(RUNS - 1):
            again = self.outputs(*SHAPES[name])
            self.assertEqual([file for file in first if first[file] != again[0].get(file)], [])
            self.assertEqual(again[1], letters)

    def test_chain(self):
        self.check_shape("chain")

    def test_tee(self):
        self.check_shape("tee")

    def test_diamond(self):
        self.check_shape("diamond")

    def test_several_outputs(self):
        self.check_shape("outputs")

    def test_fan_out(self):
        self.check_shape("fan_out")


class Lineage(RunTest):
    def test_each_of_many_records_is_traced_to_its_line(self):
        """Two fan-outs and a filter over 100,000 records in two files, one of them with blank lines."""
        files = {"a.jsonl": [], "b.jsonl": []}
        for row in range(100_000):
            name = "a.jsonl" if row < 40_000 else "b.jsonl"
            files[name].append("" if name == "b.jsonl" and row % 7 == 0 else json.dumps({"row": row}))
        os.mkdir(self.path("in"))
        for name, lines in files.items():
            self.write("in/" + name, "\n".join(lines) + "\n")
        self.write("graph.yaml", f"""datagen: 1
input: jsonl://in/
output: out.jsonl
stages:
- {{run: {TASK}, id: three, params: {{children: 3}}, workers: 2}}
- {{run: {TASK}, id: fifth, params: {{keep: 5}}}}
- {{run: {TASK}, id: two, params: {{children: 2}}, workers: 2}}
""")
        self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, "--quiet")
        rows = [row for row in range(0, 100_000, 5) if row < 40_000 or row % 7]
        expected = [(f"{row}_{first}_{second}", row) for row in rows for first in range(3) for second in range(2)]
        records = self.lines("out.jsonl")
        self.assertEqual([(record["_i"], record["row"]) for record in records], expected)
        self.assertEqual(self.report()["audit"], [])
        chance = random.Random(5)
        for record in [records[0], records[-1], *chance.sample(records, 18)]:
            row = record["row"]
            out, _ = self.datagen("trace", self.run_directory, record["_i"])
            name, line = ("a.jsonl", row) if row < 40_000 else ("b.jsonl", row - 40_000)
            self.assertEqual(out, f"{self.path('in/' + name)}:{line + 1}\n{files[name][line]}\n")


if __name__ == "__main__":
    runs.main()
