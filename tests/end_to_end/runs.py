"""What end-to-end tests share: a folder of their own, the launcher, what it may leave behind.

Each test runs as `python3 TEST.py BIN`, where BIN holds the launcher and the stages.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(SOURCE, "examples", "sample.jsonl")
DIRTY = os.path.join(SOURCE, "examples", "dirty.jsonl")


def sanitizers():
    """Runtimes of the sanitizers that the programs were built with: paths of libasan.so and the like; mostly none."""
    linked = subprocess.run(["ldd", os.path.join(BIN, "datagen")], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\.so\S*)", linked)


def reference(path, field="text"):
    """The job of clean_text as Python does it, byte for byte (tests/bench/reference.py)."""
    out = []
    with open(path, "rb") as file:
        for row, line in enumerate(file):
            if not line.strip():
                continue
            text = json.loads(line)[field]
            record = {"text": text.strip(), "len": len(text), "_i": row}
            out.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return b"".join(out)


def segments(run_id=""):
    return sorted(name for name in os.listdir("/dev/shm") if name.startswith("datagen." + run_id))


def processes_of(run_directory):
    """Pids of living workers of a run; zombies do not count."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
            with open(f"/proc/{entry}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if b"--worker" in arguments and run_directory.encode() in arguments and state != "Z":
            found.append((int(entry), os.path.basename(arguments[0].decode())))
    return found


def wait_until(condition, seconds=20, what="it"):
    """Polls, since what it waits for is in other processes; fails loudly."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="datagen-test.")
        self.started = []
        self.run_directory = os.path.join(self.folder, "run")

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        for directory, _, files in os.walk(self.folder):
            if "runtime.json" in files:
                for pid, _ in processes_of(directory):
                    os.kill(pid, signal.SIGKILL)
                with open(os.path.join(directory, "runtime.json")) as file:
                    run_id = json.load(file)["run_id"]
                for name in segments(run_id):
                    os.unlink("/dev/shm/" + name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def lines(self, name):
        return [json.loads(line) for line in self.read(name).splitlines()]

    def start(self, *arguments, cwd=None, env=None, **options):
        process = subprocess.Popen([os.path.join(BIN, "datagen"), *arguments], cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, **options)
        self.started.append(process)
        return process

    def datagen(self, *arguments, code=0, **options):
        """Runs the launcher to its end and checks its exit code; what it wrote to stdout and stderr."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, code, err.decode(errors="replace"))
        return out.decode(), err.decode()

    def run_flags(self, source, *stages, output="out.jsonl"):
        flags = ["run", "--input", "jsonl://" + source, "--run-dir", self.run_directory]
        for stage in stages:
            flags += ["--stage", stage]
        return flags + ["--output", "jsonl://" + self.path(output)]

    def stop_in_the_middle(self, flags, number=signal.SIGINT):
        """A run that has committed something and is not complete. If its last records were faster than the signal, it is done anew."""
        for trial in range(8):
            again = () if trial == 0 else ("--fresh", "--overwrite")
            self.start_and_stop([*flags, *again], number, hold=0.03 * 2 ** min(trial, 4))
            if not self.lines("run/sink.done")[-1]["sealed"]:
                return
        self.fail("the run was over before each of the signals")

    def start_and_stop(self, flags, number, hold):
        """Lets the source go on in short steps, and holds it between them: a commit may take long on a busy disk, and the records that are left are few."""
        process = self.start(*flags, "--set", "commit_interval=10ms")
        done = os.path.join(self.run_directory, "sink.done")

        def has_committed():
            return process.poll() is not None or (os.path.exists(done) and os.path.getsize(done) > 0)

        def sources():
            return [pid for pid, name in processes_of(self.run_directory) if name.startswith("source-")]

        def tell(pids, what):
            for pid in pids:
                try:
                    os.kill(pid, what)
                except ProcessLookupError:  # it has read all
                    pass

        wait_until(lambda: has_committed() or sources(), what="a source")
        pids = sources()
        while not has_committed():
            tell(pids, signal.SIGSTOP)
            held_until = time.monotonic() + hold
            while not has_committed() and time.monotonic() < held_until:
                time.sleep(0.002)
            if not has_committed():
                tell(pids, signal.SIGCONT)
                time.sleep(0.002)
        process.send_signal(number)
        time.sleep(0.05)  # for the launcher to have passed it on
        tell(pids, signal.SIGCONT)
        process.communicate(timeout=20)
        wait_until(lambda: not processes_of(self.run_directory), what="the end of the workers")

    def seeded(self):
        """Chance of its own for a test; SEED repeats it."""
        seed = int(os.environ.get("SEED", time.time_ns() % 100_000))
        print(f"SEED={seed}", flush=True)
        return random.Random(seed)

    def complete_under_kills(self, command, chance, kills_max, launches_max, launcher_every, pause, times=None):
        """Launches `command` until the run is complete, and kills a worker by chance, instead of every `launcher_every`-th the launcher. Kills and launches.
        `times`: gets when each was (time.monotonic), with the victim's name."""
        kills = 0
        for launches in range(1, launches_max + 1):
            process = self.start(*command, "--quiet")
            while process.poll() is None and kills < kills_max:
                time.sleep(chance.uniform(*pause))
                victims = processes_of(self.run_directory)
                when, name = time.monotonic(), "datagen"
                if kills % launcher_every == launcher_every - 1:
                    process.kill()
                elif victims:
                    pid, name = chance.choice(victims)
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                kills += 1
                if times is not None:
                    times.append((when, name))
            _, err = process.communicate(timeout=120)
            if process.returncode == 0:
                return kills, launches
            self.assertIn(process.returncode, (-signal.SIGKILL, 3), err.decode())
        self.fail(f"not complete after {launches_max} launches")

    def report(self):
        with open(os.path.join(self.run_directory, "report.json")) as file:
            return json.load(file)

    def run_id(self):
        with open(os.path.join(self.run_directory, "runtime.json")) as file:
            return json.load(file)["run_id"]

    def assert_nothing_left(self):
        self.assertEqual(processes_of(self.run_directory), [])
        self.assertEqual(segments(self.run_id()), [])


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
