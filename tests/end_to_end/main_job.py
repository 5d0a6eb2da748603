"""The main job from one command: bytes, order, odd lines, errors, signals."""

import json
import os
import random
import signal
import time

import runs
from runs import DIRTY, SAMPLE, RunTest, reference


class MainJob(RunTest):
    def test_output_is_what_python_writes(self):
        _, err = self.datagen(*self.run_flags(SAMPLE, "clean_text"))
        self.assertEqual(self.read("out.jsonl"), reference(SAMPLE))
        self.assertIn("complete in", err)
        self.assertIn("read 814, wrote 814", err)
        self.assertEqual(self.report()["audit"], [])
        self.assert_nothing_left()

    def test_order_is_kept_with_four_workers(self):
        # More frames than a ring has slots, with small blocks.
        with open(SAMPLE, "rb") as file:
            data = file.read() * 30
        source = self.write("in.jsonl", data)
        self.datagen(*self.run_flags(source, "clean_text"), "--set", "clean_text.workers=4", "--set", "rings.block_bytes=16KiB",
                     "--set", "rings.slots=4")
        self.assertEqual(self.read("out.jsonl"), reference(source))

    def test_records_larger_than_a_block_take_the_overflow(self):
        large = [json.dumps({"text": " " + "ü" * n + " "}, ensure_ascii=False) for n in (10, 200_000, 3, 5_000_000, 1)]
        source = self.write("in.jsonl", "\n".join(large) + "\n")
        self.datagen(*self.run_flags(source, "clean_text"), "--set", "rings.block_bytes=8KiB")
        self.assertEqual(self.read("out.jsonl"), reference(source))
        self.assert_nothing_left()
        self.assertFalse(os.path.exists(os.path.join(self.run_directory, "overflow")))

    def test_broken_lines_become_dead_letters_with_their_place(self):
        self.datagen(*self.run_flags(DIRTY, "clean_text"), "--set", "max_dead_letters=100%")
        with open(DIRTY, "rb") as file:
            data = file.read()
        letters = self.lines("run/dead_letter.jsonl")
        self.assertGreater(len(letters), 10)
        for letter in letters:
            place = letter["source"]
            begin = place["offset"]
            self.assertEqual(data[:begin].count(b"\n") + 1, place["line"])
            self.assertTrue(begin == 0 or data[begin - 1:begin] == b"\n" or data[:begin] == b"\xef\xbb\xbf", letter)
        report = self.report()
        self.assertEqual(report["read"], report["written"] + report["dead"])
        self.assertEqual(report["dead"], len(letters))

    def test_too_many_dead_letters_are_no_success(self):
        _, err = self.datagen(*self.run_flags(DIRTY, "clean_text"), code=5)
        self.assertIn("max_dead_letters", err)
        source = self.write("wrong.jsonl", '{"content":"x"}\n' * 50_000)
        self.run_directory = self.path("run2")
        _, err = self.datagen(*self.run_flags(source, "clean_text", output="two.jsonl"), code=5)
        self.assertIn("max_dead_letters", err)

    def test_an_empty_input_gives_an_empty_output(self):
        self.datagen(*self.run_flags(self.write("in.jsonl", ""), "clean_text"))
        self.assertEqual(self.read("out.jsonl"), b"")

    def test_a_graph_without_stages_copies(self):
        self.datagen(*self.run_flags(SAMPLE), "--set", "ids=false")
        copied = [json.loads(line) for line in self.read("out.jsonl").splitlines()]
        with open(SAMPLE, "rb") as file:
            self.assertEqual(copied, [json.loads(line) for line in file])

    def test_one_to_many_has_lineage_ids(self):
        source = self.write("in.jsonl", '{"text":"a\\n\\nb"}\n{"text":""}\n{"text":"c"}\n')
        self.datagen(*self.run_flags(source, "split_text"), "--set", "max_dead_letters=0")
        self.assertEqual(self.lines("out.jsonl"), [{"text": "a", "_i": "0_0"}, {"text": "b", "_i": "0_1"}, {"text": "c", "_i": "2_0"}])
        self.assertEqual(self.report()["dropped"], 1)

    def test_random_records_with_random_geometry(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        print(f"SEED={seed}", flush=True)
        chance = random.Random(seed)
        alphabet = " \t\u00a0\u2003aé漢😀\\\"\u0001\u2028"
        for turn in range(5):
            rows = [json.dumps({"text": "".join(chance.choices(alphabet, k=chance.choice((0, 3, 300, 9000))))},
                               ensure_ascii=chance.random() < 0.5) for _ in range(chance.choice((1, 100, 3000)))]
            source = self.write("in.jsonl", "\n".join(rows) + ("\n" if chance.random() < 0.5 else ""))
            self.run_directory = self.path(f"run{turn}")
            self.datagen(*self.run_flags(source, "clean_text", output=f"out{turn}.jsonl"), "--set", f"rings.slots={chance.choice((2, 3, 64))}",
                         "--set", f"rings.block_bytes={chance.choice((4, 16, 256))}KiB", "--set", f"clean_text.workers={chance.choice((1, 3))}")
            self.assertEqual(self.read(f"out{turn}.jsonl"), reference(source), f"SEED={seed}")


class Graphs(RunTest):
    def test_a_graph_file_runs_as_written(self):
        with open(SAMPLE, "rb") as file:
            self.write("in.jsonl", file.read())
        self.write("g.yaml", "datagen: 1\npipeline: clean\ninput: in.jsonl\noutput: out/clean.jsonl\nstages: [clean_text]\n")
        self.datagen("run", "g.yaml")
        self.assertEqual(self.read("out/clean.jsonl"), reference(SAMPLE))
        self.assertTrue(os.path.exists(self.path("runs/clean/report.json")))

    def test_all_errors_come_at_once_with_their_places(self):
        self.write("g.yaml", "datagen: 1\ninput: nowhere.jsonl\noutput: out.jsonl\nstages:\n  - clean_tex\n  - split_text: {chars: 0, bye: 1}\n    workers: 0\n")
        _, err = self.datagen("run", "g.yaml", code=2)
        self.assertEqual([line.rpartition(" at ")[2] for line in err.splitlines()[:-1]],
                         ["g.yaml:2:8", "g.yaml:5:5", "g.yaml:6:25", "g.yaml:6:28", "g.yaml:7:14"])
        self.assertIn("nowhere.jsonl: No such file", err)
        self.assertIn("there is no stage 'clean_tex' (did you mean 'clean_text'?)", err)
        self.assertIn("stages[1].split_text.chars: 0 is too small: at least 1", err)
        self.assertIn("stages[1].split_text.bye: split_text has no such parameter (did you mean 'by'?)", err)
        self.assertIn("stages[1].workers: 0 is too small: at least 1", err)
        self.assertIn("5 errors; nothing was started", err)
        self.assertFalse(os.path.exists(self.path("runs")))

    def test_an_executable_that_is_no_stage_is_refused(self):
        _, err = self.datagen(*self.run_flags(SAMPLE, "/bin/cat"), code=2)
        self.assertIn("/bin/cat is not a stage", err)
        _, err = self.datagen(*self.run_flags(SAMPLE, "/nowhere/stage"), code=2)
        self.assertIn("No such file", err)
        _, err = self.datagen(*self.run_flags(SAMPLE, SAMPLE), code=2)
        self.assertIn("not an executable file", err)

    def test_an_input_that_is_not_there_is_a_clear_error(self):
        _, err = self.datagen(*self.run_flags(self.path("nowhere.jsonl"), "clean_text"), code=2)
        self.assertIn("nowhere.jsonl: No such file", err)

    def test_writing_over_the_input_is_refused(self):
        source = self.write("in.jsonl", '{"text":"a"}\n')
        _, err = self.datagen(*self.run_flags(source, "clean_text", output="in.jsonl"), code=2)
        self.assertIn("is also read", err)
        self.assertEqual(self.read("in.jsonl"), b'{"text":"a"}\n')

    def test_rings_that_do_not_fit_are_an_error_before_the_start(self):
        _, err = self.datagen(*self.run_flags(SAMPLE, "clean_text"), "--set", "rings.slots=65536", "--set", "rings.block_bytes=1GiB", code=2)
        self.assertIn("/dev/shm is too small", err)
        self.assertIn("--shm-size", err)
        self.assertEqual(runs.processes_of(self.run_directory), [])

    def test_plan_and_stages_tell_without_starting(self):
        out, _ = self.datagen("plan", os.path.join(runs.SOURCE, "examples", "clean.yaml"))
        self.assertIn("clean_text", out)
        self.assertIn("16 slots of ", out)
        out, _ = self.datagen("plan", os.path.join(runs.SOURCE, "examples", "clean.yaml"), "--json")
        self.assertEqual([stage["id"] for stage in json.loads(out)["stages"]], ["source", "clean_text", "sink"])
        out, _ = self.datagen("plan", os.path.join(runs.SOURCE, "examples", "clean.yaml"), "--dot")
        self.assertIn('"source" -> "clean_text"', out)
        out, _ = self.datagen("stages")
        self.assertEqual({line.split()[0] for line in out.splitlines()} & {"clean_text", "split_text", "source-jsonl", "sink-jsonl"},
                         {"clean_text", "split_text", "source-jsonl", "sink-jsonl"})
        out, _ = self.datagen("stages", "split_text")
        self.assertIn("paragraph|chars", out)
        _, err = self.datagen("stages", "splt_text", code=2)
        self.assertIn("did you mean 'split_text'?", err)

    def test_mistyped_verbs_and_options_get_a_suggestion(self):
        _, err = self.datagen("rum", code=2)
        self.assertIn("did you mean 'run'?", err)
        _, err = self.datagen("run", "--inptu", "x", code=2)
        self.assertIn("did you mean '--input'?", err)


class Ending(RunTest):
    def setUp(self):
        super().setUp()
        with open(SAMPLE, "rb") as file:
            self.source = self.write("large.jsonl", file.read() * 400)

    def start_and_wait(self):
        process = self.start(*self.run_flags(self.source, "clean_text"))
        runs.wait_until(lambda: os.path.exists(self.path("out.jsonl")) and os.path.getsize(self.path("out.jsonl")) > 1_000_000,
                        what="the first output")
        return process

    def test_ctrl_c_ends_everything_within_a_second(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.run_directory = self.path(f"run{number}")
            process = self.start(*self.run_flags(self.source, "clean_text", output=f"out{number}.jsonl"))
            runs.wait_until(lambda: os.path.exists(self.path(f"out{number}.jsonl")), what="the output")
            began = time.monotonic()
            process.send_signal(number)
            _, err = process.communicate(timeout=10)
            self.assertLess(time.monotonic() - began, 1.0)
            self.assertEqual(process.returncode, code)
            self.assertIn(b"go on: datagen resume", err)
            self.assert_nothing_left()

    def test_ctrl_c_ends_a_stopped_worker_too(self):
        process = self.start_and_wait()
        pid = next(pid for pid, name in runs.processes_of(self.run_directory) if name == "clean_text")
        os.kill(pid, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assert_nothing_left()

    def test_workers_end_with_their_launcher(self):
        process = self.start_and_wait()
        process.kill()
        process.wait()
        runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")

    def test_a_second_launcher_is_refused(self):
        process = self.start_and_wait()
        _, err = self.datagen(*self.run_flags(self.source, "clean_text"), code=2)
        self.assertIn(f"process {process.pid}", err)


if __name__ == "__main__":
    runs.main()
