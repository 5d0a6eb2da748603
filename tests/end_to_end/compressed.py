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
            if name.startswith("out") and os.path.isfile(self.path(name)):
                os.unlink(self.path(name))

    def kill_often(self, flags, stage, times):
        """Kills a stage's worker again and again while the run goes on in place."""
        process = self.start(*flags, "--set", "commit_interval=20ms")
        kills = 0
        while process.poll() is None and kills < times:
            for pid, name in runs.processes_of(self.run_directory):
                if name == stage and process.poll() is None and kills < times:  # five deaths without progress would end the run
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


class Writing(CompressedTest):
    def test_what_is_written_is_what_python_writes(self):
        source = self.write("in.jsonl", self.sample * 10)
        for suffix in SUFFIXES:
            self.datagen(*self.run_flags(source, "clean_text", output="out.jsonl" + suffix))
            self.assertEqual(unpack(self.path("out.jsonl" + suffix)), reference(source))
            self.assertLess(os.path.getsize(self.path("out.jsonl" + suffix)), len(reference(source)) / 2)
            self.forget()
            self.datagen(*self.run_flags(self.write("empty.jsonl", ""), "clean_text", output="out.jsonl" + suffix))
            self.assertEqual(unpack(self.path("out.jsonl" + suffix)), b"")
            self.forget()

    def test_resume_gives_the_same_content(self):
        source = self.write("in.jsonl", self.sample * 100)
        expected = reference(source)
        for suffix in SUFFIXES:
            flags = self.run_flags(source, "clean_text", output="out.jsonl" + suffix)
            for number in (signal.SIGINT, signal.SIGKILL):
                self.stop_in_the_middle(flags, number)
                # What a crash leaves is accepted when it is cut to the commit.
                committed = self.lines("run/sink.done")[-1]["output"]["bytes"]
                self.write("cut" + suffix, self.read("out.jsonl" + suffix)[:committed])
                self.assertTrue(expected.startswith(unpack(self.path("cut" + suffix))))
                self.datagen("resume", self.run_directory)
                self.assertEqual(unpack(self.path("out.jsonl" + suffix)), expected)
                self.assert_nothing_left()
                self.forget()

    def test_a_sink_that_is_killed_goes_on_in_place(self):
        source = self.write("in.jsonl", self.sample * 100)
        for suffix in SUFFIXES:
            for rings in (("2", "16KiB"), ("64", "256KiB")):
                flags = self.run_flags(source, "clean_text", output="out.jsonl" + suffix)
                self.kill_often([*flags, "--set", "rings.slots=" + rings[0], "--set", "rings.block_bytes=" + rings[1]], "sink-jsonl", 4)
                self.assertEqual(unpack(self.path("out.jsonl" + suffix)), reference(source))
                self.assertEqual(self.report()["audit"], [])
                self.forget()

    def test_dead_letters_of_held_frames_are_written_once(self):
        source = self.write("in.jsonl", b"".join(self.sample + b'{"text":%d}\n' % number for number in range(100)))
        flags = [*self.run_flags(source, "clean_text", output="out.jsonl.zst"), "--set", "max_dead_letters=100%"]
        self.kill_often(flags, "sink-jsonl", 4)
        self.assertEqual(len(self.lines("run/dead_letter.jsonl")), 100)
        self.assertEqual(len({letter["id"] for letter in self.lines("run/dead_letter.jsonl")}), 100)
        self.assertEqual(self.report()["audit"], [])


class Parts(CompressedTest):
    def setUp(self):
        super().setUp()
        self.source = self.write("in.jsonl", self.sample * 100)
        self.expected = reference(self.source)

    def flags(self, *sets):
        flags = self.run_flags(self.source, "clean_text", output="out/")
        for setting in sets:
            flags += ["--set", "output." + setting]
        return flags

    def parts(self):
        names = sorted(os.listdir(self.path("out")))
        read = [unpack(self.path("out/" + name)) if name.endswith(SUFFIXES) else self.read("out/" + name) for name in names]
        return dict(zip(names, read))

    def test_parts_are_the_same_after_any_stop(self):
        for sets in (("split=1MB",), ("split=2MiB", "compress=zst"), ("split_records=1000",), ("split_records=5000", "compress=gz")):
            self.datagen(*self.flags(*sets))
            calm = self.parts()
            self.assertEqual(b"".join(calm.values()), self.expected)
            self.assertGreater(len(calm), 5)
            if sets[0].startswith("split_records"):
                limit = int(sets[0].split("=")[1])
                self.assertEqual({part.count(b"\n") for part in list(calm.values())[:-1]}, {limit})
            for number in (signal.SIGINT, signal.SIGKILL, None):
                shutil.rmtree(self.path("out"))
                shutil.rmtree(self.run_directory)
                if number is None:
                    self.kill_often(self.flags(*sets), "sink-jsonl", 4)
                else:
                    self.stop_in_the_middle(self.flags(*sets), number)
                    self.datagen("resume", self.run_directory)
                self.assertEqual(self.parts(), calm)
                self.assert_nothing_left()
            shutil.rmtree(self.path("out"))
            shutil.rmtree(self.run_directory)

    def test_parts_that_are_not_ours_are_refused(self):
        os.mkdir(self.path("out"))
        self.write("out/part-00009.jsonl", "precious\n")
        _, err = self.datagen(*self.flags("split=1MB"), code=2)
        self.assertIn("part-00009.jsonl exists, and this run did not make it", err)
        self.datagen(*self.flags("split=10MB"), "--overwrite")
        self.assertEqual(b"".join(self.parts().values()), self.expected)

    def test_a_folder_without_split_gets_a_hint(self):
        os.mkdir(self.path("out"))
        _, err = self.datagen(*self.flags(), code=2)
        self.assertIn("split: 1GiB", err)
        _, err = self.datagen(*self.flags("split=1GB", "split_records=5"), code=2)
        self.assertIn("give one of them", err)


if __name__ == "__main__":
    runs.main()
