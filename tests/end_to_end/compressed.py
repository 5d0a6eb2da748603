"""Inputs and outputs as .gz and .zst: what gzip and zstd make is read, and they accept what is written, after any crash."""

import gzip
import os
import shutil
import signal
import subprocess

import runs
from runs import SAMPLE, RunTest, reference

SUFFIXES = (".gz", ".zst")


def pack(suffix, data):
    if suffix == ".gz":
        return gzip.compress(data, 6)
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def unpack(path):
    """By the programs that people use; they fail for a file that is not whole."""
    program = "gzip" if path.endswith(".gz") else "zstd"
    subprocess.run([program, "-q", "-t", path], check=True)
    return subprocess.run([program, "-q", "-d", "-c", path], stdout=subprocess.PIPE, check=True).stdout


class CompressedTest(RunTest):
    def setUp(self):
        super().setUp()
        with open(SAMPLE, "rb") as file:
            self.sample = file.read()

    def forget(self):
        shutil.rmtree(self.run_directory, ignore_errors=True)
        for name in os.listdir(self.folder):
            if name.startswith("out"):
                os.unlink(self.path(name))

    def stop_in_the_middle(self, flags, number):
        process = self.start(*flags, "--set", "commit_interval=10ms")
        done = os.path.join(self.run_directory, "sink.done")
        runs.wait_until(lambda: process.poll() is not None or (os.path.exists(done) and os.path.getsize(done) > 0), what="the first commit")
        self.assertIsNone(process.poll(), "the run was over before it committed")
        process.send_signal(number)
        process.communicate(timeout=20)
        runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        self.assertFalse(self.lines("run/sink.done")[-1]["sealed"])

    def kill_often(self, flags, stage, times):
        """Kills a stage's worker again and again while the run goes on in place."""
        process = self.start(*flags, "--set", "commit_interval=20ms")
        kills = 0
        while process.poll() is None and kills < times:
            for pid, name in runs.processes_of(self.run_directory):
                if name == stage and process.poll() is None:
                    try:
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                    except ProcessLookupError:
                        pass
                    runs.wait_until(lambda pid=pid: process.poll() is not None or any(p != pid and n == stage for p, n in runs.processes_of(self.run_directory)),
                                    what="a successor")
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, err.decode())
        self.assertGreater(kills, 0)


class Reading(CompressedTest):
    def test_a_file_of_one_and_of_many_members_is_read(self):
        plain = self.write("plain.jsonl", self.sample * 3)
        expected = reference(plain)
        lines = (self.sample * 3).splitlines(keepends=True)
        for suffix in SUFFIXES:
            many = b"".join(pack(suffix, b"".join(lines[at:at + 100])) for at in range(0, len(lines), 100))
            for data in (pack(suffix, self.sample * 3), many, pack(suffix, b"") + many):
                self.datagen(*self.run_flags(self.write("in.jsonl" + suffix, data), "clean_text"))
                self.assertEqual(self.read("out.jsonl"), expected)
                self.assert_nothing_left()
                self.forget()

    def test_resume_in_the_middle_gives_the_same_bytes(self):
        expected = reference(self.write("plain.jsonl", self.sample * 100))
        for suffix in SUFFIXES:
            for data in (pack(suffix, self.sample * 100), pack(suffix, self.sample * 10) * 10):
                source = self.write("in.jsonl" + suffix, data)
                for number in (signal.SIGINT, signal.SIGKILL):
                    self.stop_in_the_middle(self.run_flags(source, "clean_text"), number)
                    self.datagen("resume", self.run_directory)
                    self.assertEqual(self.read("out.jsonl"), expected)
                    self.assert_nothing_left()
                    self.forget()

    def test_a_source_that_is_killed_goes_on_in_place(self):
        expected = reference(self.write("plain.jsonl", self.sample * 100))
        for suffix in SUFFIXES:
            source = self.write("in.jsonl" + suffix, pack(suffix, self.sample * 10) * 10)
            self.kill_often(self.run_flags(source, "clean_text"), "source-jsonl", 3)
            self.assertEqual(self.read("out.jsonl"), expected)
            self.forget()

    def test_a_damaged_file_stops_the_run_behind_what_is_whole(self):
        expected = reference(self.write("plain.jsonl", self.sample * 20))
        for suffix, name in ((".gz", "gzip member"), (".zst", "zstd frame")):
            unit = pack(suffix, self.sample * 10)
            for damaged, why in ((unit + unit[:-1000], "it ends there, within the " + name), (unit + b"\0\0junk" + unit, "is damaged at byte")):
                source = self.write("in.jsonl" + suffix, damaged)
                _, err = self.datagen(*self.run_flags(source, "clean_text"), code=3)
                self.assertIn(why, err)
                self.assertIn(source, err)
                self.assertIn("then resume", err)
                written = self.read("out.jsonl")
                self.assertTrue(expected.startswith(written))
                self.assertGreaterEqual(written.count(b"\n"), self.sample.count(b"\n") * 10)
                self.assertEqual(self.lines("run/sink.done")[-1]["output"]["bytes"], len(written))
                # The same again, until somebody repairs it.
                _, err = self.datagen("resume", self.run_directory, code=3)
                self.assertIn(why, err)
                self.write("in.jsonl" + suffix, (unit + unit).ljust(len(damaged), b"\0"))
                self.datagen("resume", self.run_directory)
                self.assertEqual(self.read("out.jsonl"), expected)
                self.forget()

    def test_a_file_that_is_not_what_its_name_says_is_named(self):
        for suffix in SUFFIXES:
            source = self.write("in.jsonl" + suffix, self.sample)
            _, err = self.datagen(*self.run_flags(source, "clean_text"), code=3)
            self.assertIn(source + " is damaged at byte", err)
            self.assertIn("that begins at byte 0", err)
            self.forget()


if __name__ == "__main__":
    runs.main()
