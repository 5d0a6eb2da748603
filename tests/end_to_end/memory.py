"""memory://NAME: another program feeds a running graph, or reads from one; either side may be killed."""

import os
import random
import signal
import subprocess
import time

import runs
from runs import RunTest, processes_of, wait_until

PEER = os.path.join(os.path.dirname(runs.BIN), "tests", "memory_peer")


def expected(frames):
    return b"".join(b'{"text":"%d","len":%d,"_i":%d}\n' % (row, len(str(row)) + 2, row) for row in range(10 * frames))


class Memory(RunTest):
    def setUp(self):
        super().setUp()
        self.name = f"test-{os.getpid()}-{random.randrange(1 << 30)}"

    def tearDown(self):
        super().tearDown()
        for name in self.objects():
            os.unlink("/dev/shm/" + name)

    def objects(self):
        return [name for name in os.listdir("/dev/shm") if name.startswith(f"datagen-memory.{self.name}")]

    def peer(self, verb, *arguments):
        name = self.name + ("-in" if verb == "feed" else "-out")
        process = subprocess.Popen([PEER, verb, name, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def run_between(self, *options):
        return ["run", "--input", f"memory://{self.name}-in", "--stage", "clean_text", "--output", f"memory://{self.name}-out",
                "--run-dir", self.run_directory, *options]

    def assert_ends(self, process, code=0):
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, err.decode())
        return err.decode()

    def test_another_program_feeds_and_reads(self):
        run = self.start(*self.run_between())
        feeder, reader = self.peer("feed", "2000"), self.peer("read", "got")
        for process in (feeder, reader, run):
            self.assert_ends(process)
        self.assertEqual(self.read("got"), expected(2000))
        self.assertEqual(self.objects(), [])
        self.assert_nothing_left()

    def test_nothing_is_lost_or_doubled_whoever_is_killed(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        choice = random.Random(seed)
        frames, kills = 16000, {}
        run = self.start(*self.run_between("--set", "commit_interval=100ms"))
        peers = {"feed": self.peer("feed", str(frames)), "read": self.peer("read", "got")}

        def is_done(verb):  # also killed on its way out, when it knew that the run is complete
            return peers[verb].poll() == 0 or (peers[verb].poll() is not None and run.poll() == 0)

        while not is_done("read") or not is_done("feed"):
            time.sleep(choice.uniform(0.02, 0.3))
            for verb, argument in (("feed", str(frames)), ("read", "got")):
                if peers[verb].poll() is not None:
                    if peers[verb].returncode > 0 and run.poll() != 0:
                        self.fail(f"seed {seed}: {verb}: {peers[verb].stderr.read().decode()}")
                    if peers[verb].returncode < 0 and run.poll() != 0:
                        peers[verb] = self.peer(verb, argument)
            if run.poll() is not None and run.returncode != 0:
                wait_until(lambda: not processes_of(self.run_directory), what="the end of the workers")
                run = self.start("resume", self.run_directory)
            victims = [("launcher", run)] if choice.random() < 0.15 else list(peers.items())
            workers = processes_of(self.run_directory)
            if workers and choice.random() < 0.6:
                pid, name = choice.choice(workers)
                os.kill(pid, signal.SIGKILL)
            else:
                name, victim = choice.choice(victims)
                if victim.poll() is None:
                    victim.kill()
            kills[name] = kills.get(name, 0) + 1
        if run.wait(timeout=60) != 0:  # killed behind the last commit
            wait_until(lambda: not processes_of(self.run_directory), what="the end of the workers")
            self.datagen("resume", self.run_directory)
        print(f"seed {seed}, killed: {kills}")
        self.assertEqual(self.read("got"), expected(frames), f"seed {seed}")

    def test_a_record_is_passed_on_while_the_feeder_lives(self):
        run = self.start(*self.run_between("--quiet"))
        feeder, reader = self.peer("feed", "100000"), self.peer("read", "got")
        wait_until(lambda: os.path.exists(self.path("got")) and os.path.getsize(self.path("got")) > 100, what="the first record")
        run.send_signal(signal.SIGINT)
        self.assert_ends(run, 130)
        self.assertEqual(self.objects(), [])
        feeder.kill()
        reader.kill()

    def test_a_run_that_nobody_feeds_stops_after_a_while_and_goes_on(self):
        graph = self.write("graph.yaml", f"datagen: 1\ninput: {{uri: memory://{self.name}-in, wait: 1}}\n"
                           f"output: memory://{self.name}-out\nstages: [clean_text]\n")
        _, err = self.datagen("run", graph, "--run-dir", self.run_directory, code=3)
        self.assertIn(f"nobody has fed memory://{self.name}-in for 1 s", err)
        feeder, reader = self.peer("feed", "10"), self.peer("read", "got")
        self.datagen("resume", self.run_directory)
        self.assert_ends(feeder)
        self.assert_ends(reader)
        self.assertEqual(self.read("got"), expected(10))

    def test_a_wrong_end_and_a_name_in_use_are_refused(self):
        run = self.start(*self.run_between())
        wait_until(lambda: f"datagen-memory.{self.name}-out" in self.objects() and f"datagen-memory.{self.name}-in" in self.objects())
        wrong = subprocess.run([PEER, "read", self.name + "-in", "got"], cwd=self.folder, capture_output=True)
        self.assertEqual(wrong.returncode, 3)
        self.assertIn(b"is the input of a run; feed it with a Feeder", wrong.stderr)
        other = self.run_between()
        other[other.index("--run-dir") + 1] = self.path("other")
        _, err = self.datagen(*other, code=3)
        self.assertIn("is used by another run", err)
        run.send_signal(signal.SIGINT)
        self.assert_ends(run, 130)


if __name__ == "__main__":
    runs.main()
