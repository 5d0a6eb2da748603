"""The night job: stop, change what may change, go on; and what must be refused."""

import json
import os
import shutil
import signal

import runs
from runs import SAMPLE, RunTest, reference

TALLY = os.path.join(os.path.dirname(runs.BIN), "tests", "tally")


class Resume(RunTest):
    def setUp(self):
        super().setUp()
        with open(SAMPLE, "rb") as file:
            self.source = self.write("large.jsonl", file.read() * 150)

    def stop(self, number=signal.SIGINT):
        self.stop_in_the_middle(self.run_flags(self.source, "clean_text"), number)

    def commits(self):
        return self.lines("run/sink.done")

    def test_resume_goes_on_and_gives_the_same_bytes(self):
        for number in (signal.SIGINT, signal.SIGKILL):
            self.stop(number)
            before = self.commits()[-1]
            self.assertFalse(before["sealed"])
            _, err = self.datagen("resume", self.run_directory)
            self.assertIn("complete in", err)
            self.assertEqual(self.read("out.jsonl"), reference(self.source))
            self.assertGreater(self.commits()[-1]["generation"], before["generation"])
            self.assert_nothing_left()
            shutil.rmtree(self.run_directory)
            os.unlink(self.path("out.jsonl"))

    def test_the_same_run_again_goes_on_and_then_is_complete(self):
        self.stop()
        self.datagen(*self.run_flags(self.source, "clean_text"))
        self.assertEqual(self.read("out.jsonl"), reference(self.source))
        _, err = self.datagen(*self.run_flags(self.source, "clean_text"))
        self.assertIn("already complete", err)
        _, err = self.datagen("resume", self.run_directory)
        self.assertIn("already complete", err)
        # A launcher that died behind the seal has told nobody.
        os.unlink(self.path("run/report.json"))
        _, err = self.datagen("resume", self.run_directory)
        self.assertIn("complete in", err)
        self.assertEqual(self.report()["written"], self.report()["read"])

    def test_running_keys_may_change_and_meaning_may_not(self):
        self.stop()
        _, err = self.datagen("resume", self.run_directory, "--set", "clean_text.field=body", code=2)
        self.assertIn("a parameter changes what the stage writes", err)
        _, err = self.datagen("resume", self.run_directory, "--set", "clean_tex.workers=2", code=2)
        self.assertIn("did you mean 'clean_text'?", err)
        _, err = self.datagen(*self.run_flags(self.source, "clean_text"), "--set", "clean_text.field=body", code=2)
        self.assertIn('clean_text.field: was "text", is now "body"', err)
        self.datagen("resume", self.run_directory, "--set", "clean_text.workers=3")
        self.assertEqual(self.read("out.jsonl"), reference(self.source))

    def test_rings_fit_the_workers_of_the_resume_unless_they_were_set(self):
        def slots():
            with open(self.path("run/runtime.json")) as file:
                return {edge["slots"] for edge in json.load(file)["edges"]}

        for sets, before, after in (((), 16, 64), (("--set", "rings.slots=8"), 8, 8)):
            self.stop_in_the_middle((*self.run_flags(self.source, "clean_text"), *sets), signal.SIGINT)
            self.assertEqual(slots(), {before})
            self.datagen("resume", self.run_directory, "--set", "clean_text.workers=9")
            self.assertEqual(slots(), {after})
            self.assertEqual(self.read("out.jsonl"), reference(self.source))
            shutil.rmtree(self.run_directory)
            os.unlink(self.path("out.jsonl"))

    def test_an_output_that_was_changed_is_refused(self):
        self.stop()
        committed = self.commits()[-1]["output"]["bytes"]
        with open(self.path("out.jsonl"), "r+b") as file:
            file.seek(committed - 10)
            file.write(b"!")
        _, err = self.datagen("resume", self.run_directory, code=2)
        self.assertIn("was changed since the run stopped", err)
        os.truncate(self.path("out.jsonl"), committed - 1)
        _, err = self.datagen("resume", self.run_directory, code=2)
        self.assertIn("was changed since the run stopped", err)

    def test_an_input_that_shrank_is_refused(self):
        self.stop()
        os.truncate(self.source, 1000)
        _, err = self.datagen("resume", self.run_directory, code=2)
        self.assertIn("it had", err)

    def test_an_input_that_grows_is_read_up_to_its_frozen_size(self):
        self.stop()
        expected = reference(self.source)
        with open(self.source, "ab") as file:
            file.write(b'{"text":"too late"}\n')
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.read("out.jsonl"), expected)
        _, err = self.datagen(*self.run_flags(self.source, "clean_text"), code=2)
        self.assertIn("its input has changed since", err)
        self.datagen(*self.run_flags(self.source, "clean_text"), "--fresh")
        self.assertEqual(self.read("out.jsonl"), reference(self.source))
        self.assertTrue(os.path.exists(self.run_directory + ".1"))

    def test_an_input_whose_read_part_has_changed_is_refused(self):
        self.stop()
        expected = reference(self.source)
        data = self.read(self.source)
        self.write(self.source, data.replace(b'"text"', b'"TEXT"', 1))
        _, err = self.datagen("resume", self.run_directory, code=3)
        self.assertIn("large.jsonl is not the one that the run has read: its bytes from 0 to 4096 have changed", err)
        self.write(self.source, data)  # touched, and the same
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.read("out.jsonl"), expected)

    def test_a_fresh_run_that_was_killed_before_its_plan_goes_on(self):
        flags = self.run_flags(self.source, "clean_text")
        self.datagen(*flags)
        expected = self.read("out.jsonl")
        for again in ((), ("--fresh",)):
            # As such a launcher leaves it: the old run is set aside, the new one is empty.
            self.write("run/being_replaced", "")
            aside = self.run_directory + ".%d" % (1 + len([name for name in os.listdir(self.folder) if name.startswith("run.")]))
            os.rename(self.run_directory, aside)
            os.makedirs(self.path("run/logs"))
            self.write("run/lock", "1\n")
            self.datagen(*flags, *again)
            self.assertEqual(self.read("out.jsonl"), expected)
            self.assertFalse(os.path.exists(aside + "/being_replaced"))
        # Only that: an output of a run that was set aside before is another's.
        shutil.rmtree(self.run_directory)
        _, err = self.datagen(*flags, code=2)
        self.assertIn("this run did not make it", err)

    def test_a_damaged_saved_state_counts_the_one_before(self):
        flags = self.run_flags(self.source, "clean_text", TALLY)
        self.datagen(*flags)
        expected = self.read("out.jsonl")
        for damage in ("flip", "cut", "all"):
            shutil.rmtree(self.run_directory)
            os.unlink(self.path("out.jsonl"))
            self.stop_in_the_middle(flags)
            states = sorted((name for name in os.listdir(self.path("run/state"))), key=lambda name: int(name.split(".")[1]))
            # With all of them gone it begins anew, which costs time, not records.
            for name in states if damage == "all" else states[-1:]:
                path = self.path("run/state/" + name)
                data = bytearray(self.read(path))
                data[0] ^= 1
                self.write(path, bytes(data[:-1] if damage == "cut" else data))
            _, err = self.datagen("resume", self.run_directory)
            self.assertEqual(self.read("out.jsonl"), expected, damage)
            self.assertEqual(self.report()["audit"], [])
            self.assert_nothing_left()

    def test_an_output_that_is_not_ours_is_refused(self):
        self.write("out.jsonl", "precious\n")
        _, err = self.datagen(*self.run_flags(self.source, "clean_text"), code=2)
        self.assertIn("this run did not make it", err)
        self.assertEqual(self.read("out.jsonl"), b"precious\n")
        self.datagen(*self.run_flags(self.source, "clean_text"), "--overwrite")
        self.assertEqual(self.read("out.jsonl"), reference(self.source))

    def test_a_torn_or_damaged_commit_counts_the_one_before(self):
        self.stop()
        whole = self.read("run/sink.done")
        expected = reference(self.source)
        saved = [(name, self.read(name)) for name in ("out.jsonl", "run/runtime.json", "run/dead_letter.jsonl")]
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 4
        for damaged in (whole[:-1], whole + whole[: len(whole) // 2], bytes(flipped), b"\0" * len(whole), b""):
            for name, data in saved:
                self.write(name, data)
            self.write("run/sink.done", damaged)
            self.datagen("resume", self.run_directory)
            self.assertEqual(self.read("out.jsonl"), expected)

    def test_an_executable_that_was_built_anew_is_used_and_named(self):
        own = shutil.copy(os.path.join(runs.BIN, "clean_text"), self.path("own"))
        self.stop_in_the_middle(self.run_flags(self.source, own))
        with open(own, "ab") as file:
            file.write(b"another build")
        _, err = self.datagen("resume", self.run_directory, "--same-binary", code=2)
        self.assertIn("stage 'own' was rebuilt since this run began", err)
        frame = self.lines("run/sink.done")[-1]["seq"]
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.report()["rebuilt"], [{"stage": "own", "executable": own, "frame": frame}])
        out, _ = self.datagen("report", self.run_directory)
        self.assertIn(f"stage 'own' was built anew: from frame {frame:,} on", out)
        self.assertEqual(self.read("out.jsonl"), reference(self.source))

    def test_stop_ends_a_run_and_status_tells(self):
        process = self.start(*self.run_flags(self.source, "clean_text"))
        runs.wait_until(lambda: os.path.exists(self.path("out.jsonl")), what="the output")
        out, _ = self.datagen("status", self.run_directory, "--json")
        self.assertEqual(json.loads(out)["runs"][0]["state"], "running")
        self.datagen("stop", self.run_directory)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        out, _ = self.datagen("status", self.run_directory, "--json")
        self.assertEqual(json.loads(out)["runs"][0]["state"], "stopped")
        _, err = self.datagen("stop", self.run_directory, code=2)
        self.assertIn("is not running", err)

    def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(self):
        small = self.path("small")
        os.mkdir(small)
        if os.system(f"mount -t tmpfs -o size=20M tmpfs {small} 2>/dev/null") != 0:
            print("no right to mount a small file system here: writing to /dev/full instead", flush=True)
            _, err = self.datagen("run", "--input", self.source, "--stage", "clean_text", "--output", "jsonl:///dev/full", "--run-dir",
                                  self.run_directory, code=3)
            self.assertIn("No space left on device", err)
            return
        try:
            _, err = self.datagen(*self.run_flags(self.source, "clean_text", output="small/out.jsonl"), code=3)
            self.assertIn("No space left on device", err)
            self.assertIn("small/out.jsonl", err)
            os.system(f"mount -o remount,size=300M {small}")
            self.datagen("resume", self.run_directory)
            self.assertEqual(self.read("small/out.jsonl"), reference(self.source))
        finally:
            os.system(f"umount {small}")

    def test_trace_and_repro_find_a_record(self):
        source = self.write("in.jsonl", '{"text":"a"}\n{"txt":"b"}\n')
        self.datagen(*self.run_flags(source, "clean_text"), "--set", "max_dead_letters=100%")
        out, _ = self.datagen("dead-letters", self.run_directory)
        self.assertIn("1  clean_text  missing_field", out)
        out, _ = self.datagen("trace", self.run_directory, "1")
        self.assertEqual(out, f'{source}:2\n{{"txt":"b"}}\n')
        _, err = self.datagen("repro", self.run_directory, "1", code=1)
        self.assertIn("missing_field", err)


if __name__ == "__main__":
    runs.main()
