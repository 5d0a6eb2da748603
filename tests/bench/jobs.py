#!/usr/bin/env python3
"""What else datagen is to be fast at, against peers, in alternating rounds; prints Markdown.

    python3 jobs.py --bin DIR --input FILE [--rounds N] sdk | filter | scale | start

sdk     clean_text as a lambda on Item against the same stage written by hand on frames
filter  a filter on one field against a bare loop and DuckDB; pass-through against cat; five stages against one
scale   ten times the records; a second worker for a stage that computes
start   ten records through three stages, and 64 workers, against as many starts of /bin/true
"""

import argparse
import hashlib
import os
import sys

from main_job import find_duckdb
from rounds import Contender, Rounds, ratio_line, table

DUCKDB_FILTER = """
import sys, duckdb
connection = duckdb.connect()
connection.execute("SET threads=2")
connection.execute(f"COPY (SELECT * FROM read_json('{sys.argv[1]}', format='newline_delimited') WHERE score >= 0.5) "
                   f"TO '{sys.argv[2]}' (FORMAT json)")
"""
WORKERS = 2  # of a stage that is the slowest, for the machine's two processors


class Job:
    def __init__(self, options, rounds):
        self.options, self.rounds, self.graphs = options, rounds, 0

    def datagen(self, name, stages, source=None, workers=1):
        """A contender that runs a graph of these stages (each YAML, "NAME: PARAMETERS"), `_i` off, commits and checksums on."""
        self.graphs += 1
        graph = os.path.join(self.rounds.work, f"graph{self.graphs}.yaml")
        listed = "".join(f"  - {{{stage}, id: s{number}, workers: {workers}}}\n" for number, stage in enumerate(stages))
        with open(graph, "w", encoding="utf-8") as file:
            file.write(f'datagen: 1\npipeline: bench\nids: false\ninput: {{uri: "jsonl://{source or self.options.input}"}}\n'
                       f'output: {{uri: "jsonl://{self.rounds.path("datagen.jsonl")}"}}\nstages:\n{listed}')
        return Contender(name, [os.path.join(self.options.bin, "datagen"), "run", graph, "--run-dir",
                                self.rounds.path("run"), "--quiet"])

    def path_of(self, name):
        return os.path.join(self.options.bin, name)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def same_outputs(job, contenders, outputs):
    """A check for Rounds.measure: those named in `outputs` write the same bytes."""
    seen = {}

    def check(contender):
        if contender in contenders:
            seen[contender.name] = digest(job.rounds.path(outputs[contenders.index(contender)]))
            if len(set(seen.values())) > 1:
                sys.exit(f"{contender.name} writes other bytes than {next(iter(seen))}")
    return check


def sdk(job):
    plain = job.datagen("lambda on Item", ["run: " + job.path_of("clean_plain")], workers=WORKERS)
    hand = job.datagen("by hand on frames", ["run: " + job.path_of("clean_by_hand")], workers=WORKERS)
    job.rounds.measure([plain, hand], same_outputs(job, [plain, hand], ["datagen.jsonl"] * 2))
    return [*table("The price of the SDK: clean_text in two forms", [plain, hand], os.path.getsize(job.options.input)), "",
            ratio_line("speed of the lambda over the hand-written stage", hand.median() / plain.median(), 0.8)]


def filter_job(job):
    size = os.path.getsize(job.options.input)
    ours = job.datagen("datagen filter", ["filter: {where: '.score >= 0.5'}"], workers=WORKERS)
    bare = Contender("bare loop", [job.path_of("bench_filter"), job.options.input, job.rounds.path("bare.jsonl")])
    contenders = [ours, bare]
    python, version = find_duckdb(job.options.venv)
    if python:
        contenders.append(Contender(f"DuckDB {version}", [python, "-c", DUCKDB_FILTER, job.options.input, job.rounds.path("duck.jsonl")]))
    job.rounds.measure(contenders, same_outputs(job, [ours, bare], ["datagen.jsonl", "bare.jsonl"]))
    lines = [*table("Filter: `.score >= 0.5`, records untouched", contenders, size), "",
             ratio_line("speed over the bare loop", bare.median() / ours.median(), 0.8)]
    lines.append(ratio_line("speed over DuckDB", contenders[2].median() / ours.median(), 6) if python
                 else "- skipped: DuckDB (no Python package)")
    cat = Contender("cat to a file", ["cat", job.options.input], stdout=os.path.join(job.rounds.work, "cat.jsonl"))
    one, five = job.datagen("1 x pass", ["pass: {}"]), job.datagen("5 x pass", ["pass: {}"] * 5)
    # What a run has written is on the disk when it ends.
    synced = Contender("cat to a file, and sync", ["sh", "-c", 'cat "$0" > "$1" && sync "$1"', job.options.input,
                                                   job.rounds.path("synced.jsonl")])
    job.rounds.measure([cat, synced, one, five])
    return lines + ["", *table("Pass-through", [cat, synced, one, five], size), "",
                    ratio_line("speed of one stage over cat", cat.median() / one.median(), 0.5),
                    f"- speed of one stage over cat and sync: **{synced.median() / one.median():.2f}**",
                    ratio_line("speed of five stages over one", one.median() / five.median(), 0.6)]


def make_records(path, count):
    with open(path, "w", encoding="utf-8") as file:
        block = []
        for row in range(count):
            block.append(f'{{"id":{10**9 + row},"text":" record {row:09} of the scale benchmark, about as long as a line of a log is, as those are ",'
                         f'"score":0.{row % 1000:03}}}\n')
            if len(block) == 10_000:
                file.writelines(block)
                block = []
        file.writelines(block)


def scale(job):
    small, large = (os.path.join(job.rounds.work, name) for name in ("small.jsonl", "large.jsonl"))
    make_records(small, 1_000_000)
    make_records(large, 10_000_000)
    some = job.datagen("1 million records", ["clean_text: {}"], small, WORKERS)
    many = job.datagen("10 million records", ["clean_text: {}"], large, WORKERS)
    job.rounds.measure([some, many])
    heavy = "map: {expr: '.n = ([range(200)] | add)'}"
    tenth = os.path.join(job.rounds.work, "tenth.jsonl")
    make_records(tenth, 50_000)
    single = job.datagen("1 worker", [heavy], tenth)
    double = job.datagen("2 workers", [heavy], tenth, 2)
    job.rounds.measure([single, double])
    return [*table(f"Scale: {os.path.getsize(small) / 1e6:.0f} MB for a million records", [some, many]), "",
            ratio_line("time of ten times the records", many.median() / some.median(), 10.3, at_least=False), "",
            *table("A stage that computes (jq, 50,000 records)", [single, double]), "",
            ratio_line("speed of two workers over one", single.median() / double.median(), 1.8)]


def start(job):
    ten = os.path.join(job.rounds.work, "ten.jsonl")
    make_records(ten, 10)
    three = job.datagen("3 stages, 10 records", ["pass: {}"], ten)
    many = job.datagen("64 workers, 10 records", ["pass: {}"], ten, 64)
    true = [Contender(f"{count} x /bin/true", ["sh", "-c", "/bin/true; " * count]) for count in (5, 64)]
    job.rounds.measure([three, true[0], many, true[1]])
    return [*table("Start and stop, from exec to exit", [three, true[0], many, true[1]]), "",
            ratio_line("time of 3 stages over 5 x /bin/true", three.median() / true[0].median(), 10, at_least=False),
            ratio_line("time of 64 workers over 64 x /bin/true", many.median() / true[1].median(), 8, at_least=False)]


JOBS = {"sdk": sdk, "filter": filter_job, "scale": scale, "start": start}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of datagen and the stages")
    parser.add_argument("--input", required=True, help="the corpus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--venv", default="", help="Python environment in which duckdb may be installed")
    parser.add_argument("--work", default="build/bench", help="folder on the disk that takes the outputs")
    parser.add_argument("job", choices=JOBS)
    options = parser.parse_args()
    options.bin, options.input = os.path.abspath(options.bin), os.path.abspath(options.input)
    with Rounds(os.path.abspath(options.work), options.rounds) as rounds:
        print("\n".join(JOBS[options.job](Job(options, rounds))))


if __name__ == "__main__":
    main()
