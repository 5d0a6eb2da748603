"""A run is looked into while it runs, while it hangs, and when all of it was killed."""

import base64
import gzip
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import runs
from runs import RunTest, wait_until

SLOW = os.path.join(os.path.dirname(runs.BIN), "tests", "slow")


class SlowRun(RunTest):
    def slow_flags(self, records, ms, **extra):
        lines = [json.dumps({"n": row, "text": "x" * 40, **extra.get(f"row{row}", {})}) for row in range(records)]
        source = self.write("in.jsonl", "\n".join(lines) + "\n")
        return [*self.run_flags(source, SLOW), "--set", f"slow.ms={ms}", "--set", "rings.block_bytes=8KiB", "--set", "rings.slots=8"]

    def state(self):
        out, _ = self.datagen("top", self.run_directory, "--json")
        return json.loads(out)

    def worker(self, state, stage):
        return next(worker for worker in state["workers"] if worker["stage"] == stage)

    def wait_for_work(self):
        """Until the slow stage has a record in its hands."""
        def holds():
            if not os.path.exists(os.path.join(self.run_directory, "runtime.json")):
                return False
            return self.worker(self.state(), "slow")["in_flight"] if self.state()["workers"] else False
        wait_until(holds, what="work in the slow stage")


class Watching(SlowRun):
    def test_a_slow_stage_is_named_as_the_bottleneck_in_words(self):
        process = self.start(*self.slow_flags(6000, 1))
        self.wait_for_work()
        wait_until(lambda: self.state()["edges"][0]["free"] == 0, what="a full ring before the slow stage")
        state = self.state()
        self.assertEqual(state["bottleneck"]["stage"], "slow", state)
        looks = []

        def is_full():  # a frame that has just been taken leaves room for a moment
            looks.append(self.datagen("top", self.run_directory, "--once")[0])
            return "source → slow is full" in looks[-1]
        wait_until(is_full, what="a look at a full ring")
        self.assertRegex(looks[-1], r"bottleneck: stage 'slow' limits the run: its worker is busy \d+ % of the time;\n  source → slow is full")
        self.assertRegex(looks[-1], r"source → slow +8 +8 .*producers wait for room for \d+\.\d s")
        self.assertEqual(process.wait(timeout=60), 0, process.stderr.read())
        report = self.report()
        self.assertEqual(report["bottleneck"]["stage"], "slow")
        said, _ = self.datagen("report", self.run_directory)
        self.assertIn("bottleneck: stage 'slow' limits the run", said)
        page = self.read("run/report.html").decode()
        self.assertIn("stage &#39;slow&#39; limits the run", page)

    def test_a_report_shows_what_was_dropped_what_died_and_what_it_cost(self):
        extra = {"row7": {"drop": "too_short"}, "row9": {"fail": "no <score> & nothing"}, "row11": {"tokens": 12}}
        self.datagen(*self.slow_flags(400, 0.1, **extra), "--set", "max_dead_letters=10")
        page = self.read("run/report.html").decode()
        for words in ("<td>too_short</td><td>1</td>", "<b>bad_record</b> in stage <b>slow</b>: 1", "no &lt;score&gt; &amp; nothing",
                      "<td>small-model</td><td></td><td>kept</td><td>1</td><td>12</td><td>3</td><td>0.00</td>", "They balance", "in.jsonl line 10"):
            self.assertIn(words, page)
        for outside in ("http:", "https:", "<script", "src=", "@import", "url(http"):
            self.assertNotIn(outside, page, "the page needs nothing beside itself")
        slow = next(stage for stage in self.report()["stages"] if stage["id"] == "slow")
        self.assertGreater(slow["cpu_s"], 0)
        self.assertGreater(slow["peak_bytes"], 1 << 20)
        with open(os.path.join(self.run_directory, "history.json")) as file:
            history = json.load(file)
        self.assertEqual(history["samples"][-1]["stages"][1][0], 400)

    def test_a_report_of_a_run_that_runs_tells_what_is_committed(self):
        self.start(*self.slow_flags(20000, 1), "--set", "commit_interval=10ms")
        wait_until(lambda: os.path.exists(self.path("run/sink.done")) and os.path.getsize(self.path("run/sink.done")), what="a commit")
        out, _ = self.datagen("report", self.run_directory, "--json")
        report = json.loads(out)
        self.assertEqual((report["outcome"], report["exit_code"]), ("running", None))
        self.assertGreater(report["written"], 0)

    def test_a_stopped_worker_is_hung_in_top_and_status_with_its_record(self):
        self.start(*self.slow_flags(20000, 2))
        self.wait_for_work()
        pid = self.worker(self.state(), "slow")["pid"]
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            wait_until(lambda: self.worker(self.state(), "slow")["hung"] == "stopped", seconds=5, what="that it shows as hung")
            words = rf"worker 0 of 'slow' \(process {pid}\) is hung: stopped; holds frame\[record\] \d+\[\d+\] for \d+\.\d s"
            self.assertRegex(self.datagen("status", self.run_directory)[0], words)
            self.assertRegex(self.datagen("top", self.run_directory, "--once")[0], words)
            status = json.loads(self.datagen("status", self.run_directory, "--json")[0])
            self.assertRegex(status["runs"][0]["hung"][0], words)
            self.assertLess(time.monotonic() - began, 5)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not self.worker(self.state(), "slow")["hung"], what="that it goes on")

    def test_a_record_that_takes_long_shows_as_hung_too(self):
        self.start(*self.slow_flags(50, 0.1, row20={"ms": 60000}))
        self.wait_for_work()
        hung = wait_until(lambda: self.worker(self.state(), "slow")["hung"], what="that it shows as hung")
        self.assertRegex(hung, r"no sign of life for \d+ s")

    def test_what_was_in_flight_can_be_told_when_all_is_killed(self):
        process = self.start(*self.slow_flags(20000, 2))
        self.wait_for_work()
        wait_until(lambda: self.state()["edges"][0]["free"] == 0, what="a full ring")
        workers = [pid for pid, _ in runs.processes_of(self.run_directory)]
        for pid in [process.pid, *workers]:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        status, _ = self.datagen("status", self.run_directory)
        self.assertRegex(status, r"worker 0 of 'slow' \(process \d+, gone\) held record \d+ of frame \d+")
        self.assertRegex(status, r"frames are left in source → slow: datagen-ring cat \S+ 0")
        held = re.search(r"held record (\d+) of frame (\d+)", status)
        cat = subprocess.run([os.path.join(runs.BIN, "datagen-ring"), "cat", self.run_directory, "0"], capture_output=True, timeout=60)
        self.assertEqual(cat.returncode, 0, cat.stderr)
        records = [json.loads(line) for line in cat.stdout.splitlines()]
        self.assertTrue([one for one in records if one.get("frame") == int(held[2]) and one.get("index") == int(held[1])])
        self.assertIn("is gone: this is what it left", self.datagen("top", self.run_directory, "--once")[0])


class Metrics(SlowRun):
    def scrape(self, url):
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
            return answer.read().decode()

    def begin(self, *more):
        process = self.start(*self.slow_flags(20000, 2), "--metrics", "127.0.0.1:0", *more)
        url = re.search(r"metrics at (http://127\.0\.0\.1:\d+/metrics)", process.stderr.readline().decode())[1]
        self.wait_for_work()
        return process, url

    def value(self, text, sample):
        return float(re.search(re.escape(sample) + r" (\S+)", text)[1])

    def test_they_tell_what_the_run_does_and_what_hangs(self):
        _, url = self.begin()
        wait_until(lambda: self.value(self.scrape(url), 'datagen_records_total{stage="slow",direction="in"}') > 0, what="a count")
        pid = self.worker(self.state(), "slow")["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: self.value(self.scrape(url), 'datagen_workers_hung{stage="slow"}') == 1, seconds=5, what="a hung worker")
        finally:
            os.kill(pid, signal.SIGCONT)
        text = self.scrape(url)
        self.assertEqual(self.value(text, 'datagen_ring_slots{from="source",to="slow"}'), 8)
        promtool = shutil.which("promtool")
        if promtool:  # package prometheus
            checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, timeout=60)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, b""))
        with self.assertRaises(urllib.error.HTTPError):
            self.scrape(url.replace("/metrics", "/elsewhere"))

    def test_one_who_asks_and_never_reads_holds_up_nobody(self):
        _, url = self.begin()
        port = int(re.search(r":(\d+)/", url)[1])
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as second:
            second.sendall(b"GET /metrics HT")
            before = self.value(self.scrape(url), 'datagen_records_total{stage="slow",direction="in"}')
            wait_until(lambda: self.value(self.scrape(url), 'datagen_records_total{stage="slow",direction="in"}') > before, what="more records")

    def test_an_address_that_cannot_be_served_is_refused(self):
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        for where, words in ((f"127.0.0.1:{other.getsockname()[1]}", "cannot listen at"), ("nowhere", "expected HOST:PORT")):
            flags = self.slow_flags(10, 1)
            flags[flags.index("--run-dir") + 1] = self.path("other")
            _, said = self.datagen(*flags, "--overwrite", "--fresh", "--metrics", where, code=2)
            self.assertIn(words, said)


class Progress(SlowRun):
    def on_terminal(self, flags):
        """What the run writes to a terminal that is its stderr."""
        master, slave = pty.openpty()
        process = subprocess.Popen([os.path.join(runs.BIN, "datagen"), *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
        self.started.append(process)
        os.close(slave)
        said = b""
        while True:
            if select.select([master], [], [], 30)[0]:
                try:
                    chunk = os.read(master, 65536)
                except OSError:  # all who held the terminal have ended
                    break
                if not chunk:
                    break
                said += chunk
            else:
                self.fail("nothing more is written, and it does not end")
        os.close(master)
        self.assertEqual(process.wait(), 0)
        return said.decode()

    def test_a_terminal_shows_a_line_for_each_stage_a_few_times_a_second(self):
        began = time.monotonic()
        said = self.on_terminal(self.slow_flags(3000, 0.5))
        seconds = time.monotonic() - began
        for words in (r"slow \d+\.\ds: read [\d,]+, wrote [\d,]+, about \d+ %, ETA ", r"  source +\[#+\.*\] +\S+/s +\S+ MB/s ",
                      r"  slow +\[#*\.*\] +\S+/s +\S+ MB/s +ring \d+ % +workers 1/1", r"  sink "):
            self.assertRegex(said, words)
        self.assertLessEqual(said.count("\x1b[J"), 5 * seconds + 2, "a few refreshes a second at most")
        self.assertIn("slow complete in ", said.rsplit("\x1b[J", 1)[1], "the lines make room for the last words")

    def test_packed_input_has_a_bar_too(self):
        lines = [json.dumps({"n": row, "text": base64.b64encode(os.urandom(60)).decode()}) for row in range(3000)]
        packed = self.write("in.jsonl.gz", gzip.compress("\n".join(lines).encode() + b"\n"))
        said = self.on_terminal([*self.run_flags(packed, SLOW), "--set", "slow.ms=0.5", "--set", "rings.block_bytes=8KiB", "--set", "rings.slots=8"])
        shares = [int(share) for share in re.findall(r", about (\d+) %", said)]
        self.assertGreater(len(set(shares)), 2, said)
        self.assertEqual(shares, sorted(shares))
        self.assertTrue(0 < shares[0] < 90 and shares[-1] <= 100, shares)
        self.assertRegex(said, r"about \d+ %, ETA ")

    def test_without_a_terminal_a_short_run_says_only_its_last_words(self):
        _, said = self.datagen(*self.slow_flags(2000, 0.5))
        self.assertRegex(said, r"\Aslow complete in \S+: read 2,000, wrote 2,000, dead 0\n  output \S+ +report \S+/report.html\n\Z")

    def test_quiet_says_nothing(self):
        self.assertEqual(self.datagen(*self.slow_flags(500, 0.1), "--quiet"), ("", ""))

    def test_the_log_can_be_json(self):
        _, said = self.datagen(*self.slow_flags(500, 0.1), "--log-format", "json")
        lines = [json.loads(line) for line in said.splitlines()]
        self.assertEqual([line["event"] for line in lines], ["message"])
        self.assertIn("slow complete in ", lines[0]["text"])
        self.assertIn("did you mean", self.datagen("run", "x", "--log-fromat", "json", code=2)[1])


if __name__ == "__main__":
    runs.main()
