"""llm_chat and money: kills, limits and stops; the server's log says what was paid."""

import collections
import json
import os
import re
import signal
import time
import urllib.request

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
            # Those on the wire at the kill before, 20, are served too; the others are a frame at least: five deaths without one would end the run.
            runs.wait_until(lambda: server.stats()["served"] >= before + 80, what="some answers")
            times.append(time.monotonic())
            for pid, name in runs.processes_of(self.run_directory):  # successors that stand by as well
                if name == "llm_chat":
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


class Books(LlmTest):
    PRICES = {"large": {"prompt": 3, "completion": 15}, "small": {"prompt": 1, "completion": 2}}

    def begin(self, verb, *arguments):
        """The run with its metrics, as (process, URL)."""
        process = self.start(verb, *arguments, "--metrics", "127.0.0.1:0")
        for line in process.stderr:
            if found := re.search(r"metrics at (\S+)", line.decode()):
                return process, found[1]
        self.fail("it has ended")

    def scrape(self, url):
        """What model calls have come to: a number for each sample."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return {}  # it was killed, or has ended
        for name in ("calls", "tokens", "cost"):
            self.assertEqual(len(re.findall(f"# (?:HELP|TYPE) datagen_{name}_total ", text)), 2)
        samples = re.findall(r'^datagen_(\w+)_total\{stage="llm_chat",model="([^"]*)",endpoint="([^"]*)",outcome="([^"]*)"(?:,kind="([^"]*)")?\} (\S+)$', text, re.M)
        return {tuple(sample[:-1]): float(sample[-1]) for sample in samples}

    def expected(self, servers):
        """By model, endpoint and kind what was kept of what the servers have billed: the last answer to each question, since one that was kept is
        not asked for again. A question asked again is longer."""
        last = {}
        for server in servers:
            for request in server.served():
                question = (request["user"], request["prompt_tokens"])
                if question not in last or last[question][0]["at"] < request["at"]:
                    last[question] = (request, f"127.0.0.1:{server.port}")
        sums = collections.defaultdict(lambda: [0, 0, 0])
        for request, endpoint in last.values():
            is_again = request["prompt_tokens"] > len(request["user"]) // 4 + 1
            kind = "waste" if "never" in request["user"] else "retry" if "then" in request["user"] and not is_again else "kept"
            for place, amount in enumerate((1, request["prompt_tokens"], request["completion_tokens"])):
                sums[request["model"], endpoint, kind][place] += amount
        return dict(sums)

    def cost(self, model, prompt, completion):
        return (prompt * self.PRICES[model]["prompt"] + completion * self.PRICES[model]["completion"]) / 1e6

    def test_report_metrics_and_top_are_the_servers_own_count_by_model_and_endpoint(self):
        servers = [self.server("--latency", "150", "--latency-max", "250") for _ in range(2)]
        said = {0: '[[say no]] [[then {"score": 1}]]', 1: "[[say never]]"}
        # The last holds the run up behind its last call, so that somebody sees the metrics of all of them.
        self.write_records([{"t": f'{row} {said.get(row % 10, "[[say {}]]".format(json.dumps({"score": row})))}', "ms": 1500 if row == 599 else 6}
                            for row in range(600)])
        self.write("prices.json", json.dumps(self.PRICES))
        endpoints = [{"url": server.url + "?api-key=no", "model": model} for server, model in zip(servers, self.PRICES)]
        params = {"endpoints": endpoints, "prompt": "{t}", "schema": SCORE, "max_in_flight": 10, "prices": self.path("prices.json")}
        slow = {"run": os.path.join(os.path.dirname(runs.BIN), "tests", "slow")}  # what it reads is sealed while it works
        graph = {"datagen": 1, "pipeline": "books", "commit_interval": "20ms", "rings": {"slots": 4}, "max_dead_letters": "100%", "input": "jsonl://" + self.path("in.jsonl"),
                 "output": "jsonl://" + self.path("out.jsonl"),
                 "stages": [{"use": "llm_chat", "params": params, "frames": 2, "batch_size": 10, "output": "jsonl://" + self.path("middle.jsonl"), "durable": True}, slow]}
        self.write("graph.json", json.dumps(graph))
        command = ("run", self.path("graph.json"), "--run-dir", self.run_directory)
        _, err = self.datagen(*command, code=2)
        self.assertIn("no user, password or query", err)
        for endpoint in endpoints:
            endpoint["url"] = endpoint["url"].partition("?")[0]
        self.write("graph.json", json.dumps(graph))

        seen, looks = {}, 0
        for launch in range(4):
            process, url = self.begin(*(command if launch == 0 else ("resume", self.run_directory)))
            before = sum(server.stats()["served"] for server in servers)
            while process.poll() is None:
                now = self.scrape(url)
                if now:
                    self.assertEqual({key: value for key, value in seen.items() if now.get(key, 0) < value}, {}, "counters only grow, over resumes too")
                    looks += now != seen
                    seen = now
                if launch < 3 and sum(server.stats()["served"] for server in servers) > before + 120:
                    process.kill()
                    process.wait()
                    runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
                time.sleep(0.03)
            process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertGreater(looks, 1)

        expected = self.expected(servers)
        self.assertEqual({kind for _, _, kind in expected}, {"kept", "retry", "waste"})
        self.assertEqual(len(expected), 6)
        said = {(entry["model"], entry["endpoint"], entry["kind"]): [entry["calls"], entry["prompt_tokens"], entry["completion_tokens"]]
                for entry in self.stage_report()["calls"]}
        self.assertEqual(said, expected)
        out, _ = self.datagen("top", self.run_directory, "--json")
        shown = next(stage for stage in json.loads(out)["stages"] if stage["id"] == "llm_chat")
        self.assertEqual(shown["calls"], self.stage_report()["calls"])
        for (model, endpoint, kind), (calls, prompt, completion) in expected.items():
            labels = (model, endpoint, kind)
            self.assertEqual(seen["calls", *labels, ""], calls)
            self.assertEqual((seen["tokens", *labels, "prompt"], seen["tokens", *labels, "completion"]), (prompt, completion))
            self.assertAlmostEqual(seen["cost", *labels, ""], self.cost(model, prompt, completion))


if __name__ == "__main__":
    runs.main()
