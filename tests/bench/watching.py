"""What looking at a run costs: a run with progress, metrics that are fetched every second and `datagen top` beside it,
against one that nobody looks at.

In each round both run, in an order of chance; the median of the rounds' ratios counts. The goal: 98 % of the throughput.
Wall time is noisy on a busy machine, so the processor time of those who look (the launcher, which also draws progress and
serves metrics, and top) is told too: on a machine whose cores are all busy, that share of it is what looking can cost.
"""

import argparse
import os
import pty
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import recovery


class Terminal:
    """A terminal of its own for a command; what it shows is read and thrown away, but for its beginning."""

    def __init__(self, command):
        own, theirs = pty.openpty()
        self.fd, self.shown, self.cpu = own, b"", 0.0
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
        os.close(theirs)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the last who had the other end is gone
                return
            if not data:
                return
            if len(self.shown) < 1 << 20:
                self.shown += data

    def note_cpu(self):
        """Seconds of processor time that it has used so far, without its children: as of the last call while it lived."""
        try:
            with open(f"/proc/{self.process.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.wait()
        self.reader.join()
        os.close(self.fd)


class Watched(recovery.Bench):
    looking = []  # by run: processor time of the launcher and of top, in % of the machine's

    def watched(self, source):
        """Seconds of a run that three look at, from its start to the end of its launcher; notes what those who look have used."""
        self.clean()
        began = time.monotonic()
        run = Terminal([word for word in self.command(source) if word != "--quiet"] + ["--metrics", "127.0.0.1:0"])
        watchers = threading.Thread(target=self.watch, args=(run,))
        watchers.start()
        run.process.wait()
        seconds = time.monotonic() - began
        run.close()
        watchers.join()
        self.looking.append(100 * self.looked / (seconds * os.cpu_count()))
        if run.process.returncode != 0:
            raise SystemExit("watching: the run failed: " + run.shown.decode(errors="replace")[-2000:])
        return seconds

    def watch(self, run):
        found = None
        while found is None and run.process.poll() is None:
            found = re.search(rb"http://[0-9.:]+/metrics", run.shown)
            time.sleep(0.02)
        if found is None:
            raise SystemExit("watching: the run was over before it said where its metrics are")
        top = Terminal([self.datagen, "top", self.run_directory])
        fetched = 0
        while run.process.poll() is None:
            try:
                fetched += b"datagen_" in urllib.request.urlopen(found.group().decode(), timeout=5).read()
            except OSError:
                break
            for _ in range(10):
                if run.process.poll() is None:
                    time.sleep(0.1)
                run.note_cpu()
                top.note_cpu()
        self.looked = run.cpu + top.cpu
        top.process.terminate()
        top.close()
        if not fetched or not top.shown:
            raise SystemExit("watching: nobody has looked at the run")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of datagen and the stages")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--records", type=int, default=6_000_000)
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    work = tempfile.mkdtemp(prefix="datagen-bench.")
    bench = Watched(options, work)
    try:
        source = os.path.join(work, "in.jsonl")
        recovery.make_input(source, options.records)
        ratios = {"watched": [], "noise": []}
        chance = random.Random(options.rounds)
        for _ in range(options.rounds):
            runs = {"alone": bench.time_of, "again": bench.time_of, "watched": bench.watched}
            names = list(runs)
            chance.shuffle(names)
            took = {name: runs[name](source) for name in names}
            ratios["watched"].append(100 * took["alone"] / took["watched"])
            ratios["noise"].append(100 * took["alone"] / took["again"])
        for name, values in ratios.items():
            low, _, high = statistics.quantiles(values, n=4)
            print(f"throughput, {name}: {statistics.median(values):.1f} % of a run that nobody looks at (quartiles {low:.1f}, {high:.1f}; {options.rounds} rounds of {options.records:,} records)"
                  + (" (goal: 98)" if name == "watched" else ""), flush=True)
        print(f"the launcher, with progress and metrics, and top: {statistics.median(bench.looking):.2f} % of the machine's processor time "
              f"(most {max(bench.looking):.2f})", flush=True)
    finally:
        bench.clean()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
