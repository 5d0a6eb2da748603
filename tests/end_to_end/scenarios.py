"""The jobs that people who process data in streams begin with, each to its right result: all records, once, in order."""

import json
import os
import subprocess
import time

import runs
from runs import RunTest

TASK = os.path.join(os.path.dirname(runs.BIN), "tests", "task")


def texts(count):
    return [{"n": row, "text": f"  word {row} "} for row in range(count)]


def lines_of(records):
    return "".join(json.dumps(record) + "\n" for record in records)


class Scenarios(RunTest):
    def graph(self, stages, *more, source="in.jsonl", output="out.jsonl"):
        text = "\n".join(["datagen: 1", f"input: {source}", f"output: {output}", *more, "stages:", *stages])
        return self.write("job.yaml", text + "\n")

    def run_graph(self, *arguments, **options):
        return self.datagen("run", self.path("job.yaml"), "--run-dir", self.run_directory, *arguments, **options)

    def check(self, rows, name="out.jsonl"):
        """These ids, each once and in this order; nothing left behind, and the books balance."""
        self.assertEqual([record["_i"] for record in self.lines(name)], rows)
        report = self.report()
        self.assertEqual((report["outcome"], report["audit"], report["sealed"]), ("complete", [], True))
        self.assert_nothing_left()
        return report

    def kill_in_the_middle(self, bytes_at_least=1):
        """kill -9 of the launcher when something is committed beyond what an earlier one left."""
        process = self.start("run", self.path("job.yaml"), "--run-dir", self.run_directory, "--set", "commit_interval=10ms")
        done = os.path.join(self.run_directory, "sink.done")

        def has_committed():
            if process.poll() is not None:
                return True
            with open(done, "rb") as file:
                lines = file.read().splitlines()
            return lines and json.loads(lines[-1])["output"]["bytes"] >= bytes_at_least

        runs.wait_until(lambda: os.path.exists(done) and has_committed(), what="a commit")
        self.assertIsNone(process.poll(), "the run was over before it was killed")
        process.kill()
        process.wait()
        runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        return len(self.read("out.jsonl"))

    def test_paths_are_derived_from_the_graph(self):
        os.makedirs(self.path("jobs/data"))
        self.write("jobs/data/raw.jsonl", lines_of(texts(100)))
        self.write("jobs/corpus.yaml", "datagen: 1\ninput: data/raw.jsonl\noutput: data/clean.jsonl\nstages: [clean_text, pass]\n")
        self.datagen("run", "jobs/corpus.yaml")
        self.run_directory = self.path("runs/corpus")  # named after the graph, where it was started
        self.check(list(range(100)), "jobs/data/clean.jsonl")
        self.assertEqual(sorted(os.listdir(os.path.join(self.run_directory, "logs"))),
                         ["clean_text.0.log", "pass.0.log", "sink.0.log", "source.0.log"])

    def test_a_record_comes_out_while_the_next_is_not_there_yet(self):
        self.graph(["- clean_text", f"- {{run: {TASK}, id: a, params: {{mark: a}}}}", f"- {{run: {TASK}, id: b, params: {{mark: b}}}}"],
                   source="stdin://", output="stdout://")
        process = subprocess.Popen([os.path.join(runs.BIN, "datagen"), "run", self.path("job.yaml"), "--run-dir", self.run_directory, "--quiet"],
                                   cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started.append(process)
        for row in range(20):
            process.stdin.write(f'{{"text":" {row} "}}\n'.encode())
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline()), {"text": str(row), "len": len(str(row)) + 2, "a": True, "b": True, "_i": row})
        process.stdin.close()
        self.assertEqual(process.wait(timeout=20), 0, process.stderr.read())

    def test_recovery_after_the_launcher_was_killed(self):
        self.write("in.jsonl", lines_of(texts(200_000)))
        self.graph(["- {use: clean_text, workers: 2}"], "rings: {slots: 4, block_bytes: 16KiB}")
        self.kill_in_the_middle()
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.read("out.jsonl"), runs.reference(self.path("in.jsonl")))
        self.check(list(range(200_000)))

    def test_a_long_chain_with_a_filter(self):
        self.write("in.jsonl", lines_of(texts(3000)))
        chain = [f"- {{run: {TASK}, id: step_{step}, params: {{mark: s{step}}}, workers: {1 + step % 2}}}" for step in range(10)]
        chain.insert(5, f"- {{run: {TASK}, id: third, params: {{keep: 3}}}}")
        self.graph(chain, "rings: {slots: 4, block_bytes: 16KiB}")
        self.run_graph()
        report = self.check(list(range(0, 3000, 3)))
        self.assertTrue(all(all(record[f"s{step}"] for step in range(10)) for record in self.lines("out.jsonl")))
        third = next(stage for stage in report["stages"] if stage["id"] == "third")
        self.assertEqual((third["in"], third["out"], third["drop_reasons"]), (3000, 1000, {"not kept": 2000}))

    def test_a_path_is_overridden_for_one_stage_and_for_one_run(self):
        self.write("in.jsonl", lines_of(texts(500)))
        self.graph([f"- {{run: {TASK}, id: even, params: {{keep: 2}}, output: kept/even.jsonl}}", "- clean_text"])
        self.run_graph("--set", f"output={self.path('elsewhere.jsonl')}")
        self.check(list(range(0, 500, 2)), "elsewhere.jsonl")
        self.check(list(range(0, 500, 2)), "kept/even.jsonl")
        self.assertNotIn("len", self.lines("kept/even.jsonl")[0])
        self.assertFalse(os.path.exists(self.path("out.jsonl")))

    def test_backpressure_with_a_thousand_items_and_twenty_in_parallel(self):
        self.write("in.jsonl", lines_of(texts(1000)))
        self.graph([f"- {{run: {TASK}, id: call, params: {{pause_ms: 10}}, threads: 20}}", f"- {{run: {TASK}, id: slow, params: {{pause_ms: 1}}}}"],
                   "rings: {slots: 2, block_bytes: 4KiB}")
        began = time.monotonic()
        self.run_graph()
        self.check(list(range(1000)))
        self.assertLess(time.monotonic() - began, 8, "one after the other they take 10 s")

    def test_one_to_many_with_two_recoveries(self):
        self.write("in.jsonl", lines_of(texts(60_000)))
        self.graph([f"- {{run: {TASK}, id: three, params: {{children: 3}}, workers: 2}}", f"- {{run: {TASK}, id: two, params: {{children: 2}}}}"],
                   "rings: {slots: 4, block_bytes: 16KiB}")
        written = self.kill_in_the_middle()
        self.kill_in_the_middle(written + 1)
        self.run_graph()
        self.check([f"{row}_{first}_{second}" for row in range(60_000) for first in range(3) for second in range(2)])
        self.assertEqual(self.report()["generation"], 3)

    def test_nodes_connected_by_hand_are_the_same_as_a_graph(self):
        self.write("in.jsonl", lines_of(texts(300)))
        self.graph([f"- {{run: {TASK}, id: b, from: a, params: {{keep: 2}}}}", "- {use: clean_text, from: b}",
                    f"- {{run: {TASK}, id: a, from: input, params: {{mark: seen}}}}"], "ids: false")
        self.run_graph()
        # Each node alone, as a filter, with files of one's own between them.
        for command, source, target in (([TASK, "--set", "mark=seen"], "in.jsonl", "a.jsonl"), ([TASK, "--set", "keep=2"], "a.jsonl", "b.jsonl"),
                                        ([os.path.join(runs.BIN, "clean_text")], "b.jsonl", "c.jsonl")):
            with open(self.path(source)) as stdin, open(self.path(target), "w") as stdout:
                subprocess.run(command, stdin=stdin, stdout=stdout, check=True, timeout=20)
        without_ids = [{key: value for key, value in record.items() if key != "_i"} for record in self.lines("c.jsonl")]
        self.assertEqual(self.lines("out.jsonl"), without_ids)
        self.assertEqual(len(without_ids), 150)

    def test_writing_beside_the_work(self):
        """Several workers, and a sink whose threads pack what they made: whole, and in order."""
        self.write("in.jsonl", lines_of(texts(100_000)))
        self.graph(["- {use: clean_text, workers: 3}"], output="{uri: out.jsonl.gz, pack_threads: 3}")
        self.run_graph("--set", "commit_interval=20ms")
        packed = subprocess.run(["gzip", "-dc", self.path("out.jsonl.gz")], capture_output=True, check=True, timeout=20)
        self.assertEqual(packed.stdout, runs.reference(self.path("in.jsonl")))

    def test_a_slow_first_item_delays_nobody_and_comes_first(self):
        self.write("in.jsonl", lines_of(texts(400)))
        self.graph([f"- {{run: {TASK}, id: slow, params: {{pause_ms: 1000, pause_rows: 1, clock: true}}, workers: 2}}"],
                   "rings: {slots: 32, block_bytes: 4KiB}")  # the first frames are small, and as many may be ahead
        self.run_graph()
        self.check(list(range(400)))
        first, *others = [record["at"] for record in self.lines("out.jsonl")]
        self.assertGreater(sum(at < first for at in others), 100)

    def test_a_queue_of_two(self):
        self.write("in.jsonl", lines_of(texts(20_000)))
        self.graph(["- {use: clean_text, workers: 4}", f"- {{run: {TASK}, id: two, params: {{children: 2}}, workers: 3}}"],
                   "rings: {slots: 2, block_bytes: 4KiB}")
        self.run_graph()
        self.check([f"{row}_{child}" for row in range(20_000) for child in range(2)])

    def test_an_empty_input(self):
        self.write("in.jsonl", "")
        self.graph(["- {use: clean_text, workers: 4}", f"- {{run: {TASK}, id: two, params: {{children: 2}}}}"])
        self.run_graph()
        self.assertEqual(self.check([])["read"], 0)

    def test_csv_in_and_out(self):
        self.write("in.csv", "text,label\r\n" + "".join(f'" word, {row} ","a ""{row}"""\r\n' for row in range(1000)))
        self.graph(["- clean_text", f"- {{run: {TASK}, id: mark, params: {{mark: seen}}}}"], source="in.csv", output="out.csv")
        self.run_graph()
        # clean_text makes a record of text and len; a row's id is its line, the header's included.
        expected = "text,len,seen,_i\r\n" + "".join(f'"word, {row}",{len(str(row)) + 8},true,{row + 1}\r\n' for row in range(1000))
        self.assertEqual(self.read("out.csv").decode(), expected)


if __name__ == "__main__":
    runs.main()
