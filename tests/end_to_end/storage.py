"""Disks that fail: errors of writing, creating, renaming and syncing, full disks, writes that take less than they were given.

    python3 tests/end_to_end/storage.py BIN [--all]

The run ends with a message that names the file and the reason, and goes on when the disk is well again; or it repairs
itself from its last commit. Either way the output is that of an undisturbed run.
"""

import errno
import os
import subprocess

import disk
import faults
import runs

COMPLETE, USAGE, FAILED = 0, 2, 3

# What fails, which file, which of a process's calls, and how the run may end. Each fails in every process that comes so far.
FATAL = (
    ("write", "*/made/out.jsonl", 3, (FAILED,)),
    ("write", "*/dead_letter.jsonl", 1, (FAILED,)),
    ("write", "*/sink.journal.0", 1, (FAILED,)),
    ("write", "*/sink.journal.0", 4, (FAILED,)),
    ("write", "*/sink.done", 0, (FAILED,)),
    ("write", "*/tally.done", 1, (FAILED,)),
    ("write", "*/state/tally.*", 1, (FAILED,)),
    ("write", "*/runtime.json.new", 0, (USAGE,)),
    ("write", "*/run/lock", 0, (USAGE,)),
    ("write", "/dev/shm/datagen.*.control", 0, (FAILED,)),
    ("write", "/dev/shm/datagen.*.1", 0, (FAILED,)),
    ("create", "*/made/out.jsonl", 0, (FAILED,)),
    ("create", "*/made", 0, (FAILED,)),
    ("create", "*/logs/tally.0.log", 0, (FAILED,)),
    ("create", "*/sink.lock", 0, (FAILED,)),
    ("create", "*/sink.done", 0, (FAILED,)),
    ("create", "*/state", 0, (FAILED,)),
    ("create", "*/runs", 0, (USAGE,)),
    ("rename", "*/runtime.json", 0, (USAGE,)),
    ("rename", "*/state/tally.*[0-9]", 1, (FAILED,)),
    ("truncate", "*/made/out.jsonl", 0, (FAILED,)),
    ("truncate", "*/dead_letter.jsonl", 0, (FAILED,)),
    ("sync", "*/made/out.jsonl", 0, (FAILED,)),
    ("sync", "*/sink.done", 0, (FAILED,)),
    ("sync", "*/tally.done", 0, (FAILED,)),
    ("sync", "*/made", 0, (FAILED,)),
    ("sync", "*/runs/run", 0, (USAGE,)),
    ("sync", "*/runtime.json.new", 0, (USAGE,)),
)

# Syncs that fail once; the data is lost, however often one asks again.
SYNCS = (
    ("*/made/out.jsonl", 1),
    ("*/made/out.jsonl", 2),
    ("*/dead_letter.jsonl", 1),
    ("*/dead_letter.jsonl", 3),
    ("*/sink.done", 1),
    ("*/sink.done", 2),
    ("*/tally.done", 1),
    ("*/tally.done", 2),
    ("*/state/tally.*", 2),
    ("*/state", 1),
    ("*/made", 1),
)


class Storage(faults.FaultTest):
    def setUp(self):
        super().setUp()
        self.expected = self.undisturbed()

    def resume(self, context):
        code, said = self.place.go_on()
        self.assertEqual(code, 0, f"{context}: {said}")
        self.check(self.expected, context)
        self.place.clean()

    def test_a_write_that_fails_ends_the_run_with_its_file_and_reason(self):
        for number, (op, pattern, nth, codes) in enumerate(self.some(FATAL, 7)):
            error = errno.ENOSPC if op == "write" and number % 2 == 0 else errno.EIO
            code, said = self.place.go(*self.place.command(), rules=faults.rule(op, pattern, error, nth))
            context = f"{op} {pattern} {nth}: {os.strerror(error)}: exit {code}: {said}"
            self.assertIn(code, codes, context)
            if "control" not in pattern and "shm" not in pattern:
                self.assertIn(os.strerror(error), said, context)
            self.assertIn(os.path.basename(pattern).strip("*").replace(".new", "").split("*")[0], said, context)
            self.assertEqual(runs.segments(self.place.run_id()), [], context)
            self.resume(context)

    def test_a_sync_that_fails_once_is_never_believed(self):
        once = self.path("once")
        for pattern, nth in self.some(SYNCS, 3):
            open(once, "w").close()
            notes = disk.Disk(self.place.root, self.path("notes"))
            code, said = self.place.go(*self.place.command(), disk=notes.notes, forget=1,
                                       rules=faults.rule("sync", pattern, errno.EIO, nth, once))
            context = f"sync {pattern} {nth}: exit {code}: {said}"
            self.assertFalse(os.path.exists(once), "it was never synced: " + context)
            self.assertIn("Input/output error", said, context)
            self.assertIn(code, (COMPLETE, FAILED), context)
            if code == COMPLETE:
                self.assertIn("starting the graph again from its last commit", said, context)
                self.check(self.expected, context)
            self.resume(context)

    def test_a_report_that_cannot_be_written_does_not_undo_the_run(self):
        code, said = self.place.go(*self.place.command(), rules=faults.rule("write", "*/report.json.new", errno.ENOSPC))
        self.assertEqual(code, COMPLETE, said)
        self.assertIn("report.json: No space left on device", said)
        self.resume("no report")

    def test_writes_may_take_less_than_they_were_given(self):
        code, said = self.place.go(*self.place.command(), short=7)
        self.assertEqual(code, COMPLETE, said)
        self.check(self.expected, said)

    def test_a_large_frame_goes_to_disk_when_memory_is_full_and_is_gone_when_the_run_ends(self):
        full = faults.rule("write", "/dev/shm/*.o[0-9]*", errno.ENOSPC)
        code, said = self.place.go(*self.place.command(), rules=full)
        self.assertEqual(code, COMPLETE, said)
        self.check(self.expected, said)
        self.place.clean()
        # Everything dies while it is there: a new epoch asks for other names.
        self.place.arm()
        death = faults.rule("write", "*/overflow/*", 0, 2, self.place.token)
        code, said = self.place.go(*self.place.command(), rules=full + ";" + death, cut=1)
        self.assertEqual(code, -9, said)
        self.assertTrue(os.listdir(os.path.join(self.place.run_directory, "overflow")), "no frame was left behind")
        self.resume("overflow left behind")
        code, said = self.place.go(*self.place.command(), rules=full + ";" + faults.rule("write", "*/overflow/*", errno.ENOSPC))
        self.assertEqual(code, FAILED, said)
        self.assertIn("No space left on device", said)
        self.resume("no room for a large frame")

    def test_a_damaged_commit_line_counts_the_one_before_in_each_committers_log(self):
        """Also when the stateful stage has removed that one's state: then the run begins anew, and never gets stuck."""
        def flip(text, at):
            return text[:at] + bytes([text[at] ^ 1]) + text[at + 1:]

        damages = {
            "flipped": lambda text: flip(text, len(text) - 40),
            "flipped, and the one before": lambda text: flip(text, text.rindex(b"\n", 0, -1) - 40),
            "torn": lambda text: text[:-7],
            "of zeros": lambda text: text[: text.rindex(b"\n", 0, -1) + 1] + bytes(300),
            "gone": lambda text: b"",
        }
        for log in ("sink.done", "tally.done"):
            for name, damage in self.some(sorted(damages.items()), 2):
                once = self.path("once")
                open(once, "w").close()
                death = faults.rule("sync", "*/sink.done", 0, 4, once)
                code, said = self.place.go(*self.place.command(), rules=death, cut=1, pause_us=5000)
                self.assertEqual(code, -9, said)
                path = os.path.join(self.place.run_directory, log)
                with open(path, "rb") as file:
                    text = file.read()
                self.assertGreater(text.count(b"\n"), 2)
                with open(path, "wb") as file:
                    file.write(damage(text))
                self.resume(f"{log}: the last line is {name}")

    def test_a_small_disk_may_fill_anywhere(self):
        """The run directory on a file system of each size; the sizes are those at which a run uses it up."""
        folder = os.path.dirname(self.place.run_directory)
        pages_enough = None
        for pages in range(2 if faults.ALL else self.chance.randint(2, 7), 40, 1 if faults.ALL else 6):
            os.makedirs(folder, exist_ok=True)
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={4 * pages}K", "tmpfs", folder], capture_output=True)
            if mounted.returncode != 0:
                print("skipped, no right to mount:", mounted.stderr.decode().strip(), flush=True)
                return
            try:
                code, said = self.place.go(*self.place.command())
                context = f"{pages} pages: exit {code}: {said}"
                if code != COMPLETE:
                    self.assertIn(code, (USAGE, FAILED), context)
                    self.assertIn("No space left on device", said, context)
                    subprocess.run(["mount", "-o", "remount,size=4M", folder], check=True)
                    code, more = self.place.go_on()
                    self.assertEqual(code, COMPLETE, context + more)
                elif "No space left on device" in said:  # all is well but for the report
                    self.assertRegex(said, r"report\.(json|html): No space", context)
                    subprocess.run(["mount", "-o", "remount,size=4M", folder], check=True)
                    code, more = self.place.go_on()
                    self.assertEqual(code, COMPLETE, context + more)
                else:
                    pages_enough = pages_enough or pages
                self.check(self.expected, context)
            finally:
                subprocess.run(["umount", "-l", folder], check=True)
            self.place.clean()
            if pages_enough and pages >= pages_enough + (2 if faults.ALL else 0):
                break
        self.assertIsNotNone(pages_enough)
        print(f"a run directory fills up to {pages_enough} pages: identical at each size below", flush=True)


if __name__ == "__main__":
    runs.main()
