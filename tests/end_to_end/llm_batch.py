"""llm_batch: files of requests and results, batches at a server, and that none is submitted twice."""

import json
import os
import signal
import time

import runs
from llm_runs import LlmTest

SCORE = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}


class Files(LlmTest):
    STAGE = "llm_batch"

    def test_requests_are_written_and_results_merged(self):
        self.write_records([{"t": f"text {row} é"} for row in range(20)] + [{"u": "no text"}])
        ask = {"model": "m", "prompt": "Say {t}", "temperature": 0.5, "mode": "write"}
        self.graph(ask, top="ids: false")
        self.run_graph()
        requests = self.lines("out.jsonl")
        self.assertEqual(len({request["custom_id"] for request in requests}), 20)
        self.assertEqual({key: requests[3][key] for key in requests[3] if key != "custom_id"},
                         {"method": "POST", "url": "/v1/chat/completions",
                          "body": {"model": "m", "messages": [{"role": "user", "content": "Say text 3 é"}], "temperature": 0.5}})
        self.assertEqual([letter["reason"] for letter in self.dead()], ["missing_field"])
        self.graph({**ask, "api": "azure"}, top="ids: false")
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual(self.lines("out.jsonl"), [{**request, "url": "/chat/completions"} for request in requests])

        def result(request, status=200):
            said = request["body"]["messages"][0]["content"].upper()
            body = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
            return json.dumps({"custom_id": request["custom_id"], "error": None,
                               "response": {"status_code": status, "body": body if status == 200 else {"error": {"message": "too long"}}}}) + "\n"

        # Results come in any order, in several files, not all of them.
        self.write("a.jsonl", "".join(result(request) for request in reversed(requests[:12])))
        self.write("b.jsonl", "".join(result(request) for request in requests[12:18]) + "\n" + result(requests[18], 400))
        self.graph({**ask, "mode": "read", "results": [self.path("a.jsonl"), self.path("b.jsonl")], "prices": {"m": {"prompt": 1, "completion": 1}}})
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual([(line["_i"], line["answer"]) for line in self.lines("out.jsonl")], [(row, f"SAY TEXT {row} É") for row in range(18)])
        self.assertEqual([(letter["id"], letter["reason"]) for letter in self.dead()], [(18, "refused_by_server"), (19, "no_result"), (20, "missing_field")])
        self.assertEqual(self.paid()["kept"], (18, 18 * 5))
        self.graph({**ask, "prompt": "Sing {t}", "mode": "read", "results": self.path("a.jsonl")})
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual({letter["reason"] for letter in self.dead()}, {"no_result", "missing_field"}, "results of another prompt are not taken")


class Batches(LlmTest):
    STAGE = "llm_batch"
    FAST = {"gather": 0.2, "poll": 0.1, "model": "m", "prompt": "{t}"}

    def check_all(self, count):
        self.assertEqual([(line["_i"], line["answer"]) for line in self.lines("out.jsonl")], [(row, f"TEXT {row}") for row in range(count)])

    def write_texts(self, count):
        self.write_records([{"t": f"text {row}"} for row in range(count)])

    def test_a_batch_is_submitted_and_its_results_are_merged(self):
        server = self.server()
        self.write_texts(300)
        self.graph({**self.FAST, "url": server.url})
        self.run_graph()
        self.check_all(300)
        stats = server.stats()
        self.assertEqual(stats["served"], 300)
        self.assertLess(stats["batches"], 10, "a batch is made of many frames")
        self.assertEqual(self.paid()["kept"], (300, stats["prompt_tokens"] + stats["completion_tokens"]))
        self.assert_nothing_left()

    def azure(self, server):
        """The server has no key for who speaks to it otherwise."""
        return {**self.FAST, "url": server.url.removesuffix("/v1"), "api": "azure", "api_key": "env:LLM_KEY"}

    def test_azure_has_other_paths_another_header_and_files_that_are_not_ready_at_once(self):
        server = self.server("--file-time", "700", key="secret")
        self.write_texts(60)
        self.graph({**self.azure(server), "api": "openai", "url": server.url})
        self.run_graph(env={"LLM_KEY": "another"}, code=3)
        self.assertEqual(server.stats()["batches"], 0)
        self.graph(self.azure(server))
        self.run_graph("--fresh", "--overwrite", env={"LLM_KEY": "secret"})
        self.check_all(60)
        stats = server.stats()
        self.assertEqual(stats["served"], 60)
        self.assertEqual(self.paid()["kept"], (60, stats["prompt_tokens"] + stats["completion_tokens"]))

    def test_kills_while_a_file_is_not_ready_or_a_batch_begins_submit_nothing_twice(self):
        server = self.server("--file-time", "400", "--latency", "100", "--batch-time", "500", key="secret")
        self.write_texts(120)
        self.graph(self.azure(server))
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory, env={"LLM_KEY": "secret"})
        for _ in range(4):
            files = server.stats()["files"]
            runs.wait_until(lambda: server.stats()["files"] > files or process.poll() is not None, what="a further file")
            for pid, name in runs.processes_of(self.run_directory):
                if name == "llm_batch":
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        while process.returncode != 0:  # it has died too often
            self.assertEqual(process.returncode, 3)
            process = self.start("resume", self.run_directory, env={"LLM_KEY": "secret"})
            process.communicate(timeout=60)
        self.check_all(120)
        self.assertEqual(server.stats()["served"], 120)

    def test_what_has_no_result_or_a_bad_one_is_asked_in_another_batch(self):
        server = self.server()
        self.write_records([{"t": f'[[say {{"score": {row}}}]]'} for row in range(10)] +
                           [{"t": '[[say none]] [[then {"score": 7}]]'}, {"t": '[[say {"score": 8}]] [[status 500 2]]'}, {"t": "[[say x]] [[status 400 99]]"},
                            {"t": '[[say {"score": 9}]] [[fault hang 1]]'}, {"t": '[[say {"score": 10}]] [[fault truncated_json 1]]'}])
        self.graph({**self.FAST, "url": server.url, "prompt": "{t}", "schema": SCORE, "lift": ["score"], "keep_input": False})
        self.run_graph()
        self.assertEqual([line["score"] for line in self.lines("out.jsonl")], [*range(10), 7, 8, 9, 10])
        self.assertEqual([(letter["id"], letter["reason"]) for letter in self.dead()], [(12, "refused_by_server")])
        self.assertEqual(server.stats()["served"], 10 + 2 + 1 + 1 + 1)
        self.assertEqual(sum(calls for calls, _ in self.paid().values()), 15)

    def test_what_a_batch_leaves_undone_when_it_expires_is_submitted_again(self):
        server = self.server("--batch-end", "expired")
        self.write_texts(40)
        self.graph({**self.FAST, "url": server.url, "call_retries": 3})
        self.run_graph()
        done = self.lines("out.jsonl")
        self.assertGreater(len(done), 30)
        self.assertEqual({letter["reason"] for letter in self.dead()}, {"call_failed"}, "the last of each batch has never got an answer")
        self.assertEqual(len(done) + len(self.dead()), 40)

    def test_a_failed_batch_stops_the_run(self):
        server = self.server("--batch-end", "failed")
        self.write_texts(4)
        self.graph({**self.FAST, "url": server.url})
        _, err = self.run_graph(code=3)
        self.assertIn("is failed: the test wants it so", err)
        self.assertEqual(server.stats()["served"], 0)

    def test_a_limit_of_the_run_holds_for_batches(self):
        server = self.server()
        self.write_texts(100)
        self.graph({**self.FAST, "url": server.url, "requests_per_run": 30})
        self.run_graph(code=5)
        self.assertEqual(server.stats()["served"], 30)
        self.datagen("resume", self.run_directory, "--set", "llm_batch.requests_per_run=1000")
        self.check_all(100)
        self.assertEqual(server.stats()["served"], 100)

    def test_a_batch_goes_on_while_the_run_is_stopped(self):
        server = self.server("--batch-time", "3000")
        self.write_texts(200)
        self.graph({**self.FAST, "url": server.url})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        runs.wait_until(lambda: server.stats()["batches"] >= 1, what="a batch")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.datagen("resume", self.run_directory)
        self.check_all(200)
        self.assertEqual(server.stats()["served"], 200)

    def test_kills_submit_nothing_twice(self):
        chance = self.seeded()
        server = self.server("--latency", "150", "--batch-time", "600")
        self.write_texts(400)
        self.graph({**self.FAST, "url": server.url, "requests_per_batch": 50})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        kills = 0
        while process.poll() is None:
            time.sleep(chance.uniform(0.2, 1.0))
            for pid, name in runs.processes_of(self.run_directory):
                if name == "llm_batch" and kills < 12:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
        process.communicate()
        while process.returncode != 0:  # it has died too often
            self.assertEqual(process.returncode, 3)
            process = self.start("resume", self.run_directory)
            process.communicate(timeout=120)
        self.check_all(400)
        stats = server.stats()
        print(f"400 records, {kills} kills: {stats['served']} requests in {stats['batches']} batches", flush=True)
        self.assertEqual(stats["served"], 400)
        self.assertEqual(self.paid()["kept"][0], 400)

    def test_kills_of_everything_submit_nothing_twice(self):
        chance = self.seeded()
        server = self.server("--latency", "100", "--batch-time", "500")
        self.write_texts(400)
        self.graph({**self.FAST, "url": server.url, "requests_per_batch": 100}, keys="  workers: 2")
        command = ("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        kills, launches = self.complete_under_kills(command, chance, kills_max=14, launches_max=40, launcher_every=3, pause=(0.2, 0.8))
        self.check_all(400)
        stats = server.stats()
        print(f"400 records, {kills} kills in {launches} launches: {stats['served']} requests in {stats['batches']} batches", flush=True)
        self.assertEqual(stats["served"], 400)

    def test_a_server_that_lists_no_batches_is_not_trusted_blindly(self):
        server = self.server("--latency", "1500", "--no-batch-list")
        self.write_texts(8)
        self.graph({**self.FAST, "url": server.url})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        runs.wait_until(lambda: server.stats()["batches"] == 1, what="a batch that its submitter does not know yet")
        process.kill()
        process.wait()
        runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        _, err = self.datagen("resume", self.run_directory, code=3)
        self.assertIn("submit_again", err)
        self.assertEqual(server.stats()["batches"], 1)
        self.datagen("resume", self.run_directory, "--set", "llm_batch.submit_again=true")
        self.check_all(8)
        self.assertEqual(server.stats()["batches"], 2)


if __name__ == "__main__":
    runs.main()
