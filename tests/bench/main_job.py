#!/usr/bin/env python3
"""The main job against its competitors, in alternating rounds: strip a text, count its characters, write it.

    python3 main_job.py --bin DIR [--input FILE] [--rounds N] [--no-ids] [--output FILE.json]

Competitors that are not there are skipped by name. Round by round every competitor runs once, so that a slow minute
of the machine hits all alike; what counts are ratios of medians. The input is read once before the first round and the
page cache is left as it is: all read from memory. Output goes to the disk that holds build/bench, is removed after each
run, and dirty pages are written back between runs, outside the time. datagen makes its commits durable; the others
do not.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW_ROUNDS = 1  # the Python loop, jq and Miller: one round tells enough,
SLOW_BYTES = 100_000_000  # and for jq and Miller so do the input's first lines; they would take minutes
DUCKDB = """
import sys, duckdb
connection = duckdb.connect()
connection.execute("SET threads=2")
connection.execute(f"COPY (SELECT trim(text) AS text, length(text) AS len FROM read_json('{sys.argv[1]}', "
                   f"format='newline_delimited')) TO '{sys.argv[2]}' (FORMAT json)")
"""
GRAPH = """datagen: 1
pipeline: bench
ids: {ids}
input: {{uri: "jsonl://{input}"}}
output: {{uri: "jsonl://{output}"}}
stages: [{{clean_text: {{}}, workers: {workers}}}]
"""


class Competitor:
    def __init__(self, name, command, version="", slow=False, reference=False, to_stdout=False, stdin=False,
                 part=None):
        self.name, self.command, self.version, self.slow = name, command, version, slow
        self.part = part  # (bytes, records) when it reads only a part of the input
        self.reference = reference  # its output must be that of bench_fused
        self.to_stdout, self.stdin = to_stdout, stdin
        self.seconds = []
        self.error = None


def output_of(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()
    except OSError:
        return ""


def find_duckdb(venv):
    """Python with the duckdb package: the one at hand, or that of the benchmark's own environment."""
    for python in (sys.executable, os.path.join(venv, "bin", "python")):
        if os.path.exists(python):
            version = output_of(python, "-c", "import duckdb; print(duckdb.__version__)")
            if version and "Error" not in version:
                return python, version
    return None, None


def competitors(options, output, work):
    ids = not options.no_ids
    datagen = os.path.join(options.bin, "datagen")
    fused = os.path.join(options.bin, "bench_fused")
    skipped = []
    found = []
    if os.access(datagen, os.X_OK):
        run = [datagen, "run"]
        graph = os.path.join(work, "bench.yaml")
        with open(graph, "w", encoding="utf-8") as file:
            file.write(GRAPH.format(ids=str(ids).lower(), input=options.input, output=output, workers=options.workers))
        run += [graph]
        run += ["--run-dir", os.path.join(work, "run"), "--fresh", "--overwrite", "--quiet"]
        found.append(Competitor("datagen", run, output_of(datagen, "--version"), reference=True))
    else:
        skipped.append(f"datagen (no {datagen}; ./dev build makes it)")
    as_asked = [] if ids else ["--no-ids"]
    found.append(Competitor("fused", [fused, *as_asked, options.input, output], "simdjson"))
    python, version = find_duckdb(options.venv)
    if python:
        found.append(Competitor("duckdb", [python, "-c", DUCKDB, options.input, output], version))
    else:
        skipped.append("duckdb (no Python package; pip install duckdb)")
    if not options.fast_only:
        found.append(Competitor("python", [sys.executable, os.path.join(HERE, "reference.py"), *as_asked],
                                platform.python_version(), slow=True, reference=True, to_stdout=True, stdin=True))
    part_path = os.path.join(work, "part.jsonl")
    part = None
    if not options.fast_only and (shutil.which("jq") or shutil.which("mlr")):
        part = make_part(options, part_path)
    if shutil.which("jq") and not options.fast_only:
        program = '{text: (.text | gsub("^\\\\s+|\\\\s+$"; "")), len: (.text | length)}'
        found.append(Competitor("jq", ["jq", "-c", program, part_path], output_of("jq", "--version"), slow=True,
                                to_stdout=True, part=part))
    else:
        skipped.append("jq")
    if shutil.which("mlr") and not options.fast_only:
        program = '$* = {"text": strip($text), "len": strlen($text)}'
        found.append(Competitor("miller", ["mlr", "--ijsonl", "--ojsonl", "put", program, part_path],
                                output_of("mlr", "--version"), slow=True, to_stdout=True, part=part))
    else:
        skipped.append("miller")
    return found, skipped


def make_part(options, path):
    """The first lines of the input as a file of its own; returns (bytes, records)."""
    size = records = 0
    with open(options.input, "rb") as source, open(path, "wb") as target:
        for line in source:
            if size + len(line) > SLOW_BYTES:
                break
            target.write(line)
            size += len(line)
            records += 1
    return size, records


def digest(path):
    state = hashlib.blake2b()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def run_once(competitor, options, output, work):
    """Seconds of one run, or None when it failed."""
    with open(options.input if competitor.stdin else os.devnull, "rb") as source, \
         open(output if competitor.to_stdout else os.devnull, "wb") as target, \
         open(os.path.join(work, "stderr"), "w+b") as errors:
        begin = time.perf_counter()
        code = subprocess.run(competitor.command, stdin=source, stdout=target, stderr=errors).returncode
        seconds = time.perf_counter() - begin
        if code != 0:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
            competitor.error = f"exit code {code}: {lines[-1]}"
            return None
    return seconds


def clean_up(output, work):
    for name in os.listdir(work):  # --fresh keeps old runs as run.N
        if name == "run" or name.startswith("run."):
            shutil.rmtree(os.path.join(work, name))
    if os.path.exists(output):
        os.unlink(output)
    os.sync()  # dirty pages of the last run must not slow the next


def measure(options, found, output, work):
    expected = None
    for number in range(options.rounds):
        for competitor in found:
            if competitor.error or (competitor.slow and number >= SLOW_ROUNDS):
                continue
            print(f"round {number + 1} of {options.rounds}: {competitor.name} …", file=sys.stderr, flush=True)
            clean_up(output, work)
            seconds = run_once(competitor, options, output, work)
            if seconds is None:
                continue
            competitor.seconds.append(seconds)
            if number == 0:
                competitor.digest = digest(output)
                if competitor.name == "fused":
                    expected = competitor.digest
    clean_up(output, work)
    for competitor in found:
        if competitor.reference and competitor.seconds and competitor.digest != expected:
            competitor.error = "its output differs from that of bench_fused"


def report(options, found, skipped, size, records):
    speed = {}  # bytes a second
    print(f"\nmain job: {options.input}, {size / 1e6:,.0f} MB, {records:,} records; {os.cpu_count()} processors; "
          f"_i {'off' if options.no_ids else 'on'}; clean_text with workers: {options.workers}; page cache warm, nothing dropped\n")
    print(f"{'':10} {'MB':>6} {'runs':>4} {'median s':>9} {'min':>7} {'max':>7} {'MB/s':>8} {'records/s':>11}  version")
    for c in found:
        if c.seconds:
            its_size, its_records = c.part or (size, records)
            median = statistics.median(c.seconds)
            speed[c.name] = its_size / median
            print(f"{c.name:10} {its_size / 1e6:6.0f} {len(c.seconds):4} {median:9.3f} {min(c.seconds):7.3f} "
                  f"{max(c.seconds):7.3f} {its_size / median / 1e6:8.0f} {its_records / median:11,.0f}  {c.version}")
    print()
    ratios = {}
    for ours in ("datagen", "fused"):
        for theirs in speed:
            if ours in speed and theirs not in (ours, "datagen"):
                ratios[f"{ours}/{theirs}"] = round(speed[ours] / speed[theirs], 3)
                print(f"speed of {ours} over {theirs}: {speed[ours] / speed[theirs]:.2f}")
    for c in found:
        if c.error:
            print(f"{c.name} FAILED: {c.error}")
    if skipped:
        print("skipped: " + ", ".join(skipped))
    result = {"version": 1, "job": "clean_text", "input_bytes": size, "records": records, "ids": not options.no_ids, "workers": options.workers,
              "processors": os.cpu_count(), "machine": platform.machine(), "kernel": platform.release(),
              "competitors": {c.name: {"seconds": c.seconds, "bytes": (c.part or (size,))[0], "version": c.version,
                                       "error": c.error} for c in found},
              "ratios": ratios, "skipped": skipped}
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(f"figures: {options.output}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of datagen and bench_fused")
    parser.add_argument("--input", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-ids", action="store_true", help="leave _i out of the output")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="of clean_text (default: one for each processor)")
    parser.add_argument("--fast-only", action="store_true", help="without the Python loop, jq and Miller")
    parser.add_argument("--venv", default="", help="Python environment in which duckdb may be installed")
    parser.add_argument("--output", required=True, help="figures as JSON; its folder takes the outputs of the runs")
    options = parser.parse_args()
    options.input = os.path.abspath(options.input)
    work = os.path.dirname(os.path.abspath(options.output))
    os.makedirs(work, exist_ok=True)
    output = os.path.join(work, "out.jsonl")
    size, records = os.path.getsize(options.input), 0
    with open(options.input, "rb") as file:  # warms the page cache, too
        while block := file.read(1 << 20):
            records += block.count(b"\n")
    found, skipped = competitors(options, output, work)
    try:
        measure(options, found, output, work)
    finally:
        clean_up(output, work)
        for name in ("part.jsonl", "bench.yaml", "stderr"):
            if os.path.exists(os.path.join(work, name)):
                os.unlink(os.path.join(work, name))
    report(options, found, skipped, size, records)
    return 1 if any(c.error for c in found) else 0


if __name__ == "__main__":
    sys.exit(main())
