"""llm_chat against a server that answers, misbehaves, and counts."""

import http.server
import json
import os
import signal
import ssl
import subprocess
import threading
import time

import runs
from llm_runs import LlmTest

PAIRS = {"type": "object", "required": ["pairs"], "properties": {"pairs": {"type": "array", "items": {
    "type": "object", "required": ["question", "answer"], "additionalProperties": False,
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}}}}}}
SCORE = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}


class Answers(LlmTest):
    def test_each_record_gets_its_answer(self):
        server = self.server("--latency", "5")
        self.write_records([{"text": f"zeile {row} é", "n": row} for row in range(500)])
        self.graph({"url": server.url, "model": "m", "prompt": "{n}: {text}"})
        self.run_graph()
        expected = b"".join(json.dumps({"text": f"zeile {row} é", "n": row, "answer": f"{row}: ZEILE {row} é", "_i": row}, ensure_ascii=False,
                                       separators=(",", ":")).encode() + b"\n" for row in range(500))
        self.assertEqual(self.read("out.jsonl").replace(b", ", b",").replace(b'": ', b'":'), expected.replace(b", ", b",").replace(b'": ', b'":'))
        self.assertEqual(server.stats()["served"], 500)
        self.assert_nothing_left()

    def test_a_stream_gives_the_same_answer(self):
        server = self.server()
        self.write_records([{"text": "ein längerer text, der in mehreren stücken kommt"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{text}", "stream": True, "keep_input": False, "output_finish_reason": "why"})
        self.run_graph()
        self.assertEqual(self.lines("out.jsonl"), [{"answer": "EIN LäNGERER TEXT, DER IN MEHREREN STüCKEN KOMMT", "why": "stop", "_i": 0}])
        stats = server.stats()
        usage = self.stage_report()["usage"]
        self.assertIn(str(stats["completion_tokens"]), json.dumps(usage))

    def test_several_completions_are_children(self):
        server = self.server()
        self.write_records([{"t": "a"}, {"t": "b [[fault fewer_choices 9]]"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "n": 3, "output_model": "by"})
        self.run_graph()
        lines = self.lines("out.jsonl")
        self.assertEqual([line["_i"] for line in lines], ["0_0", "0_1", "0_2", "1_0", "1_1", "1_2"])
        self.assertEqual([line["answer"] for line in lines[:3]], ["A", "A #1", "A #2"])
        self.assertEqual([line["by"] for line in lines], ["m"] * 6)
        self.assertEqual(server.stats()["served"], 1 + 3, "what is missing is asked for, and no more")

    def test_messages_images_and_extra_members(self):
        server = self.server()
        self.write_records([{"text": "see", "pics": ["http://x/1.png", "/9j/AAA"]}])
        self.graph({"url": server.url, "model": "m", "prompt": "{text}", "images": "pics", "system": "Be {text}", "temperature": 0.5, "stop": ["x"],
                    "extra": {"top_k": 4}})
        self.run_graph()
        self.assertEqual(self.lines("out.jsonl")[0]["answer"], "SEE<HTTP://X/1.PNG><DATA:IMAGE/JPEG;BASE64,/9J/AAA>")
        self.write_records([{"chat": [{"role": "system", "content": "s"}, {"role": "user", "content": "u1"}]}])
        self.graph({"url": server.url, "model": "m", "messages": "chat"})
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual(self.lines("out.jsonl")[0]["answer"], "U1")

    def test_a_schema_is_asked_for_checked_and_lifted(self):
        server = self.server()
        self.write_records([
            {"t": '[[say Sure! {"score": 3} Done.]]'},
            {"t": '[[say I would rather not.]] [[then {"score": 4,}]]'},
            {"t": '[[say {"score": "high"}]] [[then {"score": "higher"}]]'},
        ])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "schema": SCORE, "lift": ["score"], "keep_input": False})
        self.run_graph()
        self.assertEqual(self.lines("out.jsonl"), [{"score": 3, "_i": 0}, {"score": 4, "_i": 1}])
        dead = self.dead()
        self.assertEqual([(letter["id"], letter["reason"]) for letter in dead], [(2, "invalid_answer")])
        self.assertIn('{"score": "higher"}', dead[0]["message"])
        self.assertEqual(server.stats()["served"], 1 + 2 + 2)

    def test_a_list_becomes_children(self):
        server = self.server()
        answer = json.dumps({"pairs": [{"question": "q1", "answer": "a1"}, {"question": "q2", "answer": "a2"}]})
        self.write_records([{"doc": f"[[say {answer}]]"}, {"doc": '[[say {"pairs": []}]]'}])
        self.graph({"url": server.url, "model": "m", "prompt": "{doc}", "schema": PAIRS, "explode": "pairs", "keep_input": False})
        self.run_graph()
        self.assertEqual(self.lines("out.jsonl"), [{"question": "q1", "answer": "a1", "_i": "0_0"}, {"question": "q2", "answer": "a2", "_i": "0_1"}])

    def test_what_a_prompt_lacks_is_a_dead_letter(self):
        server = self.server()
        self.write_records([{"t": "a"}, {"u": "b"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}"})
        self.run_graph()
        self.assertEqual([letter["reason"] for letter in self.dead()], ["missing_field"])
        self.assertEqual(len(self.lines("out.jsonl")), 1)

    def test_wrong_parameters_are_found_before_anything_starts(self):
        self.write_records([{"t": "a"}])
        for params, message in [
            ({"url": "localhost", "model": "m", "prompt": "x"}, "expected http://"),
            ({"url": "http://x", "model": "m", "prompt": "{x"}, "is not closed"),
            ({"url": "http://x", "model": "m", "prompt": "x", "api_key": "sk-1"}, "is a secret"),
            ({"endpoints": [{"url": "http://x", "api_key": "sk-1"}], "prompt": "x"}, "is a secret"),
            ({"endpoints": [{"url": "http://x", "modell": "m"}], "prompt": "x"}, "no 'modell'"),
            ({"url": "http://x", "model": "m", "prompt": "x", "schema": {"type": 3}}, "not a JSON Schema"),
            ({"url": "http://x", "model": "m", "prompt": "x", "temprature": 1}, "did you mean 'temperature'"),
        ]:
            self.graph(params)
            _, err = self.run_graph(code=2)
            self.assertIn(message, err)
            self.assertNotIn("sk-1", err)


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


class Money(LlmTest):
    def usage(self):
        """Of the model m: what the report says by kind, as (calls, tokens)."""
        return {entry["kind"]: (entry["calls"], entry["prompt_tokens"] + entry["completion_tokens"]) for entry in self.stage_report()["calls"]}

    def test_the_books_are_those_of_the_server(self):
        server = self.server()
        self.write_records([{"t": f'{row} [[say {{"score": {row}}}]]'} for row in range(40)] + [{"t": '[[say no]] [[then {"score": 1}]]'}, {"t": "[[say no]]"}])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "schema": SCORE, "prices": {"m": {"prompt": 1, "completion": 2}}})
        self.run_graph()
        usage = self.usage()
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
        self.assertEqual(list(self.usage()), ["reused"])


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"choices":[{"message":{"content":"safe"},"finish_reason":"stop"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Tls(LlmTest):
    def test_certificates_are_verified(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.path("tls.key"), "-out", self.path("tls.crt"),
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("tls.crt"), self.path("tls.key"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.write_records([{"t": "a"}])
        endpoint = {"url": f"https://localhost:{server.server_port}/v1", "model": "m"}
        self.graph({"endpoints": [endpoint], "prompt": "{t}", "call_retries": 0})
        self.run_graph()
        self.assertIn("certificate", self.dead()[0]["message"].lower())
        self.graph({"endpoints": [{**endpoint, "ca_file": self.path("tls.crt")}], "prompt": "{t}", "call_retries": 0})
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual(self.lines("out.jsonl")[0]["answer"], "safe")


class Secrets(LlmTest):
    KEY = "sk-very-secret-0123456789"

    def everything(self):
        """All that the run has written, and what the arguments of processes show."""
        for directory, _, files in os.walk(self.folder):
            for name in files:
                with open(os.path.join(directory, name), "rb") as file:
                    yield os.path.join(directory, name), file.read()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        yield f"/proc/{entry}/cmdline", file.read()
                except OSError:
                    pass

    def check(self, params, env, code=0):
        self.graph(params)
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory, "--fresh", "--overwrite", env=env)
        while process.poll() is None:
            for path, data in self.everything():
                if path != self.path("key"):
                    self.assertNotIn(self.KEY.encode(), data, path)
            time.sleep(0.05)
        out, err = process.communicate()
        self.assertEqual(process.returncode, code, err)
        self.assertNotIn(self.KEY.encode(), out + err)
        for path, data in self.everything():
            if path != self.path("key"):
                self.assertNotIn(self.KEY.encode(), data, path)

    def test_a_key_stands_nowhere(self):
        server = self.server("--latency", "20", key=self.KEY)
        self.write_records([{"t": f"text {row} " + ("[[status 400 9]]" if row % 9 == 0 else "")} for row in range(60)])
        self.check({"url": server.url, "model": "m", "prompt": "{t}", "api_key": "env:LLM_KEY"}, {"LLM_KEY": self.KEY})
        self.assertEqual(len(self.lines("out.jsonl")), 53)
        self.write("key", self.KEY + "\n")
        os.chmod(self.path("key"), 0o600)
        endpoints = [{"url": server.url, "model": "m", "api_key": "file:" + self.path("key")},
                     {"url": server.url.replace("/v1", ""), "model": "m", "api": "azure", "deployment": "d", "api_key": "file:" + self.path("key")}]
        self.check({"endpoints": endpoints, "prompt": "{t} again"}, {})
        self.assertEqual(len(self.lines("out.jsonl")), 53)

    def test_a_wrong_key_stops_the_run_and_is_not_shown(self):
        server = self.server(key="another")
        self.write_records([{"t": "a"}])
        self.check({"url": server.url, "model": "m", "prompt": "{t}", "api_key": "env:LLM_KEY"}, {"LLM_KEY": self.KEY}, code=3)

    def test_a_key_that_others_may_read_is_refused(self):
        self.write("key", self.KEY)
        os.chmod(self.path("key"), 0o644)
        self.write_records([{"t": "a"}])
        self.graph({"url": "http://127.0.0.1:9", "model": "m", "prompt": "{t}", "api_key": "file:" + self.path("key")})
        _, err = self.run_graph(code=3)
        self.assertIn("chmod 600", err)


class Kills(LlmTest):
    def test_what_was_paid_for_is_not_paid_again(self):
        server = self.server("--latency", "30", "--latency-max", "80")
        self.write_records([{"t": f"text {row} [[say good]]" if row % 10 else f"text {row} [[say bad]] [[then {{\"score\": {row}}}]]", "row": row}
                            for row in range(600)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20})
        process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
        in_flight = 0
        for _ in range(5):
            before = server.stats()["served"]
            runs.wait_until(lambda: server.stats()["served"] >= before + 30, what="some answers")
            for pid, name in runs.processes_of(self.run_directory):
                if name == "llm_chat":
                    in_flight += server.stats()["in_flight"] + 20
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(600)))
        served = server.stats()["served"]
        print(f"600 records, 5 kills: {served} calls", flush=True)
        self.assertGreaterEqual(served, 600)
        self.assertLessEqual(served, 600 + 5 * 20)

    def test_a_launcher_that_is_killed_pays_for_nothing_twice(self):
        server = self.server("--latency", "30", "--latency-max", "80")
        self.write_records([{"t": f"text {row}", "row": row} for row in range(400)])
        self.graph({"url": server.url, "model": "m", "prompt": "{t}", "max_in_flight": 20})
        for _ in range(3):
            before = server.stats()["served"]
            process = self.start("run", self.path("graph.yaml"), "--run-dir", self.run_directory)
            runs.wait_until(lambda: server.stats()["served"] >= before + 50, what="some answers")
            process.kill()
            process.wait()
            runs.wait_until(lambda: not runs.processes_of(self.run_directory), what="the end of the workers")
        self.datagen("resume", self.run_directory)
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(400)))
        served = server.stats()["served"]
        print(f"400 records, 3 kills of everything: {served} calls", flush=True)
        self.assertLessEqual(served, 400 + 3 * 20)


if __name__ == "__main__":
    runs.main()
