"""Kills processes of a run at random until it is complete, and compares the output with an undisturbed run's.

    python3 tests/end_to_end/chaos.py BIN [--kills N] [--seed S] [--workers W] [--packed .gz|.zst | --direct]

Kills any process of the run by SIGKILL, the launcher included (then the run is gone on with). Prints the seed; exit 0 when
the output is byte-identical, no record lost or doubled, and nothing is left behind.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import runs


def write_input(path, records, chance):
    """Records of varying length; every seventh has two paragraphs, so that the graph fans out."""
    with open(path, "w") as file:
        for row in range(records):
            words = " ".join(str(chance.randrange(10**6)) for _ in range(chance.choice((1, 5, 30))))
            text = f"  {row} {words}\n\n second {row} \u00e9 " if row % 7 == 0 else f" {row} {words} "
            file.write(json.dumps({"text": text, "row": row}, ensure_ascii=False) + "\n")


def pack(path, suffix):
    """The same file as ten members or frames; its new path."""
    with open(path, "rb") as file, open(path + suffix, "wb") as packed:
        lines = file.readlines()
        for part in range(10):
            text = b"".join(lines[len(lines) * part // 10:len(lines) * (part + 1) // 10])
            program = ["gzip", "-c"] if suffix == ".gz" else ["zstd", "-q", "-c"]
            packed.write(subprocess.run(program, input=text, stdout=subprocess.PIPE, check=True).stdout)
    return path + suffix


def output_of(folder):
    """Unpacked, by the program that is to accept it."""
    path, = (os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("out.jsonl"))
    program = {".gz": ["gzip", "-dc"], ".zst": ["zstd", "-qdc"]}.get(os.path.splitext(path)[1], ["cat"])
    return subprocess.run([*program, path], stdout=subprocess.PIPE, check=True).stdout


def command(binary, source, folder, workers, more=()):
    suffix = os.path.splitext(source)[1]
    output = os.path.join(folder, "out.jsonl" + (suffix if suffix in (".gz", ".zst") else ""))
    return [os.path.join(binary, "datagen"), "run", "--input", "jsonl://" + source, "--stage", "split_text", "--stage", "clean_text",
            "--output", "jsonl://" + output, "--run-dir", os.path.join(folder, "run"), "--quiet",
            "--set", f"split_text.workers={workers}", "--set", f"clean_text.workers={workers}", "--set", "clean_text.frames=3",
            "--set", "rings.slots=8", "--set", "rings.block_bytes=16KiB", *more]


def undisturbed(binary, source, folder, workers):
    os.mkdir(folder)
    began = time.monotonic()
    subprocess.run(command(binary, source, folder, workers), check=True)
    return output_of(folder), time.monotonic() - began


class Chaos:
    def __init__(self, binary, source, folder, workers, chance, pause, more):
        os.mkdir(folder)
        self.arguments = command(binary, source, folder, workers, more)
        self.run_directory = os.path.join(folder, "run")
        self.chance = chance
        self.pause = pause
        self.kills = 0
        self.launches = 0

    def run(self, kills_max):
        """Launches until the run is complete; the number of kills is what it took, at most kills_max."""
        while True:
            self.launches += 1
            launcher = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            while launcher.poll() is None and self.kills < kills_max:
                time.sleep(self.chance.random() * self.pause)
                workers = [pid for pid, _ in runs.processes_of(self.run_directory)]
                # Mostly workers: a launcher's death ends them all, and before they are there it is the only victim.
                pid = launcher.pid if self.chance.random() < 0.1 else self.chance.choice(workers) if workers else None
                if pid is not None and launcher.poll() is None:
                    try:
                        os.kill(pid, signal.SIGKILL)
                        self.kills += 1
                    except ProcessLookupError:
                        pass
            _, err = launcher.communicate()
            if launcher.returncode == 0:
                return
            if launcher.returncode not in (-signal.SIGKILL, 3):
                raise SystemExit(f"launcher ended with {launcher.returncode}: {err.decode()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--packed", choices=(".gz", ".zst"), help="the input and the output are compressed")
    parser.add_argument("--direct", action="store_true", help="the output bypasses the page cache")
    parser.add_argument("--pause", type=float, default=0.12, help="longest time between two kills, in seconds")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    more = ["--set", "output.direct=always", "--set", "rings.slots=64"] if options.direct else []
    kills, launches, turns = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="datagen-chaos.") as folder:
        source = os.path.join(folder, "in.jsonl")
        write_input(source, options.records, chance)
        if options.packed:
            source = pack(source, options.packed)
        expected, seconds = undisturbed(options.binary, source, os.path.join(folder, "calm"), options.workers)
        print(f"undisturbed: {seconds:.1f} s, {len(expected):,} bytes", flush=True)
        while kills < options.kills:
            turns += 1
            chaos = Chaos(options.binary, source, os.path.join(folder, f"turn{turns}"), options.workers, chance, options.pause, more)
            began = time.monotonic()
            chaos.run(options.kills - kills)
            kills += chaos.kills
            launches += chaos.launches
            output = output_of(os.path.dirname(chaos.run_directory))
            if output != expected:
                kept = os.path.join(tempfile.gettempdir(), f"datagen-chaos-{options.seed}.jsonl")
                with open(kept, "wb") as copy:
                    copy.write(output)
                sys.exit(f"turn {turns}: the output differs (kept as {kept}); seed {options.seed}")
            with open(os.path.join(chaos.run_directory, "report.json")) as file:
                report = json.load(file)
            with open(os.path.join(chaos.run_directory, "runtime.json")) as file:
                run_id = json.load(file)["run_id"]
            if report["audit"] or report["dead"] or runs.segments(run_id) or runs.processes_of(chaos.run_directory):
                sys.exit(f"turn {turns}: not clean: {report['audit']} {report['dead']} {runs.segments(run_id)}; seed {options.seed}")
            print(f"turn {turns}: {chaos.kills} kills, {chaos.launches} launches, {time.monotonic() - began:.1f} s, identical", flush=True)
    print(f"{kills} kills in {turns} runs ({launches} launches): every output byte-identical, nothing lost, doubled or left behind")


if __name__ == "__main__":
    main()
