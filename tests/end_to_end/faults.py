"""Runs with faults at chosen system calls: what the tests of faults share. The shim (shim/faults.h) does it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

import runs

TESTS = os.path.join(os.path.dirname(runs.BIN), "tests")
# A sanitizer's runtime must be loaded before everything else; its calls then pass through the shim.
PRELOAD = " ".join([*runs.sanitizers(), os.path.join(TESTS, "faults.so")]) if runs.BIN else ""
TALLY = os.path.join(TESTS, "tally")
# --all: every case, for `./dev chaos --sweep`; without it a few of them, others for each SEED.
ALL = "--all" in sys.argv
if ALL:
    sys.argv.remove("--all")
# Every process of the graph below; each stage has one worker.
ROLES = ("datagen", "source-jsonl", "clean_text", "tally", "sink-jsonl")
RECORDS = 150


def input_text(records=RECORDS):
    """Small records, one larger than a ring's block, and two that become dead letters."""
    lines = []
    for row in range(records):
        text = " é" * (6000 if row == 60 else 40 + row % 50)
        lines.append(json.dumps({"text": text, "n": row} if row not in (30, 110) else {"txt": row}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def rule(op, pattern, error, nth=0, token=""):
    return ",".join((op, pattern, str(error), str(nth), token))


def stands_by(pid):
    """Of a successor that waits for the death of a worker, or who is forked for them."""
    try:
        return os.readlink(f"/proc/{pid}/fd/0").startswith("socket:")
    except OSError:
        return False


class Place:
    """A folder with an input, for one run at a time: a graph with a stateful stage, two committers, several commits."""

    def __init__(self, folder):
        self.root = folder
        self.source = os.path.join(folder, "in.jsonl")
        self.output = os.path.join(folder, "made", "out.jsonl")
        self.run_directory = os.path.join(folder, "runs", "run")
        self.token = folder + ".token"
        self.daemons = folder + ".daemons"  # numbers of processes that a stage left behind on purpose
        self.rings = ["rings.slots=2", "rings.block_bytes=4KiB"]
        os.makedirs(folder, exist_ok=True)
        with open(self.source, "w") as file:
            file.write(input_text())

    def command(self):
        sets = ("commit_interval=10ms", *self.rings, "max_dead_letters=100%")
        return ["run", "--input", "jsonl://" + self.source, "--stage", "clean_text", "--stage", TALLY, "--output", "jsonl://" + self.output,
                "--run-dir", self.run_directory, *(word for value in sets for word in ("--set", value))]

    def start(self, *arguments, said, pause_us=600, under=(), environment=None, **faults):
        """Starts the launcher, under the shim when faults are given: FAULTS_... in lower case. `under`: a command before it."""
        variables = {**os.environ, "DATAGEN_TEST_PAUSE_US": str(pause_us), "FAULTS_TOKEN": self.token, "FAULTS_ROOT": self.root,
                     **(environment or {}), **{"FAULTS_" + name.upper(): str(value) for name, value in faults.items()}}
        if faults:
            variables["LD_PRELOAD"] = PRELOAD
        return subprocess.Popen([*under, os.path.join(runs.BIN, "datagen"), *arguments], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                env=variables, cwd=self.root)

    def go(self, *arguments, timeout=60, meanwhile=None, **options):
        """Runs the launcher to its end; its exit code, and what it said. `meanwhile` is called with its process."""
        # To a file: a worker that outlived its launcher would keep a pipe open, and this test waiting.
        with tempfile.TemporaryFile() as said:
            process = self.start(*arguments, said=said, **options)
            try:
                if meanwhile is not None:
                    meanwhile(process)
                code = process.wait(timeout=timeout)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            said.seek(0)
            text = said.read().decode(errors="replace")
        self.wait_for_workers()
        return code, text

    def go_on(self, **options):
        """As a user would behind a death of the launcher: resume, or, when not even the plan was written, run again."""
        has_plan = os.path.exists(os.path.join(self.run_directory, "runtime.json"))
        return self.go(*(("resume", self.run_directory) if has_plan else self.command()), **options)

    def bypass_page_cache(self):
        """The sink does, and has slots enough to hold several frames until they are pages."""
        self.rings = ["rings.slots=16", "rings.block_bytes=4KiB", "output.direct=always"]

    def arm(self):
        with open(self.token, "w"):
            pass

    def is_armed(self):
        return os.path.exists(self.token)

    def workers(self):
        left = self.daemons_left()
        return {name: pid for pid, name in runs.processes_of(self.run_directory) if pid not in left and not stands_by(pid)}

    def daemons_left(self):
        if not os.path.exists(self.daemons):
            return []
        with open(self.daemons) as file:
            return [int(line) for line in file]

    def wait_for_workers(self):
        runs.wait_until(lambda: not self.workers(), what="the end of the workers")

    def result(self):
        """What a run is about: its output and its dead letters."""
        with open(self.output, "rb") as output, open(os.path.join(self.run_directory, "dead_letter.jsonl"), "rb") as letters:
            return output.read(), letters.read()

    def report(self):
        with open(os.path.join(self.run_directory, "report.json")) as file:
            return json.load(file)

    def plan(self):
        try:
            with open(os.path.join(self.run_directory, "runtime.json")) as file:
                return json.load(file)
        except FileNotFoundError:  # killed before it was written
            return {"run_id": "none", "generation": 0}

    def run_id(self):
        return self.plan()["run_id"]

    def generation(self):
        return self.plan()["generation"]

    def left_behind(self):
        """What should not be there when a run is complete."""
        left = list(self.workers()) + runs.segments(self.run_id())
        for folder, _, names in os.walk(self.root):
            left += [os.path.join(folder, name) for name in names if name.endswith(".new")]
        state = os.path.join(self.run_directory, "state")
        states = sorted(os.listdir(state)) if os.path.isdir(state) else []
        return left + states[2:] + [path for path in (os.path.join(self.run_directory, "overflow"),) if os.path.exists(path)]

    def clean(self):
        """Everything but the input."""
        for name in runs.segments(self.run_id()):
            os.unlink("/dev/shm/" + name)
        for path in (os.path.dirname(self.output), os.path.dirname(self.run_directory)):
            shutil.rmtree(path, ignore_errors=True)
        if self.is_armed():
            os.unlink(self.token)

    def destroy(self):
        for pid, _ in runs.processes_of(self.run_directory):
            os.kill(pid, signal.SIGKILL)
        self.clean()


class FaultTest(runs.RunTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        self.chance = random.Random(self.seed)
        print(f"seed {self.seed}", flush=True)
        self.place = Place(self.path("disk"))
        self.addCleanup(self.place.destroy)

    def choose_disk_path(self):
        if self.chance.random() < 0.5:
            print("past the page cache", flush=True)
            self.place.bypass_page_cache()

    def some(self, cases, count):
        """All of them, or without --all so many."""
        return cases if ALL else self.chance.sample(cases, count)

    def undisturbed(self):
        counts = self.path("calls")
        os.mkdir(counts)
        code, said = self.place.go(*self.place.command(), count=counts)
        self.assertEqual(code, 0, said)
        expected = self.place.result()
        self.assertEqual(expected[0].count(b"\n"), RECORDS - 2 + 1)
        self.assertEqual(expected[1].count(b"\n"), 2)
        # How many calls each process makes; about, since the number of commits depends on time.
        self.calls = {role: int(self.read(os.path.join("calls", role))) for role in ROLES}
        self.place.clean()
        return expected

    def check(self, expected, context, names_return=False):
        """`names_return`: a power failure may have undone removals, and nothing ran since."""
        self.assertEqual(self.place.result(), expected, context)
        if not names_return:
            self.assertEqual(self.place.left_behind(), [], context)
        report = self.place.report()
        self.assertEqual((report["audit"], report["sealed"], report["dead"]), ([], True, 2), context)
