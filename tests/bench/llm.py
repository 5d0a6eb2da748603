"""llm_chat at speed, against the test server on the same machine: share of the ideal rate, CPU time, memory.

    python3 tests/bench/llm.py --bin build/release/bin [--calls 100000] [--in-flight 1000] [--latency 200] [--kills 0] [--storm 0]

The ideal rate is in-flight / latency; `share_of_ideal_rate` is that of the middle eight tenths of the calls, without start and end. With --kills N, workers and the launcher are killed N times at random, and what was
paid is compared with what was wanted. With --storm S all calls get 429 for S seconds, and it is measured how long the rate takes to be back.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))


def cpu_and_memory(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{pid}/status") as file:
        resident = next((int(line.split()[1]) for line in file if line.startswith("VmRSS")), 0)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), resident / 1024


class Watch(threading.Thread):
    """Notes processor time and memory of the llm_chat workers until told to end."""

    def __init__(self, run_directory, processes_of):
        super().__init__(daemon=True)
        self.run_directory, self.processes_of = run_directory, processes_of
        self.cpu, self.samples, self.ended = {}, [], threading.Event()

    def run(self):
        while not self.ended.wait(0.25):
            total = 0
            for pid, name in self.processes_of(self.run_directory):
                if name != "llm_chat":
                    continue
                try:
                    self.cpu[pid], resident = cpu_and_memory(pid)
                    total += resident
                except OSError:
                    pass
            if total:
                self.samples.append(total)


class Storm(threading.Thread):
    """After a third of the calls the server answers 429 to all for some seconds. `recovered`: seconds from the end of that until nine tenths of
    the rate before are reached."""

    def __init__(self, server, calls, seconds):
        super().__init__(daemon=True)
        self.server, self.calls, self.seconds, self.recovered = server, calls, seconds, None

    def rate(self, seconds=0.5):
        begun, before = time.monotonic(), self.server.stats()["served"]
        time.sleep(seconds)
        return (self.server.stats()["served"] - before) / (time.monotonic() - begun)

    def run(self):
        while self.server.stats()["served"] < self.calls / 3:
            time.sleep(0.1)
        before = self.rate(2)
        self.server.set_status(429)
        time.sleep(self.seconds)
        self.server.set_status(200)
        ended = time.monotonic()
        while self.rate() < 0.9 * before:
            pass
        self.recovered = round(time.monotonic() - ended, 1)


def steady_rate(log):
    """Calls a second, by the server's clock."""
    with open(log) as file:
        times = sorted(json.loads(line)["at"] for line in file)
    first, last = len(times) // 10, len(times) * 9 // 10
    return (last - first) / (times[last] - times[first])


def phases(log, started, ended, in_flight):
    """Where the time goes beside the steady part: seconds until the first request has come, from there until nine tenths of what may be in
    flight are, and from the last answer to the end of the run."""
    with open(log) as file:
        requests = [json.loads(line) for line in file]
    events = sorted([(request["from"], 1) for request in requests] + [(request["at"], -1) for request in requests])
    open_now, full = 0, events[-1][0]
    for when, change in events:
        open_now += change
        if open_now >= 0.9 * in_flight:
            full = when
            break
    return {"to_first_call": round(events[0][0] - started, 2), "to_full": round(full - events[0][0], 2), "from_last_answer": round(ended - events[-1][0], 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--in-flight", type=int, default=1000, help="in each worker")
    parser.add_argument("--latency", type=int, default=200, help="ms")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--storm", type=float, default=0, help="seconds for which all calls get 429")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--frames", type=int, default=48, help="in work at once in each worker")
    options = parser.parse_args()
    sys.argv = [sys.argv[0], options.bin]
    import llm_runs  # they read BIN from the arguments
    import runs

    folder = tempfile.mkdtemp(prefix="datagen-bench.")
    server = llm_runs.Server("--latency", str(options.latency), log=os.path.join(folder, "server.jsonl"))
    run_directory = os.path.join(folder, "run")
    try:
        with open(os.path.join(folder, "in.jsonl"), "w") as file:
            for row in range(options.calls):
                file.write(json.dumps({"text": f"record {row} says something of the length of a sentence"}) + "\n")
        graph = os.path.join(folder, "graph.yaml")
        params = {"url": server.url, "model": "m", "prompt": "Repeat: {text}", "max_in_flight": options.in_flight}
        # Twice what can be in flight: frames also wait for the disk and for their last call.
        batch_size = max(1, -(-options.in_flight * 2 // (options.frames * options.workers)))
        with open(graph, "w") as file:
            file.write(f"datagen: 1\npipeline: bench\ninput: jsonl://in.jsonl\noutput: jsonl://out.jsonl\nstages:\n- use: llm_chat\n"
                       f"  params: {json.dumps(params)}\n  workers: {options.workers}\n  frames: {options.frames}\n  batch_size: {batch_size}\n")
        command = [os.path.join(options.bin, "datagen"), "run", graph, "--run-dir", run_directory, "--quiet"]
        watch = Watch(run_directory, runs.processes_of)
        watch.start()
        storm = Storm(server, options.calls, options.storm)
        if options.storm:
            storm.start()
        started = time.monotonic()
        kill_times = []
        if options.kills:
            kill_times = run_with_kills(command, options, run_directory, runs)
        else:
            subprocess.run(command, check=True)
        ended = time.monotonic()
        seconds = ended - started
        watch.ended.set()
        watch.join()
        with open(os.path.join(folder, "out.jsonl")) as file:
            ids = [json.loads(line)["_i"] for line in file]
        assert ids == list(range(options.calls)), "the output is not complete, or not in order"
        stats = server.stats()
        on_the_wire = server.on_the_wire([when for when, name in kill_times if name in ("llm_chat", "datagen")])
        assert stats["served"] - options.calls <= on_the_wire, "more was paid twice than was on the wire"
        answers = {request["user"]: request["prompt_tokens"] + request["completion_tokens"] for request in server.served()}
        billed = (len(answers), sum(answers.values()))
        with open(os.path.join(run_directory, "report.json")) as file:
            calls = next(stage for stage in json.load(file)["stages"] if stage["id"] == "llm_chat")["calls"]
        kept = tuple(sum(sum(entry[key] for key in keys) for entry in calls) for keys in (("calls",), ("prompt_tokens", "completion_tokens")))
        ideal = options.calls * options.latency / 1000 / (options.in_flight * options.workers)
        samples = watch.samples or [0]
        middle = samples[len(samples) // 3:]
        print(json.dumps({
            "calls": options.calls, "in_flight": options.in_flight, "latency_ms": options.latency, "seconds": round(seconds, 2),
            "ideal_seconds": round(ideal, 2), "share_of_ideal": round(ideal / seconds, 3),
            "share_of_ideal_rate": round(steady_rate(server.log) * options.latency / 1000 / (options.in_flight * options.workers), 3), "most_in_flight": stats["in_flight_max"],
            "recovered_from_storm_after": storm.recovered,
            "seconds_beside": phases(server.log, started, ended, options.in_flight * options.workers),
            "worker_cpu_seconds": round(sum(watch.cpu.values()), 2), "worker_cores": round(sum(watch.cpu.values()) / seconds, 2),
            "memory_mib": {"third": round(middle[0]), "end": round(samples[-1]), "most": round(max(samples))},
            "served": stats["served"], "paid_twice": stats["served"] - options.calls, "kills": len(kill_times), "in_flight_at_kills": on_the_wire, "books_are_the_servers": kept == billed, "seed": options.seed}, indent=1))
    finally:
        server.stop()
        for pid, _ in runs.processes_of(run_directory):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def run_with_kills(command, options, run_directory, runs):
    """A worker or the launcher dies at random; the run is started again until it is complete. When the kills were, and of whom."""
    chance = random.Random(options.seed)
    times = []
    while True:
        process = subprocess.Popen(command)
        while process.poll() is None:
            time.sleep(chance.uniform(0.03, 0.3))
            victims = runs.processes_of(run_directory)
            if len(times) >= options.kills or not victims:
                continue
            try:
                when = time.monotonic()
                if chance.random() < 0.1:
                    name = "datagen"
                    process.kill()
                else:
                    pid, name = chance.choice(victims)
                    os.kill(pid, signal.SIGKILL)
                times.append((when, name))
            except ProcessLookupError:
                pass
        if process.returncode == 0:
            return times


if __name__ == "__main__":
    main()
