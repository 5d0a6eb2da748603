"""stdin:// and stdout://: at once, whole, and refused where they cannot be gone on with."""

import json
import os
import signal
import subprocess

import runs
from runs import SAMPLE, RunTest, reference


class StandardStreams(RunTest):
    def launch(self, *arguments, stdin=subprocess.PIPE):
        process = subprocess.Popen([os.path.join(runs.BIN, "datagen"), "run", *arguments, "--run-dir", self.run_directory], cwd=self.folder,
                                   stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def test_a_pipe_through_a_graph_gives_what_a_file_gives(self):
        with open(SAMPLE, "rb") as file:
            data = file.read() * 20
        source = self.write("in.jsonl", data)
        process = self.launch("--input", "-", "--stage", "clean_text", "--output", "-")
        out, err = process.communicate(data, timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(out, reference(source))
        self.assert_nothing_left()

    def test_a_record_is_passed_on_while_the_pipe_stays_open(self):
        process = self.launch("--input", "stdin://", "--stage", "clean_text", "--output", "stdout://", "--quiet")
        for row in range(3):
            process.stdin.write(json.dumps({"text": f" {row} "}).encode() + b"\n")
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline()), {"text": str(row), "len": 3, "_i": row})
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0, err)

    def test_a_file_as_standard_input_is_read_as_a_file(self):
        with open(SAMPLE, "rb") as file:
            process = self.launch("--input", "-", "--stage", "clean_text", "--output", "out.jsonl", stdin=file)
            _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(self.read("out.jsonl"), reference(SAMPLE))
        with open(self.path("run/runtime.json")) as file:
            self.assertEqual(json.load(file)["inputs"], [{"uri": SAMPLE, "bytes": os.path.getsize(SAMPLE)}])

    def test_an_end_that_dies_stops_the_run_with_the_reason(self):
        for name, why in (("source-stdin", "what was read is gone"), ("sink-stdout", "what was written cannot be cut")):
            process = self.launch("--input", "-", "--stage", "clean_text", "--output", "-")
            process.stdin.write(b'{"text":"a"}\n')
            process.stdin.flush()
            self.assertTrue(process.stdout.readline())
            pid, = (pid for pid, worker in runs.processes_of(self.run_directory) if worker == name)
            os.kill(pid, signal.SIGKILL)
            _, err = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 3, err)
            self.assertIn(why, err.decode())
            self.assertIn("--fresh", err.decode())
            self.run_directory += "2"

    def test_a_stage_that_dies_between_them_is_replaced(self):
        process = self.launch("--input", "-", "--stage", "clean_text", "--output", "-", "--quiet")
        for row in range(4):
            process.stdin.write(json.dumps({"text": f"{row}"}).encode() + b"\n")
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["_i"], row)
            for pid, worker in runs.processes_of(self.run_directory):
                if worker == "clean_text":
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0)

    def test_ctrl_c_ends_a_run_whose_pipe_is_silent(self):
        process = self.launch("--input", "-", "--stage", "clean_text", "--output", "-", "--quiet")
        process.stdin.write(b'{"text":"a"}\n')
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=5), 130)
        process.stdin.close()
        _, err = self.datagen("resume", self.run_directory, code=3)
        self.assertIn("a pipe cannot be gone back in", err)

    def test_a_reader_that_goes_stops_the_run(self):
        process = self.launch("--input", SAMPLE, "--stage", "clean_text", "--output", "-", "--quiet")
        process.stdout.readline()
        process.stdout.close()
        self.assertIn(process.wait(timeout=20), (0, 3))  # 0: all of it was in the pipe already
        process.stdin.close()
        if process.returncode == 3:
            self.assertIn(b"Broken pipe", process.stderr.read())

    def test_another_pipe_is_another_run(self):
        process = self.launch("--input", "-", "--stage", "clean_text", "--output", "out.jsonl")
        process.communicate(b'{"text":"a"}\n', timeout=20)
        self.assertEqual(process.returncode, 0)
        process = self.launch("--input", "-", "--stage", "clean_text", "--output", "out.jsonl")
        _, err = process.communicate(b'{"text":"b"}\n', timeout=20)
        self.assertEqual(process.returncode, 2, err)
        self.assertIn("its input has changed since", err.decode())


if __name__ == "__main__":
    runs.main()
