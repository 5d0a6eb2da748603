"""llm_chat and money: kills, limits and stops; the server's log says what was paid."""

import os
import signal
import time

import runs
from llm_runs import LlmTest

SCORE = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}


class Money(LlmTest):
    def test_the_books_are_those_of_the_server(self):
        server = self.server()
        self.write_records([{"t": f'{row} [[say {{"score": {row}}}]]'} for row in range(40)] + [{"t": '[[say no]] [[then {"score": 1}]]'}, {"t": "[[say no]]"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "schema": SCORE, "prices": {"m": {"prompt": 1, "completion": 2}}})
        self.run_graph()
        usage = self.paid()
        self.assertEqual({kind: calls for kind, (calls, _) in usage.items()}, {"kept": 41, "retry": 1, "waste": 2})
        stats = server.stats()
        self.assertEqual(sum(tokens for _, tokens in usage.values()), stats["prompt_tokens"] + stats["completion_tokens"])
        cost = self.stage_report()["usage"]["m"]["cost"]
        self.assertAlmostEqual(cost, (stats["prompt_tokens"] + 2 * stats["completion_tokens"]) / 1e6)

    def test_a_limit_of_the_run_stops_it_and_can_be_raised(self):
        server = self.server("--latency", "10")
        self.write_records([{"t": f"text {row}"} for row in range(100)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "requests_per_run": 30}, keys="  workers: 2")
        _, err = self.run_graph(code=5)
        self.assertIn("requests_per_run", err)
        self.assertEqual(server.stats()["served"], 30)
        self.datagen("resume", self.run_directory, "--set", "llm_chat.requests_per_run=1000")
        self.assertEqual(len(self.lines("out.jsonl")), 100)
        self.assertEqual(server.stats()["served"], 100)

    def test_a_run_that_is_stopped_pays_for_nothing_twice(self):
        server = self.server("--latency", "300")
        self.write_records([{"t": f"text {row}"} for row in range(200)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        runs.wait_until(lambda: server.stats()["served"] >= 30, what="some answers")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.datagen("resume", self.run_directory)
        self.assertEqual(len(self.lines("out.jsonl")), 200)
        self.assertEqual(server.stats()["requests"], 200)

    def test_another_run_takes_what_is_paid_for_from_the_cache(self):
        server = self.server()
        self.write_records([{"t": f"text {row}"} for row in range(20)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "cache": self.path("cache")})
        self.run_graph()
        self.run_directory = self.path("run2")
        self.run_graph("--overwrite")
        self.assertEqual(server.stats()["served"], 20)
        self.assertEqual(list(self.paid()), ["reused"])


class Kills(LlmTest):
    def test_what_was_paid_for_is_not_paid_again(self):
        server = self.server("--latency", "30", "--latency-max", "80")
        self.write_records([{"t": f"text {row} [[say good]]" if row % 10 else f"text {row} [[say bad]] [[then {{\"score\": {row}}}]]", "row": row}
                            for row in range(600)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        times = []
        for _ in range(5):
            before = server.stats()["served"]
            runs.wait_until(lambda: server.stats()["served"] >= before + 30, what="some answers")
            for pid, name in runs.processes_of(self.run_directory):
                if name == "llm_chat":
                    times.append(time.monotonic())
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(600)))
        served = server.stats()["served"]
        wire = server.on_the_wire(times)
        print(f"600 records, 5 kills: {served} calls, {wire} on the wire at the kills", flush=True)
        self.assertGreaterEqual(served, 600)
        self.assertLessEqual(served, 600 + wire)
        self.assert_books_are_the_servers(server)

    def test_a_launcher_that_is_killed_pays_for_nothing_twice(self):
        server = self.server("--latency", "30", "--latency-max", "80")
        self.write_records([{"t": f"text {row}", "row": row} for row in range(400)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20})
        times = []
        for _ in range(3):
            before = server.stats()["served"]
            process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
            runs.wait_until(lambda: server.stats()["served"] >= before + 50, what="some answers")
            times.append(time.monotonic())
            process.kill()
            process.wait()
            runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        self.datagen("resume", self.run_directory)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(400)))
        served = server.stats()["served"]
        wire = server.on_the_wire(times)
        print(f"400 records, 3 kills of everything: {served} calls, {wire} on the wire at the kills", flush=True)
        self.assertLessEqual(served, 400 + wire)
        self.assert_books_are_the_servers(server)

    def test_random_kills_cost_only_what_was_on_the_wire(self):
        chance = self.seeded()
        server = self.server("--latency", "20", "--latency-max", "60")
        self.write_records([{"t": f"text {row}" if row % 7 else f'{row} [[say bad]] [[then {{"score": {row}}}]]'} for row in range(1500)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20}, keys="  workers: 2")
        times = []
        kills, launches = self.complete_under_kills(("run", self.path("graph.yaml"), "--run-dir", self.run_directory), chance, kills_max=20,
                                                    launches_max=40, launcher_every=7, pause=(0.05, 0.2), times=times)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(1500)))
        served = server.stats()["served"]
        wire = server.on_the_wire(when for when, name in times if name in ("llm_chat", "datagen"))
        print(f"1500 records, {kills} kills in {launches} launches: {served} calls, {wire} on the wire at the kills", flush=True)
        self.assertLessEqual(served, 1500 + wire)
        self.assert_books_are_the_servers(server)


if __name__ == "__main__":
    runs.main()
