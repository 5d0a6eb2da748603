"""llm_chat against servers that fail: each kind of failure, fail-over, storms of 429s."""

import runs
from llm_runs import LlmTest


class Trouble(LlmTest):
    def test_failures_are_tried_again(self):
        server = self.server("--latency", "2")
        commands = ["[[status 500 2]]", "[[status 429 2]]", "[[status 429 1 1]]", "[[status 503 1]]", "[[fault reset 2]]", "[[fault reset_in_body 1]]",
                    "[[fault invalid_json 1]]", "[[fault truncated_json 1]]", "[[fault hang 1]]", "[[fault wrong_usage 1]]", "[[fault no_usage 1]]"]
        self.write_records([{"t": f"{row} {command}"} for row, command in enumerate(commands * 3)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "call_timeout": 1})
        self.run_graph()
        self.assertEqual([line["answer"] for line in self.lines("out.jsonl")], [f"{row} {command.upper()}" for row, command in enumerate(commands * 3)])
        self.assertEqual(self.dead(), [])

    def test_broken_streams_are_tried_again(self):
        server = self.server()
        self.write_records([{"t": f"a text of some length {command}"} for command in ("[[fault cut_stream 1]]", "[[fault reset_in_body 1]]", "[[fault slow_stream 1]]")])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "stream": True, "idle_timeout": 2})
        self.run_graph()
        self.assertEqual(len(self.lines("out.jsonl")), 3)

    def test_what_fails_for_good_is_a_dead_letter_and_hurts_no_neighbour(self):
        server = self.server()
        self.write_records([{"t": "good 1"}, {"t": "[[status 400 99]]"}, {"t": "[[status 500 99]]"}, {"t": "[[fault empty_answer 99]]"}, {"t": "good 2"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "call_retries": 1})
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], [0, 4])
        dead = {letter["id"]: letter for letter in self.dead()}
        self.assertEqual([dead[row]["reason"] for row in (1, 2, 3)], ["refused_by_server", "call_failed", "empty_answer"])
        self.assertIn("status 400 was asked for", dead[1]["message"])
        self.assertEqual(len([request for request in server.requests() if request["user"].startswith("good")]), 2, "no neighbour is asked again")

    def test_an_endpoint_that_is_down_is_left_for_another_group(self):
        first, second = self.server(), self.server()
        first.set_status(500)
        self.write_records([{"t": f"text {row}"} for row in range(200)])
        self.graph({"endpoints": [{"url": first.url, "model": "large", "group": "main"}, {"url": second.url, "model": "small", "group": "spare"}],
                    "prompt": "{t}", "output_model": "by", "max_in_flight": 4})
        self.run_graph()
        self.assertEqual({line["by"] for line in self.lines("out.jsonl")}, {"small"})
        self.assertLess(first.stats()["errors"], 30)
        self.assertEqual(second.stats()["served"], 200)

    def test_weights_share_the_calls(self):
        first, second = self.server(), self.server()
        self.write_records([{"t": f"text {row}"} for row in range(400)])
        self.graph({"endpoints": [{"url": first.url, "weight": 3}, {"url": second.url}], "model": "m", "prompt": "{t}"})
        self.run_graph()
        self.assertAlmostEqual(first.stats()["served"], 300, delta=20)
        self.assertAlmostEqual(second.stats()["served"], 100, delta=20)

    def test_a_storm_of_429s_passes(self):
        server = self.server("--in-flight-max", "10", "--latency", "20")
        self.write_records([{"t": f"text {row}"} for row in range(1000)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}"})
        self.run_graph()
        self.assertEqual(len(self.lines("out.jsonl")), 1000)
        self.assertEqual(self.dead(), [])
        self.assertEqual(server.stats()["served"], 1000)

    def test_when_nobody_answers_the_run_stops_and_can_go_on(self):
        server = self.server()
        server.set_status(500)
        self.write_records([{"t": f"text {row}"} for row in range(50)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "patience": 2, "call_retries": 100})
        _, err = self.run_graph(code=3)
        self.assertIn("no endpoint has answered for 2 s", err)
        server.set_status(200)
        self.datagen("resume", self.run_directory)
        self.assertEqual(len(self.lines("out.jsonl")), 50)
        self.assertEqual(server.stats()["served"], 50)


if __name__ == "__main__":
    runs.main()
