"""embed: several records in a request, what a server refuses, and what is paid for."""

import base64
import os
import signal
import struct

import faults
import runs
from llm_runs import LlmTest


class Embeddings(LlmTest):
    STAGE = "embed"

    def records(self, count):
        """Texts of lengths that differ among neighbours: the server answers with the length."""
        return [{"text": f"{row:06} " + "x" * (row % 37)} for row in range(count)]

    def expected(self, count):
        return [[len(record["text"]), 0.5] for record in self.records(count)]

    def test_each_record_gets_the_embedding_of_its_text(self):
        server = self.server()
        self.write_records(self.records(500))
        self.graph({"url": server.url, "model": "m", "per_request": 5})
        self.run_graph()
        lines = self.lines("out.jsonl")
        self.assertEqual([line["embedding"] for line in lines], self.expected(500))
        self.assertEqual([line["text"] for line in lines], [record["text"] for record in self.records(500)])
        stats = server.stats()
        self.assertLess(stats["served"], 250, "several records go in each request")
        calls, tokens = self.paid()["kept"]
        self.assertEqual((calls, tokens), (stats["served"], stats["prompt_tokens"]))
        self.assert_nothing_left()

    def test_templates_dimensions_and_base64(self):
        server = self.server()
        self.write_records([{"a": "ü", "b": {"c": 7}}])
        self.graph({"url": server.url, "model": "m", "input": "{a}: {b.c}", "dimensions": 3, "encoding_format": "base64", "output": "e", "keep_input": False})
        self.run_graph()
        line, = self.lines("out.jsonl")
        self.assertEqual(sorted(line), ["_i", "e"])
        self.assertEqual(struct.unpack("<3f", base64.b64decode(line["e"])), (5, 0.5, 0.5))

    def test_what_a_server_refuses_fails_no_neighbour(self):
        server = self.server()
        bad = {row: command for row, command in ((3, "[[status 400 99]]"), (17, "[[status 413 99]]"), (40, "[[status 500 99]]"))}
        self.write_records([{"text": f"{row} {bad.get(row, '')}"} for row in range(64)] + [{"no": "text"}])
        self.graph({"url": server.url, "model": "m", "per_request": 64, "call_retries": 0}, keys="  batch_size: 64\n  frames: 1")
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], [row for row in range(64) if row not in bad])
        self.assertEqual([(letter["id"], letter["reason"]) for letter in self.dead()],
                         [(3, "refused_by_server"), (17, "refused_by_server"), (40, "call_failed"), (64, "missing_field")])

    def test_failures_and_useless_answers_are_tried_again(self):
        server = self.server()
        commands = ["[[status 500 1]]", "[[status 429 1]]", "[[fault reset 1]]", "[[fault truncated_json 1]]", "[[fault fewer_choices 1]]", "[[fault reset_in_body 1]]"]
        self.write_records([{"text": f"{row} {command}"} for row, command in enumerate(commands)] * 3)
        self.graph({"url": server.url, "model": "m", "per_request": 1})
        self.run_graph()
        self.assertEqual([line["embedding"][0] for line in self.lines("out.jsonl")], [len(f"{row} {command}") for row, command in enumerate(commands)] * 3)
        self.assertEqual(self.paid()["retry"][0], 2, "the two that were paid for and useless")

    def test_a_limit_counts_requests(self):
        server = self.server()
        self.write_records(self.records(300))
        self.graph({"url": server.url, "model": "m", "per_request": 10, "requests_per_run": 7}, keys="  frames: 1\n  batch_size: 10")
        self.run_graph(code=5)
        self.assertEqual(server.stats()["served"], 7)
        self.datagen("resume", self.run_directory, "--set", "embed.requests_per_run=1000")
        self.assertEqual([line["embedding"] for line in self.lines("out.jsonl")], self.expected(300))

    def test_kills_cost_only_what_was_on_the_wire(self):
        chance = self.seeded()
        server = self.server("--latency", "20", "--latency-max", "60")
        self.write_records(self.records(4000))
        self.graph({"url": server.url, "model": "m", "per_request": 10, "max_in_flight": 8}, keys="  workers: 2\n  batch_size: 20")
        command = ("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        times = []
        kills, launches = self.complete_under_kills(command, chance, kills_max=15, launches_max=40, launcher_every=6, pause=(0.05, 0.2), times=times)
        self.assertEqual([line["embedding"] for line in self.lines("out.jsonl")], self.expected(4000))
        embedded = sum(request["inputs"] for request in server.served())
        wire = server.on_the_wire((when for when, name in times if name in ("embed", "datagen")), of=lambda request: request["inputs"])
        print(f"4000 records, {kills} kills in {launches} launches: {embedded} embeddings in {server.stats()['served']} requests, {wire} on the wire at the kills", flush=True)
        self.assertLessEqual(embedded, 4000 + wire)

    def test_a_request_is_kept_as_a_whole_or_was_on_the_wire(self):
        """The worker dies before each of its writes to the ledger in turn: no request is begun again in its middle."""
        records, deaths = self.records(40), 0
        for write in range(1, 9):
            server = self.server()
            self.write_records(records)
            self.graph({"url": server.url, "model": "m", "per_request": 20}, keys="  batch_size: 20\n  frames: 1")
            token = self.write("token", "")
            env = {"LD_PRELOAD": faults.PRELOAD, "FAULTS_RULES": f"write,*/ledger/embed.*,0,{write},{token}"}
            self.run_graph("--fresh", "--overwrite", "--forget-paid", env=env)
            self.assertEqual([line["embedding"] for line in self.lines("out.jsonl")], self.expected(40))
            firsts = [(int(request["user"][:6]), request["inputs"]) for request in server.served()]
            died = not os.path.exists(token)
            deaths += died
            self.assertEqual(len(firsts) - len(set(firsts)), died, f"before write {write}: {firsts}")
            self.assertEqual(sum(inputs for _, inputs in set(firsts)), 40, f"before write {write}: {firsts}")
            self.assert_books_are_the_servers(server)
        self.assertGreaterEqual(deaths, 2)

    def test_a_run_that_is_stopped_pays_for_nothing_twice(self):
        server = self.server("--latency", "200")
        self.write_records(self.records(600))
        self.graph({"url": server.url, "model": "m", "per_request": 5, "max_in_flight": 10}, keys="  batch_size: 10")
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        runs.wait_until(lambda: server.stats()["served"] >= 20, what="some answers")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.datagen("resume", self.run_directory)
        self.assertEqual([line["embedding"] for line in self.lines("out.jsonl")], self.expected(600))
        self.assertEqual(sum(request["inputs"] for request in server.served()), 600)


if __name__ == "__main__":
    runs.main()
