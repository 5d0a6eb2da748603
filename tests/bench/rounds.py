"""Commands timed in alternating rounds: each runs once a round, so that a slow minute of the machine hits all alike.
What counts are ratios of medians. Outputs are removed and dirty pages written back between runs, outside the time.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


class Contender:
    def __init__(self, name, command, stdout=None):
        self.name, self.command, self.stdout = name, command, stdout
        self.seconds = []

    def median(self):
        return statistics.median(self.seconds)


class Rounds:
    """A folder for outputs (`work`), on the disk of build/bench, that is empty before each run."""

    def __init__(self, parent, rounds):
        os.makedirs(parent, exist_ok=True)
        self.work = tempfile.mkdtemp(prefix="rounds.", dir=parent)
        self.rounds = rounds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, "out", name)

    def time(self, contender):
        shutil.rmtree(os.path.join(self.work, "out"), ignore_errors=True)
        os.makedirs(os.path.join(self.work, "out"))
        os.sync()
        with open(contender.stdout or os.devnull, "wb") as target, open(os.path.join(self.work, "stderr"), "w+b") as errors:
            begin = time.perf_counter()
            code = subprocess.run(contender.command, stdout=target, stderr=errors, stdin=subprocess.DEVNULL).returncode
            seconds = time.perf_counter() - begin
            errors.seek(0)
            if code != 0:
                sys.exit(f"{contender.name}: exit code {code}: {errors.read().decode('utf-8', 'replace')[-2000:]}")
        return seconds

    def measure(self, contenders, check=None):
        """Fills their seconds; check(contender) is called after the first run of each, with its output in place."""
        for number in range(self.rounds):
            for contender in contenders:
                print(f"round {number + 1} of {self.rounds}: {contender.name} …", file=sys.stderr, flush=True)
                contender.seconds.append(self.time(contender))
                if check and number == 0:
                    check(contender)


def table(title, contenders, bytes_each=0):
    """Lines of Markdown."""
    lines = [f"**{title}**", "", "| | median s | min | max |" + (" MB/s |" if bytes_each else ""),
             "|---|---|---|---|" + ("---|" if bytes_each else "")]
    for one in contenders:
        line = f"| {one.name} | {one.median():.3f} | {min(one.seconds):.3f} | {max(one.seconds):.3f} |"
        lines.append(line + (f" {bytes_each / one.median() / 1e6:.0f} |" if bytes_each else ""))
    return lines


def ratio_line(text, value, wanted, at_least=True):
    reached = value >= wanted if at_least else value <= wanted
    return f"- {text}: **{value:.2f}**, wanted {'at least' if at_least else 'at most'} {wanted}: {'reached' if reached else 'not reached'}"
