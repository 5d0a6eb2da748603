"""Dead letters that enter a complete run again: what gets through is appended once, and the books move it from dead to out."""

import json
import os
import signal

import runs
from runs import RunTest

UNRULY = os.path.join(os.path.dirname(runs.BIN), "tests", "unruly")
CALM = {"DATAGEN_TEST_CALM": "1"}


class Replay(RunTest):
    def run_with(self, marks, records=1000, *stages):
        lines = [json.dumps({"n": row, "text": f"t {row}", **({"do": marks[row]} if row in marks else {})}) for row in range(records)]
        flags = self.run_flags(self.write("in.jsonl", "\n".join(lines) + "\n"), *(stages or (UNRULY,)))
        self.datagen(*flags, "--set", "max_dead_letters=100%", "--set", "unruly.crash_attempts=1")
        self.before = self.read("out.jsonl")

    def replay(self, *options, code=0, env=CALM):
        return self.datagen("replay", self.run_directory, *options, code=code, env=env)

    def letters(self):
        out, _ = self.datagen("dead-letters", self.run_directory, "--json")
        return [json.loads(line) for line in out.splitlines()]

    def check_books(self, read, written, dead):
        report = self.report()
        self.assertEqual((report["audit"], report["read"], report["written"], report["dead"]), ([], read, written, dead))
        self.assertFalse(os.path.exists(self.path("run/replay.jsonl")))
        self.assertFalse(os.path.exists(self.path("run/before_replay.json")))
        self.assert_nothing_left()

    def test_what_gets_through_is_appended_once(self):
        self.run_with({5: "throw", 900: "segv", 901: "abort"})
        self.check_books(1000, 997, 3)
        _, err = self.replay()
        self.assertIn("replayed 3 dead letters of stage 'unruly': 3 are through, 0 are dead again", err)
        after = self.read("out.jsonl")
        self.assertTrue(after.startswith(self.before))
        self.assertEqual([json.loads(line)["_i"] for line in after[len(self.before):].splitlines()], [5, 900, 901])
        self.check_books(1000, 1000, 0)
        self.assertEqual([letter["replayed"] for letter in self.letters()], ["ok"] * 3)
        _, err = self.replay()
        self.assertIn("no dead letter to replay", err)
        self.assertEqual(self.read("out.jsonl"), after)

    def test_what_dies_again_is_a_letter_anew(self):
        self.run_with({5: "throw", 6: "segv"})
        self.replay("--reason", "crash", env={})
        self.check_books(1000, 998, 2)
        self.assertEqual([(letter["id"], letter.get("replayed")) for letter in self.letters()], [(5, None), (6, "dead"), (6, None)])
        self.replay()
        self.check_books(1000, 1000, 0)
        self.assertEqual([(letter["id"], letter["replayed"]) for letter in self.letters()], [(5, "ok"), (6, "dead"), (6, "ok")])

    def test_a_dry_run_lists_and_does_nothing(self):
        self.run_with({5: "throw", 6: "throw"})
        out, _ = self.replay("--dry-run", "--id", "6")
        self.assertEqual(out, "6  unruly  exception: as it was told\n")
        self.check_books(1000, 998, 2)

    def test_children_enter_where_they_failed_and_go_on_from_there(self):
        self.run_with({5: "throw"}, 200, "split_text", UNRULY, "clean_text")
        ids = [letter["id"] for letter in self.letters()]
        self.assertTrue(ids and all(id.startswith("5_") for id in ids), ids)
        self.replay()
        after = self.read("out.jsonl")[len(self.before):]
        self.assertEqual([json.loads(line)["_i"] for line in after.splitlines()], ids)
        self.assertTrue(all(set(json.loads(line)) == {"text", "len", "_i"} for line in after.splitlines()), "they went through clean_text")
        self.check_books(200, len(self.before.splitlines()) + len(ids), 0)

    def test_from_the_source_they_are_read_again_and_pass_all_stages(self):
        self.run_with({5: "throw", 700: "segv"}, 1000, "pass", UNRULY)
        self.replay("--from", "source")
        after = self.read("out.jsonl")[len(self.before):]
        self.assertEqual([json.loads(line)["_i"] for line in after.splitlines()], [5, 700])
        self.check_books(1000, 1000, 0)
        stages = {stage["id"]: stage for stage in self.report()["stages"]}
        self.assertEqual((stages["pass"]["in"], stages["pass"]["out"], stages["unruly"]["in"]), (1000, 1000, 1000))

    def test_a_child_is_not_read_again(self):
        self.run_with({5: "throw"}, 200, "split_text", UNRULY)
        _, err = self.replay("--from", "source", code=2)
        self.assertIn("other children are written already", err)
        self.assertEqual(self.read("out.jsonl"), self.before)

    def test_a_killed_replay_is_gone_on_with(self):
        records = 40_000
        self.run_with({row: "throw" for row in range(records)}, records)
        self.assertEqual(self.before, b"")
        process = self.start("replay", self.run_directory, env=CALM)
        # In the middle: something is written, and not all.
        runs.wait_until(lambda: process.poll() is not None or os.path.getsize(self.path("out.jsonl")) > 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
        runs.wait_until(lambda: not runs.processes_of(self.run_directory))
        self.assertTrue(os.path.exists(self.path("run/before_replay.json")), "it was over before it was killed")
        flags = self.run_flags(self.path("in.jsonl"), UNRULY)
        _, err = self.datagen(*flags, "--set", "max_dead_letters=100%", code=2)
        self.assertIn("are being replayed; first: datagen resume", err)
        _, err = self.datagen("resume", self.run_directory, env=CALM)
        self.assertIn(f"replayed {records} dead letters of stage 'unruly': {records} are through", err)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(records)))
        self.check_books(records, records, 0)

    def test_an_unfinished_run_is_finished_first(self):
        flags = self.run_flags(self.write("in.jsonl", '{"n": 1, "do": "throw"}\n' * 10), UNRULY)
        self.datagen(*flags, "--set", "unruly.on_error=fail", code=3)
        _, err = self.replay(code=2)
        self.assertIn("is not complete; first: datagen resume", err)

    def test_lines_that_no_stage_could_read_stay(self):
        flags = self.run_flags(self.write("in.jsonl", b'{"text": "a"}\n{"text": \n'), "clean_text")
        self.datagen(*flags, "--set", "max_dead_letters=100%")
        self.replay()
        self.check_books(2, 1, 1)


if __name__ == "__main__":
    runs.main()
