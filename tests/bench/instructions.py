"""Instructions per record of the main job, by callgrind, against committed figures: the guard of its speed.

Counts do not depend on what else the machine does, so they may fail a test where times may not. Each stage runs under
callgrind as a worker of a real run, once over N records and once over 2 N; the difference is free of what a start costs.
Counted is the work on frames: how often a worker looks before it sleeps depends on the others.
Processors without AVX2 take other paths: there nothing is compared.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Functions that do the work, none of them within another.
STAGES = {"source-jsonl": ("datagen::JsonLinesReader::take_lines(*", "datagen::publish(*"),
          "clean_text": ("datagen::FrameWork::process(*",),
          "sink-jsonl": ("datagen::FrameReader::open(*", "datagen::FrameLines::of(*", "*::JsonlSink::write(*")}
SLACK = 1.05  # more than that above its figure is a step back
WRAPPER = """#!/bin/sh
[ "$1" = --worker ] || exec {program} "$@"
exec valgrind --tool=callgrind {toggles} --callgrind-out-file=/dev/null --log-file={log} {program} "$@"
"""


def instructions(options, source, folder):
    """By stage, of one run over `source`."""
    stages = os.path.join(folder, "stages")
    os.makedirs(stages)
    for stage in STAGES:
        path = os.path.join(stages, stage)
        with open(path, "w") as file:
            file.write(WRAPPER.format(program=os.path.join(options.bin, stage), log=os.path.join(folder, stage + ".log"),
                                      toggles=" ".join(f"'--toggle-collect={function}'" for function in STAGES[stage])))
        os.chmod(path, 0o755)
    # Frames of one size: else it follows from how slow the stages are.
    subprocess.run([os.path.join(options.bin, "datagen"), "run", "--input", source, "--stage", "clean_text", "--output", os.path.join(folder, "out.jsonl"),
                    "--run-dir", os.path.join(folder, "run"), "--set", "ids=false", "--set", "rings.frame_records=1000", "--quiet"],
                   env={**os.environ, "DATAGEN_STAGE_PATH": stages}, check=True, cwd=folder, timeout=300)
    counts = {}
    for stage in STAGES:
        with open(os.path.join(folder, stage + ".log")) as file:
            counts[stage] = int(re.search(r"Collected : (\d+)", file.read()).group(1))
    return counts


def measure(options, work):
    with open(options.input, "rb") as file:
        sample = [line for line in file.read().splitlines(keepends=True) if line.strip()]
    counts = []
    for times in (1, 2):
        folder = os.path.join(work, str(times))
        os.makedirs(folder)
        source = os.path.join(folder, "in.jsonl")
        with open(source, "wb") as file:
            file.writelines((sample * (times * options.records // len(sample) + 1))[:times * options.records])
        counts.append(instructions(options, source, folder))
    return {stage: round((counts[1][stage] - counts[0][stage]) / options.records) for stage in STAGES}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of datagen and the stages")
    parser.add_argument("--input", required=True, help="records, repeated as often as needed")
    parser.add_argument("--figures", required=True, help="JSON file with the committed figures")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--update", action="store_true", help="write what was measured into the file")
    options = parser.parse_args()
    options.bin, options.input = os.path.abspath(options.bin), os.path.abspath(options.input)
    if shutil.which("valgrind") is None:
        sys.exit("instructions: valgrind is not installed (apt-get install valgrind)")
    work = tempfile.mkdtemp(prefix="datagen-bench.")
    try:
        found = measure(options, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.update:
        with open(options.figures, "w") as file:
            json.dump(found, file, indent=2)
            file.write("\n")
    with open(options.figures) as file:
        known = json.load(file)
    with open("/proc/cpuinfo") as file:
        comparable = re.search(r"\bavx2\b", file.read()) is not None
    for sums in (found, known):
        sums["all"] = sum(sums[stage] for stage in STAGES)
    for stage in (*STAGES, "all"):
        print(f"{stage}: {found[stage]} instructions a record, committed {known[stage]} ({100 * (found[stage] / known[stage] - 1):+.1f} %)")
    if 0 in found.values():
        sys.exit("instructions: a stage counted nothing: its functions in STAGES are inlined now, or have other names")
    if not comparable:
        print("not compared: this processor has no AVX2")
    elif found["all"] > known["all"] * SLACK:
        sys.exit("instructions: the main job got slower by more than 5 %; mend it, or, with a reason, write new figures: ./dev bench --quick --update")


if __name__ == "__main__":
    main()
