#!/usr/bin/env python3
"""A limit over a real minute: how much of it several workers use, and that they are never over it in any window.

    python3 tests/bench/limits.py --bin build/release/bin [--rate 600] [--workers 4] [--minutes 3]

The stage `payer` notes when each call is made; exit 1 when any 60 s have more than the rate, or less than 97 % of it is used.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

MINUTE_NS = 60_000_000_000


def most_in_a_minute(times):
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= MINUTE_NS:
            first += 1
        most = max(most, last - first + 1)
    return most


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rate", type=int, default=600)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--minutes", type=int, default=3)
    options = parser.parse_args()
    folder = os.path.abspath(options.bin)
    with tempfile.TemporaryDirectory(prefix="datagen-limits.") as work:
        path = lambda name: os.path.join(work, name)
        calls = options.rate * options.minutes + 1  # the last begins a further minute
        with open(path("in.jsonl"), "w") as file:
            file.writelines(json.dumps({"n": row}) + "\n" for row in range(calls))
        params = {"paid": path("paid"), "requests_per_minute": options.rate, "pause_us": 20_000}
        stage = {"run": os.path.join(os.path.dirname(folder), "tests", "payer"), "workers": options.workers, "threads": 4, "params": params}
        with open(path("graph.json"), "w") as file:
            json.dump({"datagen": 1, "pipeline": "limits", "input": path("in.jsonl"), "output": path("out.jsonl"), "stages": [stage]}, file)
        subprocess.run([os.path.join(folder, "datagen"), "run", path("graph.json"), "--run-dir", path("run"), "--quiet"], check=True)
        with open(path("paid")) as file:
            times = sorted(int(line.split()[2]) for line in file)
    most = most_in_a_minute(times)
    used = (len(times) - 1) / options.rate / ((times[-1] - times[0]) / MINUTE_NS)
    print(f"{len(times)} calls by {options.workers} workers in {(times[-1] - times[0]) / 1e9:.1f} s: at most {most} of {options.rate} in any 60 s, {100 * used:.1f} % used")
    return 0 if most <= options.rate and used >= 0.97 else 1


if __name__ == "__main__":
    sys.exit(main())
