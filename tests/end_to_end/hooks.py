"""Hooks: what a run tells files, descriptors and commands, and that none of them can harm it."""

import json
import os
import signal
import time

import runs
from runs import RunTest

CALLER = os.path.join(os.path.dirname(runs.BIN), "tests", "caller")


class Hooks(RunTest):
    def graph(self, hooks, records, params, more=""):
        self.write("in.jsonl", "".join(f'{{"n":{row}}}\n' for row in range(records)))
        self.write("job.yaml", f"datagen: 1\ninput: in.jsonl\noutput: out.jsonl\nmax_dead_letters: 100%\ncommit_interval: 20ms\n{more}\n"
                               f"rings: {{slots: 4, block_bytes: 8KiB}}\nhooks:\n{hooks}\nstages:\n- {{run: {CALLER}, params: {{{params}}}}}\n")
        return ["run", self.path("job.yaml"), "--run-dir", self.run_directory]

    def events(self, name="events.jsonl"):
        events = self.lines(name)
        self.assertEqual([event["n"] for event in events], list(range(1, len(events) + 1)))
        return events

    def test_a_run_with_a_crash_is_told_completely_and_in_order(self):
        flags = self.graph("- events.jsonl", 3000, "pause_us: 300, throw_every: 100")
        process = self.start(*flags)
        done = os.path.join(self.run_directory, "sink.done")
        runs.wait_until(lambda: os.path.exists(done) and os.path.getsize(done) > 0, what="a commit")
        victim = next(pid for pid, name in runs.processes_of(self.run_directory) if name == "caller")
        os.kill(victim, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        events = self.events()
        names = [event["event"] for event in events]
        self.assertEqual((names[0], names[-1]), ("run_start", "run_end"))
        self.assertEqual([event["stage"] for event in events if event["event"] == "stage_start"], ["source", "caller", "sink"])
        self.assertEqual({event["stage"] for event in events if event["event"] == "stage_finish"}, {"source", "caller", "sink"})
        death = next(event for event in events if event["event"] == "worker_death")
        self.assertEqual((death["stage"], death["worker"], death["pid"], death["signal"], death["by_a_record"]), ("caller", 0, victim, "SIGKILL", False))
        restart = next(event for event in events if event["event"] == "worker_restart")
        self.assertEqual((restart["stage"], restart["n"] > death["n"], restart["pid"] != victim), ("caller", True, True))
        frames = [event["frames"] for event in events if event["event"] == "commit"]
        self.assertEqual(frames, sorted(frames))
        self.assertGreater(len(frames), 3)
        letters = self.lines("run/dead_letter.jsonl")
        self.assertEqual([(event["id"], event["reason"], event["message"], event["source"]) for event in events if event["event"] == "dead_letter"],
                         [(str(letter["id"]), letter["reason"], letter["message"], letter["source"]) for letter in letters])
        self.assertEqual(len(letters), 30)
        told = {event["model"]: [event[key] for key in ("calls", "prompt_tokens", "completion_tokens")] for event in events if event["event"] == "usage"}
        self.assertEqual(told, {"small": [1500, 15000, 4500], "large": [1500, 15000, 4500]})
        end = events[-1]
        self.assertEqual((end["outcome"], end["exit_code"], end["read"], end["written"], end["dead"], end["restarts"]), ("complete", 0, 3000, 2970, 30, 1))
        self.assert_nothing_left()

    def test_dead_letters_are_told_once_over_a_stop_and_a_resume(self):
        flags = self.graph("- {file: events.jsonl, events: [run_start, dead_letter, run_stop, run_end]}", 4000, "pause_us: 300, throw_every: 20")
        self.stop_in_the_middle(flags)
        self.datagen("resume", self.run_directory)
        events = self.lines("events.jsonl")
        self.assertEqual([event["id"] for event in events if event["event"] == "dead_letter"], [str(row) for row in range(0, 4000, 20)])
        rest = [event for event in events if event["event"] != "dead_letter"]
        self.assertEqual([event["event"] for event in rest], ["run_start", "run_stop", "run_end", "run_start", "run_end"])
        self.assertEqual([event["resumed"] for event in rest if event["event"] == "run_start"], [False, True])
        self.assertEqual((rest[1]["signal"], rest[2]["exit_code"], rest[4]["exit_code"]), ("SIGINT", 130, 0))

    def test_slow_blocking_and_dying_commands_change_nothing(self):
        hooks = """- {command: [sh, -c, "sleep 1; cat > slow.jsonl"]}
- {command: [sleep, "600"]}
- {command: [sh, -c, "head -n 2 > dying.jsonl"]}
- {command: [./notify, --to, notified.jsonl], events: [run_end]}
- never_read.fifo"""
        self.write("notify", '#!/bin/sh\ncat > "$2"\n')
        os.chmod(self.path("notify"), 0o755)
        os.mkfifo(self.path("never_read.fifo"))
        flags = self.graph(hooks, 20_000, "throw_every: 2")  # 10,000 dead letters are more than a pipe and the launcher hold
        began = time.monotonic()
        _, err = self.datagen(*flags)
        self.assertEqual(len(self.lines("out.jsonl")), 10_000)
        self.assertEqual(self.report()["audit"], [])
        self.assertRegex(err, r"hook sleep: did not end in time, and was killed; \d+ of \d+ events were lost")
        self.assertRegex(err, r"hook sh: reads no more; \d+ of \d+ events were lost")
        self.assertRegex(err, r"hook \S+never_read.fifo: was too slow; \d+ of \d+ events were lost")
        slow = self.lines("slow.jsonl")
        lost = sum(event["count"] for event in slow if event["event"] == "events_lost")
        self.assertEqual((slow[-1]["event"], slow[-1]["n"]), ("run_end", len(slow) + lost))
        self.assertEqual([event["n"] for event in self.lines("dying.jsonl")], [1, 2])
        self.assertEqual([event["event"] for event in self.lines("notified.jsonl")], ["run_end"])
        self.assertLess(time.monotonic() - began, 60)
        self.assert_nothing_left()

    def test_a_wrong_hook_is_refused_with_its_place(self):
        flags = self.graph("- {fd: 3, file: x}\n- {comand: [x]}\n- {file: x, events: [comit]}", 1, "")
        _, err = self.datagen(*flags, code=2)
        self.assertIn("hooks[0]: write one of file: PATH, fd: NUMBER and command: [NAME, …]", err)
        self.assertIn("hooks[1].comand: unknown key (did you mean 'command'?)", err)
        self.assertIn("hooks[2].events[0]: there is no event 'comit' (did you mean 'commit'?)", err)
        flags = self.graph("- {command: [./nowhere]}", 1, "")
        _, err = self.datagen(*flags, code=2)
        self.assertIn("nowhere", err)
        self.assertFalse(os.path.exists(self.path("out.jsonl")))

    def test_a_descriptor_of_the_callers(self):
        read_end, write_end = os.pipe()
        flags = self.graph(f"- {{fd: {write_end}, events: [run_start, run_end]}}", 10, "")
        process = self.start(*flags, pass_fds=[write_end])
        self.assertEqual(process.wait(timeout=30), 0)
        os.close(write_end)
        with os.fdopen(read_end) as told:
            self.assertEqual([json.loads(line)["event"] for line in told], ["run_start", "run_end"])


if __name__ == "__main__":
    runs.main()
