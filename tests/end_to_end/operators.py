"""What operators say besides their records: dropped records that are kept, tokens, counts, progress, logs; exactly once under kills."""

import json
import os
import signal
import subprocess

import runs
from runs import RunTest

CALLER = os.path.join(os.path.dirname(runs.BIN), "tests", "caller")


class OperatorTest(RunTest):
    def graph(self, stages, records, more=""):
        self.write("in.jsonl", "".join(f'{{"n":{row}}}\n' for row in range(records)))
        self.write("job.yaml", f"datagen: 1\ninput: in.jsonl\noutput: out.jsonl\nmax_dead_letters: 100%\ncommit_interval: 20ms\n"
                               f"rings: {{slots: 4, block_bytes: 8KiB}}\n{more}\nstages:\n{stages}\n")
        return ["run", self.path("job.yaml"), "--run-dir", self.run_directory]

    def run_under_kills(self, flags, kills_max=25):
        """Kills workers and the launcher until the run is complete."""
        kills, _ = self.complete_under_kills(flags, self.seeded(), kills_max, launches_max=kills_max, launcher_every=8, pause=(0.01, 0.1))
        self.assertGreater(kills, 5)
        self.assertEqual(self.report()["audit"], [])
        self.assert_nothing_left()

    def stage(self, name):
        return next(stage for stage in self.report()["stages"] if stage["id"] == name)


class Exclusions(OperatorTest):
    def check_file(self, lines, stage, rows, reason):
        self.assertEqual([(line["id"], line["stage"], line["reason"], line["record"], line["source"]["line"]) for line in lines],
                         [(row, stage, reason, {"n": row}, row + 1) for row in rows])

    def test_dropped_records_are_kept_once_whatever_is_killed(self):
        flags = self.graph(f"""- {{run: {CALLER}, id: first, params: {{drop_every: 3, pause_us: 100}}, workers: 2, exclusions: true}}
- {{run: {CALLER}, id: second, from: first, params: {{drop_every: 5}}, exclusions: kept/second.jsonl, output: second.jsonl}}
- {{run: {CALLER}, id: third, from: first, params: {{throw_every: 7}}, on_error: drop, threads: 3, exclusions: true}}""", 12_000)
        self.run_under_kills(flags)
        self.check_file(self.lines("run/exclusions.first.jsonl"), "first", range(0, 12_000, 3), "refused")
        left = [row for row in range(12_000) if row % 3]
        second = self.lines("kept/second.jsonl")
        self.assertEqual([line["id"] for line in second], [row for row in left if row % 5 == 0])
        self.assertEqual(second[0]["record"], {"n": 5, "answer": 5})
        third = self.lines("run/exclusions.third.jsonl")
        self.assertEqual([(line["id"], line["reason"]) for line in third], [(row, "error: exception") for row in left if row % 7 == 0])
        self.assertEqual(self.stage("third")["drop_reasons"], {"error: exception": len(third)})
        self.assertEqual(self.stage("third")["dead"], 0)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], [row for row in left if row % 7])

    def test_a_file_that_is_not_ours_is_refused(self):
        self.write("kept.jsonl", "mine\n")
        flags = self.graph(f"- {{run: {CALLER}, params: {{drop_every: 2}}, exclusions: kept.jsonl}}", 10)
        _, err = self.datagen(*flags, code=2)
        self.assertIn("kept.jsonl exists, and this run did not make it", err)
        self.assertEqual(self.read("kept.jsonl"), b"mine\n")
        self.datagen(*flags, "--overwrite")
        self.assertEqual(len(self.lines("kept.jsonl")), 5)

    def test_a_file_that_others_write_is_refused_with_its_place(self):
        flags = self.graph(f"- {{run: {CALLER}, id: a, exclusions: out.jsonl}}\n- {{run: {CALLER}, id: b, exclusions: in.jsonl}}\n"
                           f"- {{run: {CALLER}, id: c, exclusions: x.jsonl.gz}}", 10)
        _, err = self.datagen(*flags, code=2)
        self.assertIn(f"stages[0].exclusions: {self.path('out.jsonl')} is written by another too", err)
        self.assertIn(f"stages[1].exclusions: {self.path('in.jsonl')} is also read", err)
        self.assertIn("stages[2].exclusions: expected true, or a plain file", err)


class Context(OperatorTest):
    def test_tokens_and_counts_are_exact_whatever_is_killed(self):
        flags = self.graph(f"- {{run: {CALLER}, params: {{pause_us: 100, drop_every: 10, throw_every: 15}}, workers: 2}}", 8000)
        self.run_under_kills(flags)
        stage = self.stage("caller")
        self.assertEqual(stage["usage"], {model: {"calls": 4000, "prompt_tokens": 40_000, "completion_tokens": 12_000, "cost": 0} for model in ("small", "large")})
        self.assertEqual(stage["counters"], {"called": 8000})
        self.assertEqual((stage["in"], stage["dead"], stage["drop_reasons"]), (8000, 534, {"refused": 533}))

    def test_a_log_has_levels_and_its_stage(self):
        self.datagen(*self.graph(f"- {{run: {CALLER}, id: mine}}", 1))
        log = self.read("run/logs/mine.0.log").decode()
        self.assertRegex(log, r"\d\d:\d\d\.\d{3} info mine: ready to call\n")
        self.assertRegex(log, r"\d\d:\d\d\.\d{3} warning mine: a warning\n")
        self.assertNotIn("not at this level", log)

    def test_a_log_that_grows_is_put_aside(self):
        talks = "head -c 300000 /dev/zero | tr '\\\\0' x >&2; sleep 0.4; exec cat"
        flags = self.graph(f'- {{exec: [sh, -c, "{talks}"], id: talks}}', 30, "log_bytes: 64KiB")
        self.datagen(*flags, "--set", "rings.frame_records=5")
        self.assertEqual(len(self.lines("out.jsonl")), 30)
        logs = {name: os.path.getsize(self.path("run/logs/" + name)) for name in os.listdir(self.path("run/logs")) if name.startswith("talks.")}
        self.assertGreaterEqual(logs["talks.0.log.1"], 300_000)
        self.assertLess(logs["talks.0.log"], 6 * 300_000)

    def test_a_call_that_is_cancelled_is_done_again_and_no_dead_letter(self):
        flags = self.graph(f"- {{run: {CALLER}, id: mine, threads: 2}}", 300)
        process = self.start(*flags, env={"DATAGEN_TEST_WAIT_ROW": "40"})
        log = os.path.join(self.run_directory, "logs", "mine.0.log")
        runs.wait_until(lambda: os.path.exists(log) and b"waiting" in self.read("run/logs/mine.0.log"), what="the call")
        ring = subprocess.run([os.path.join(runs.BIN, "datagen-ring"), "stat", self.run_directory, "--json"], capture_output=True, check=True, timeout=20)
        workers = json.loads(ring.stdout)["workers"]
        self.assertIn((1, 2), [(entry["done"], entry["total"]) for worker in workers for entry in worker["in_flight"]])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertIn("was cancelled", self.read("run/logs/mine.0.log").decode())
        self.datagen("resume", self.run_directory)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(300)))
        self.assertEqual(self.lines("run/dead_letter.jsonl"), [])
        self.assertEqual(self.stage("mine")["counters"], {"called": 300})


if __name__ == "__main__":
    runs.main()
