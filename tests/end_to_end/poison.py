"""Records that kill the process that works on them: exactly those are given up, and the rest arrives."""

import json
import os
import random
import time

import runs
from runs import RunTest

UNRULY = os.path.join(os.path.dirname(runs.BIN), "tests", "unruly")


class Poison(RunTest):
    def source_of(self, records, marks):
        """`marks`: row -> what its record does."""
        lines = [json.dumps({"n": row, **({"do": marks[row]} if row in marks else {})}) for row in range(records)]
        return self.write("in.jsonl", "\n".join(lines) + "\n")

    def check(self, records, marks, *options, env=None):
        flags = self.run_flags(self.source_of(records, marks), UNRULY)
        self.datagen(*flags, "--set", "max_dead_letters=100%", *options, env=env)
        self.assertEqual([record["n"] for record in self.lines("out.jsonl")], [row for row in range(records) if row not in marks])
        letters = self.lines("run/dead_letter.jsonl")
        self.assertEqual([letter["id"] for letter in letters], sorted(marks))
        self.assertEqual(self.report()["audit"], [])
        self.assertEqual(self.report()["epochs"], 1, "the rest of the graph ran on all the while")
        self.assert_nothing_left()
        return letters

    @staticmethod
    def own_calls(letter):
        """Calls of the backtrace, without those of a sanitizer's runtime and of the C library that led to it."""
        return [line for line in letter["backtrace"] if "unruly" in line] if runs.sanitizers() else letter["backtrace"]

    def test_one_record_that_segfaults_is_given_up_with_all_that_is_known(self):
        letter, = self.check(5000, {1234: "segv"})
        self.assertEqual(letter["reason"], "crash")
        self.assertEqual(letter["signal"], "SIGSEGV")
        self.assertEqual(letter["stage"], "unruly")
        self.assertEqual(letter["attempts"], 3)
        self.assertEqual(letter["record"], {"n": 1234, "do": "segv"})
        self.assertEqual(letter["source"]["line"], 1235)
        self.assertIn("about to segv", letter["stderr"])
        self.assertTrue(any("obey" in line and "unruly+0x" in line for line in letter["backtrace"]), letter["backtrace"])

    def test_a_fault_tells_its_address_and_its_record(self):
        letter, = self.check(500, {77: "fault"}, "--set", "unruly.threads=3")
        self.assertIn("SIGSEGV at 0x10 in stage 'unruly', frame", letter["crash"])
        self.assertIn("record of row 77", letter["crash"])
        self.assertIn("obey", self.own_calls(letter)[0])

    def test_abort_exit_and_a_full_stack_are_deaths_too(self):
        letters = self.check(3000, {10: "abort", 20: "exit", 30: "overflow"}, "--set", "unruly.crash_attempts=2")
        self.assertEqual([letter.get("signal") for letter in letters], ["SIGABRT", None, "SIGSEGV"])
        self.assertEqual(letters[1]["exit_code"], 3)
        self.assertEqual([letter["attempts"] for letter in letters], [2, 2, 2])
        self.assertEqual([letter["stderr"] for letter in letters], [f"about to {what}\n" for what in ("abort", "exit", "overflow")])
        calls = self.own_calls(letters[2])
        self.assertIn(len(calls), (61, 62))
        self.assertTrue(all("overflow_stack" in line for line in calls), calls)

    def test_no_exit_code_of_an_operator_ends_the_run(self):
        codes = range(8)
        lines = [json.dumps({"n": row, "do": "exit", "code": row} if row in codes else {"n": row}) for row in range(100)]
        flags = self.run_flags(self.write("in.jsonl", "\n".join(lines) + "\n"), UNRULY)
        self.datagen(*flags, "--set", "max_dead_letters=100%", "--set", "unruly.crash_attempts=1")
        self.assertEqual([letter["exit_code"] for letter in self.lines("run/dead_letter.jsonl")], list(codes))
        self.assertEqual([record["n"] for record in self.lines("out.jsonl")], list(range(8, 100)))
        self.assertEqual(self.report()["epochs"], 1)

    def test_memory_is_limited_and_the_record_named(self):
        limited, _ = self.datagen("doctor")
        if runs.sanitizers() and "by control groups" not in limited:
            self.skipTest("AddressSanitizer needs terabytes of address space, which is what is limited here")
        letter, = self.check(500, {77: "memory"}, "--set", "unruly.memory_limit=1GiB")
        self.assertEqual(letter["reason"], "out_of_memory")

    def test_a_foreign_kill_is_never_a_records_fault(self):
        flags = self.run_flags(self.source_of(100, {5: "kill"}), UNRULY)
        _, err = self.datagen(*flags, code=3)
        self.assertIn("died 5 times in 60 s without progress; last: was ended by SIGKILL", err)
        self.assertFalse(os.path.exists(self.path("run/quarantine")))

    def test_a_record_that_hangs_is_ended_by_its_timeout(self):
        letter, = self.check(2000, {700: "hang"}, "--set", "unruly.timeout=300ms", "--set", "unruly.crash_attempts=1")
        self.assertEqual(letter["reason"], "timeout")

    def test_threads_and_workers_lose_no_neighbour(self):
        chance = random.Random(int(os.environ.get("SEED", 5)))
        marks = {row: chance.choice(("segv", "abort", "exit", "throw")) for row in chance.sample(range(20_000), 8)}
        self.check(20_000, marks, "--set", "unruly.workers=2", "--set", "unruly.threads=4", "--set", "unruly.crash_attempts=2")

    def test_frames_side_by_side_lose_no_neighbour(self):
        chance = random.Random(int(os.environ.get("SEED", 6)))
        for batch in ("", "1"):
            marks = {row: chance.choice(("segv", "abort", "exit", "throw")) for row in chance.sample(range(20_000), 6)}
            if batch:
                marks = {row: "segv" for row in marks}
            self.check(20_000, marks, "--fresh", "--set", "unruly.frames=4", "--set", "unruly.workers=2", "--set", "unruly.crash_attempts=2",
                       "--set", "unruly.batch_size=50", env={"DATAGEN_TEST_BATCH": "1"} if batch else None)

    def test_a_hanging_frame_does_not_hold_up_those_beside_it(self):
        letter, = self.check(3000, {700: "hang"}, "--set", "unruly.timeout=500ms", "--set", "unruly.crash_attempts=1", "--set", "unruly.frames=3")
        self.assertEqual(letter["reason"], "timeout")

    def test_on_error_fail_stops_beside_other_frames(self):
        flags = self.run_flags(self.source_of(20_000, {5: "throw"}), UNRULY)
        _, err = self.datagen(*flags, "--set", "unruly.on_error=fail", "--set", "unruly.frames=3", code=3)
        self.assertIn("record 5", err)
        self.assert_nothing_left()

    def test_a_batch_is_halved_until_the_record_is_found(self):
        self.check(3000, {17: "segv", 2900: "abort"}, "--set", "unruly.crash_attempts=2", env={"DATAGEN_TEST_BATCH": "1"})

    def test_a_hundred_of_many_are_found_and_nothing_else(self):
        records = 200_000
        marks = {row: "segv" for row in random.Random(7).sample(range(records), 100)}
        began = time.monotonic()
        self.check(records, marks)
        print(f"100 of {records} records segfault: {time.monotonic() - began:.1f} s", flush=True)

    def test_a_stage_that_dies_at_once_stops_the_run(self):
        flags = self.run_flags(self.source_of(10, {}), UNRULY)
        _, err = self.datagen(*flags, code=3, env={"DATAGEN_TEST_DIE_AT_START": "1"})
        self.assertIn("stage 'unruly': died 5 times in 60 s", err)
        self.assertIn("SIGABRT", err)
        self.assertIn("go on: datagen resume", err)
        self.assert_nothing_left()

    def test_a_crash_behind_the_end_undoes_nothing(self):
        self.check(300, {}, "--set", "unruly.workers=2", env={"DATAGEN_TEST_DIE_AT_END": "1"})
        self.assertEqual(self.report()["restarts"], 0)

    def test_on_error_fail_stops_with_the_record(self):
        flags = self.run_flags(self.source_of(100, {5: "throw"}), UNRULY)
        _, err = self.datagen(*flags, "--set", "unruly.on_error=fail", code=3)
        self.assertRegex(err, r"stopped \(exit 3, resumable\): stage 'unruly': record 5: exception: as it was told\n"
                              r"  record 5 \(\S*in.jsonl line 6\), log \S*unruly.0.log\n"
                              r"  look: datagen repro run 5 --gdb     go on: datagen resume run\n")
        _, err = self.datagen("repro", self.run_directory, "5", code=1)
        self.assertIn('"message":"as it was told"', err)
        self.datagen("resume", self.run_directory, "--set", "unruly.on_error=dead_letter")
        self.assertFalse(os.path.exists(os.path.join(self.run_directory, "stopped_by.jsonl")))


if __name__ == "__main__":
    runs.main()
