"""A pipe that is spooled: gone on with after any death, from the file or from a pipe that gives the same again."""

import json
import os
import signal
import subprocess
import threading

import runs
from runs import RunTest


class Spool(RunTest):
    def setUp(self):
        super().setUp()
        self.spool = self.path("in.spool")
        chance = self.seeded()
        self.data = b"".join(json.dumps({"n": row, "text": "x" * chance.randrange(200)}).encode() + b"\n" for row in range(40_000))
        self.chance = chance

    def launch(self, *command):
        process = subprocess.Popen([os.path.join(runs.BIN, "datagen"), *command], cwd=self.folder, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def run_command(self):
        return ("run", "--input", "stdin://", "--set", "input.spool=" + self.spool, "--set", "commit_interval=20ms", "--stage", "pass",
                "--output", self.path("out.jsonl"), "--run-dir", self.run_directory, "--overwrite")

    def feed(self, process, data, end=True):
        """Beside the test, since a pipe whose reader is slow takes no more; a reader that is gone needs none."""
        def write():
            try:
                process.stdin.write(data)
                process.stdin.flush()
                if end:
                    process.stdin.close()
            except (BrokenPipeError, ValueError):
                pass
        thread = threading.Thread(target=write)
        thread.start()
        return thread

    def finish(self, process, feeder=None, code=0):
        if feeder:
            feeder.join(timeout=60)
        err = process.stderr.read().decode()
        self.assertEqual(process.wait(timeout=60), code, err)
        if process.stdin:
            try:
                process.stdin.close()
            except BrokenPipeError:
                pass
        return err

    def check(self):
        expected = [json.loads(line) for line in self.data.splitlines()]
        self.assertEqual([{key: value for key, value in record.items() if key != "_i"} for record in self.lines("out.jsonl")], expected)
        self.assertEqual([record["_i"] for record in self.lines("out.jsonl")], list(range(len(expected))))
        self.assertEqual(self.read("in.spool"), self.data)
        self.assert_nothing_left()

    def stop_half_way(self, number=signal.SIGKILL):
        """The pipe is still open when the launcher ends; half of it, and half a line, is in the spool."""
        done = os.path.join(self.run_directory, "sink.done")
        process = self.launch(*self.run_command())
        half = len(self.data) // 2 + 7
        feeder = self.feed(process, self.data[:half], end=False)
        runs.wait_until(lambda: os.path.exists(self.spool) and os.path.getsize(self.spool) == half, what="the spool")
        runs.wait_until(lambda: os.path.exists(done) and os.path.getsize(done) > 0, what="a commit")
        process.send_signal(number)
        process.wait(timeout=20)
        feeder.join(timeout=20)
        process.stdin.close()
        runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")

    def test_any_worker_may_die_while_the_pipe_goes_on(self):
        process = self.launch(*self.run_command())
        step = len(self.data) // 12
        kills = 0
        for begin in range(0, len(self.data), step):
            process.stdin.write(self.data[begin:begin + step])
            process.stdin.flush()
            victims = [pid for pid, name in runs.processes_of(self.run_directory) if name == "source-stdin" or self.chance.random() < 0.3]
            for pid in victims[:1]:
                os.kill(pid, signal.SIGKILL)
                kills += 1
                # Its successor has begun: deaths without progress would end the run.
                runs.wait_until(lambda: os.path.exists(self.spool) and os.path.getsize(self.spool) >= begin + step
                                or begin + step > len(self.data), what="the rest of the spool")
        process.stdin.close()
        self.finish(process)
        self.check()
        self.assertGreater(kills, 3)

    def test_what_was_spooled_whole_needs_no_pipe(self):
        process = self.launch(*self.run_command())
        feeder = self.feed(process, self.data)
        runs.wait_until(lambda: os.path.exists(self.spool + ".from") and self.read("in.spool.from").endswith(b"\nend\n")
                        or process.poll() is not None, what="the end of the pipe")
        process.kill()
        process.wait(timeout=20)
        feeder.join(timeout=20)
        self.datagen("resume", self.run_directory)
        self.check()

    def test_the_rest_comes_from_a_pipe_that_gives_all_of_it_again(self):
        for number in (signal.SIGKILL, signal.SIGINT):
            self.stop_half_way(number)
            # None at all.
            _, err = self.datagen("resume", self.run_directory, code=3)
            self.assertIn("the pipe had not ended when the run was stopped", err)
            # Another one.
            process = self.launch("resume", self.run_directory)
            self.assertIn("differs from the spool " + self.spool + " at byte 5.", self.finish(process, self.feed(process, b'{"n":0,"other":1}\n' * 9), code=3))
            # One that is too short.
            process = self.launch("resume", self.run_directory)
            self.assertIn("at byte 1000.", self.finish(process, self.feed(process, self.data[:1000]), code=3))
            # Killed while it repeats.
            process = self.launch("resume", self.run_directory)
            feeder = self.feed(process, self.data[:200_000], end=False)
            runs.wait_until(lambda: os.path.getsize(self.spool + ".again") == 200_000, what="the repetition")
            process.kill()
            process.wait(timeout=20)
            feeder.join(timeout=20)
            process.stdin.close()
            # By the same command as the first time.
            process = self.launch(*self.run_command())
            self.finish(process, self.feed(process, self.data))
            self.check()
            self.assertEqual(sorted(name for name in os.listdir(self.folder) if name.startswith("in.spool")), ["in.spool", "in.spool.from"])
            for name in ("in.spool", "in.spool.from"):
                os.unlink(self.path(name))
            self.run_directory += "2"

    def test_the_spool_of_another_run_is_left_alone(self):
        self.stop_half_way()
        spooled = self.read("in.spool")
        self.run_directory = self.path("other")
        process = self.launch(*self.run_command())
        self.assertIn("holds what another run has read", self.finish(process, self.feed(process, self.data), code=3))
        self.assertEqual(self.read("in.spool"), spooled)

    def test_a_spool_that_was_cut_is_refused(self):
        self.stop_half_way()
        os.truncate(self.spool, 10)
        _, err = self.datagen("resume", self.run_directory, code=3)
        self.assertIn("in.spool has fewer than the", err)


if __name__ == "__main__":
    runs.main()
