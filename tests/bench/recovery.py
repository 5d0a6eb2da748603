"""What deaths and commits cost: a restart in place, a resume far into a run, commits and checksums, records that kill.

Times are of one machine at one moment; ratios are of alternating runs. See ./dev bench --recovery.
"""

import argparse
import json
import mmap
import os
import random
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

# Of the control segment, docs/ring_format.md.
HEADER_BYTES = 17 * 64
CELL_BYTES = 6 * 64
PID, HEARTBEAT, RECORDS_IN = 64, 88, 128


def cells_of(run_id):
    """The newest control segment of a run as (name, mapping), or None."""
    names = [name for name in os.listdir("/dev/shm") if name.startswith(f"datagen.{run_id}.") and name.endswith(".control")]
    if not names:
        return None
    try:
        with open("/dev/shm/" + names[0], "rb") as file:
            return names[0], mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except (FileNotFoundError, ValueError):
        return None


def field(cells, cell, offset, form="<Q"):
    return struct.unpack_from(form, cells, HEADER_BYTES + cell * CELL_BYTES + offset)[0]


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
    raise SystemExit(f"recovery: {what} did not happen within {seconds} s")


def make_input(path, records):
    with open(path, "wb") as file:
        for first in range(0, records, 100_000):
            file.write(b"".join(b'{"id": %d, "text": "  a line of text, short as lines are, number %d "}\n' % (row, row)
                                for row in range(first, min(first + 100_000, records))))


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.datagen = os.path.join(options.bin, "datagen")
        self.run_directory = os.path.join(work, "run")

    def command(self, source, *extra, stage="clean_text"):
        return [self.datagen, "run", "--input", source, "--stage", stage, "--output", os.path.join(self.work, "out.jsonl"),
                "--run-dir", self.run_directory, "--quiet", *extra]

    def clean(self):
        shutil.rmtree(self.run_directory, ignore_errors=True)
        if os.path.exists(os.path.join(self.work, "out.jsonl")):
            os.unlink(os.path.join(self.work, "out.jsonl"))

    def run_id(self):
        try:
            with open(os.path.join(self.run_directory, "runtime.json")) as file:
                return json.load(file)["run_id"]
        except (OSError, ValueError, KeyError):
            return None

    def restart_in_place(self, source, times):
        """ms from the death of a worker to the first frame that its replacement has done, stage and sink in turn."""
        found = {"stage": [], "sink": []}
        while min(len(times_of) for times_of in found.values()) < times:
            self.clean()
            process = subprocess.Popen(self.command(source), stderr=subprocess.DEVNULL)
            run_id = until(self.run_id, 20, "the plan")
            cells = until(lambda: cells_of(run_id), 20, "the control segment")[1]
            for role, cell in (("stage", 1), ("sink", 2)):
                until(lambda: field(cells, cell, RECORDS_IN) > 0 or process.poll() is not None, 20, "a first frame")
                if process.poll() is not None:
                    raise SystemExit("recovery: the input is too short to kill anything in its middle")
                victim = field(cells, cell, PID, "<I")
                began = time.monotonic()
                os.kill(victim, signal.SIGKILL)
                until(lambda: field(cells, cell, PID, "<I") not in (0, victim) or process.poll() is not None, 20, "a restart")
                done = field(cells, cell, RECORDS_IN)
                until(lambda: field(cells, cell, RECORDS_IN) != done or process.poll() is not None, 20, "a frame")
                if process.poll() is None:
                    found[role].append(1000 * (time.monotonic() - began))
            process.send_signal(signal.SIGTERM)
            process.wait()
        return found

    def resume(self, source, committed):
        """Seconds from the call of `datagen resume` to the first frame, behind `committed` committed records."""
        self.clean()
        process = subprocess.Popen(self.command(source, stage="pass"))

        def is_far():
            time.sleep(0.05)
            out = subprocess.run([self.datagen, "status", self.run_directory, "--json"], capture_output=True, text=True).stdout
            try:
                return json.loads(out)["runs"][0]["read"] >= committed or process.poll() is not None
            except (ValueError, IndexError):
                return False
        until(is_far, 600, "the commit")
        if process.poll() is not None:
            raise SystemExit("recovery: the run was over before it was killed")
        process.kill()
        process.wait()
        run_id = self.run_id()
        old = cells_of(run_id)[0]
        began = time.monotonic()
        process = subprocess.Popen([self.datagen, "resume", self.run_directory, "--quiet"])

        def has_frame():
            cells = cells_of(run_id)
            return cells and cells[0] != old and field(cells[1], 1, RECORDS_IN) > 0
        until(has_frame, 60, "a first frame")
        seconds = time.monotonic() - began
        if process.wait() != 0:
            raise SystemExit("recovery: the resumed run failed")
        return seconds

    def time_of(self, source, *extra, stage="clean_text"):
        self.clean()
        began = time.monotonic()
        subprocess.run(self.command(source, *extra, stage=stage), check=True)
        return time.monotonic() - began

    def price_of_safety(self, source, rounds):
        """What commits and checksums cost: in each round one run with both, one without each, in an order of chance; percent by which the run with both is slower, of each round, and of the least times of all rounds. `noise` is a second run with both."""
        settings = {"commits": ("--set", "commit_interval=1d"), "checksums": ("--set", "rings.checksums=false"),
                    "both of them": ("--set", "commit_interval=1d", "--set", "rings.checksums=false"), "noise": ()}
        costs = {name: {"wall": [], "cpu": []} for name in settings}
        least = {name: (float("inf"), float("inf")) for name in [*settings, "with both"]}
        chance = random.Random(rounds)
        for _ in range(rounds):
            order = [*settings, "with both"]
            chance.shuffle(order)
            took = {name: self.wall_and_cpu(source, *settings.get(name, ())) for name in order}
            least = {name: tuple(map(min, least[name], took[name])) for name in least}
            for name in settings:
                for index, clock in enumerate(("wall", "cpu")):
                    costs[name][clock].append(100 * (took["with both"][index] / took[name][index] - 1))
        # What else a machine does only adds to a time: the least of each disturb least.
        for name in settings:
            for index, clock in enumerate(("wall", "cpu")):
                costs[name][clock + ", least"] = 100 * (least["with both"][index] / least[name][index] - 1)
        return costs

    def sampled_share(self, source, function):
        """% of the processor time of all processes of a run that is spent in functions of such a name, by samples; None without perf."""
        if shutil.which("perf") is None:
            return None
        self.clean()
        data = os.path.join(self.work, "perf.data")
        subprocess.run(["perf", "record", "-q", "-F", "999", "-e", "cpu-clock", "-o", data, "--", *self.command(source)], check=True, stderr=subprocess.DEVNULL)
        said = subprocess.run(["perf", "report", "-i", data, "--sort", "symbol", "--stdio"], check=True, capture_output=True, text=True).stdout
        os.unlink(data)
        return sum(float(line.split("%")[0]) for line in said.splitlines() if function in line and "%" in line)

    def wall_and_cpu(self, source, *extra):
        """Seconds; the processors' of all processes of the run."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = self.time_of(source, *extra)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def poison(self, records, poisoned, rounds):
        """Wall time of a run in which `poisoned` records segfault, over the same without."""
        unruly = os.path.join(os.path.dirname(self.options.bin.rstrip("/")), "tests", "unruly")
        marks = set(random.Random(7).sample(range(records), poisoned))
        paths = []
        for name, bad in (("calm", ()), ("bad", marks)):
            paths.append(os.path.join(self.work, name + ".jsonl"))
            with open(paths[-1], "w") as file:
                for row in range(records):
                    file.write('{"n": %d, "text": "some text to make a line of usual length, as it were"%s}\n' % (row, ', "do": "segv"' if row in bad else ""))
        times = {path: [] for path in paths}
        for _ in range(rounds):
            for path in paths:
                times[path].append(self.time_of(path, stage=unruly))
                with open(os.path.join(self.run_directory, "report.json")) as file:
                    report = json.load(file)
                expected = poisoned if path == paths[1] else 0
                if report["dead"] != expected or report["written"] != records - expected or report["audit"]:
                    raise SystemExit(f"recovery: {report['dead']} dead and {report['written']} written of {records}")
        calm, bad = (statistics.median(times[path]) for path in paths)
        return calm, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of datagen and the stages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=4_000_000, help="of the input for restarts and the price of safety")
    parser.add_argument("--committed", type=int, default=10_000_000, help="records before the resume")
    parser.add_argument("--work", default="", help="folder for inputs and outputs (default: a temporary one)")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2, for quartiles")
    options.bin = os.path.abspath(options.bin)
    work = tempfile.mkdtemp(prefix="datagen-bench.", dir=options.work or None)
    bench = Bench(options, work)
    try:
        source = os.path.join(work, "in.jsonl")
        make_input(source, options.records)
        for role, times in bench.restart_in_place(source, 5).items():
            print(f"restart in place, {role}: {statistics.median(times):.0f} ms median, {max(times):.0f} ms longest of {len(times)} (goal: 50)", flush=True)
        for name, costs in bench.price_of_safety(source, options.rounds).items():
            said = [f"{clock} {statistics.median(values):+.1f} % (quartiles {', '.join(f'{q:+.1f}' for q in statistics.quantiles(values, n=4)[::2])})"
                    for clock, values in costs.items() if isinstance(values, list)]
            least = ", ".join(f"{clock.split(',')[0]} {value:+.1f} %" for clock, value in costs.items() if not isinstance(value, list))
            print(f"price of {name}: {', '.join(said)}; by the least times {least}, {options.rounds} rounds (goal: 5)", flush=True)
        share = bench.sampled_share(source, "XXH3_")
        print("checksums by samples: skipped, no perf" if share is None else f"checksums by samples: {share:.1f} % of the processor time of all processes (goal: 5)", flush=True)
        calm, bad = bench.poison(1_000_000, 100, min(options.rounds, 3))
        print(f"100 of 1,000,000 records segfault: {bad:.2f} s, without {calm:.2f} s: {bad / calm:.2f} x (goal: 3)", flush=True)
        make_input(source, options.committed + options.committed // 2)
        print(f"resume behind {options.committed:,} records: first frame after {bench.resume(source, options.committed):.3f} s (goal: 1)", flush=True)
    finally:
        bench.clean()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
