"""llm_chat: what is asked, what is written, and that keys stay secret."""

import http.server
import json
import os
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
    def test_the_template_of_init_runs(self):
        self.datagen("init", "llm", "titles")
        said = '[[say {{"title": "A title", "rating": 3}}]] {text}'
        _, err = self.datagen("run", "graph.yaml", "--set", "vars.url=" + self.server().url, "--set", "llm_chat.prompt=" + said, cwd=self.path("titles"))
        self.assertRegex(err, r"titles complete in \S+: read 100, wrote 99, dead 1 \(1 %\)")
        first, *_ = self.lines("titles/out/titles.jsonl")
        self.assertEqual((first["title"], first["rating"], first["_i"]), ("A title", 3, 0))

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
            ({"endpoints": [{"url": "http://x", "model": "m", "headers": {"X-Api-Key": "sk-1"}}], "prompt": "x"}, "'X-Api-Key' is a secret"),
            ({"url": "http://me:sk-1@x/v1", "model": "m", "prompt": "x"}, "no user, password or query"),
            ({"url": "http://x/v1?key=sk-1", "model": "m", "prompt": "x"}, "no user, password or query"),
            ({"url": "http://x", "model": "m", "prompt": "x", "schema": {"type": 3}}, "not a JSON Schema"),
            ({"url": "http://x", "model": "m", "prompt": "x", "temprature": 1}, "did you mean 'temperature'"),
        ]:
            self.graph(params)
            _, err = self.run_graph(code=2)
            self.assertIn(message, err)
            self.assertNotIn("sk-1", err)


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


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that does not trust the certificate ends the connection, as it should."""


class Tls(LlmTest):
    def test_certificates_are_verified(self):
        certificate, key = self.certificate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = QuietServer(("127.0.0.1", 0), Answering)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.write_records([{"t": "a"}])
        endpoint = {"url": f"https://localhost:{server.server_port}/v1", "model": "m"}
        self.graph({"endpoints": [endpoint], "prompt": "{t}", "call_retries": 0})
        self.run_graph()
        self.assertIn("certificate", self.dead()[0]["message"].lower())
        self.graph({"endpoints": [{**endpoint, "ca_file": certificate}], "prompt": "{t}", "call_retries": 0})
        self.run_graph("--fresh", "--overwrite")
        self.assertEqual(self.lines("out.jsonl")[0]["answer"], "safe")

    def test_calls_share_a_connection_where_the_server_speaks_http2(self):
        certificate, key = self.certificate()
        server = subprocess.Popen([os.path.join(runs.SOURCE, "tests", "llm", "http2_server.py"), certificate, key, "100"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.started.append(server)
        endpoint = {"url": f"https://localhost:{int(server.stdout.readline())}/v1", "model": "m", "ca_file": certificate, "max_in_flight": 50}
        self.write_records([{"t": f"text {row}"} for row in range(600)])
        self.graph({"endpoints": [endpoint], "prompt": "{t}"})
        self.run_graph()
        self.assertEqual([line["answer"] for line in self.lines("out.jsonl")], [f"TEXT {row}" for row in range(600)])
        counts = json.loads(server.communicate(timeout=20)[0])
        self.assertEqual(counts["requests"], 600)
        self.assertLessEqual(counts["connections"], 2)
        self.assertGreater(counts["most_at_once"], 20)


class Secrets(LlmTest):
    KEY = "sk-very-secret-0123456789"

    def everything(self):
        """All that the run has written, and what the arguments of processes show. The run goes on meanwhile: a file may have
        been renamed (then it is read under its new name), a process may have ended."""
        paths = [os.path.join(directory, name) for directory, _, files in os.walk(self.folder) for name in files]
        paths += [f"/proc/{entry}/cmdline" for entry in os.listdir("/proc") if entry.isdigit()]
        for path in paths:
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield path, data

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
        return err.decode()

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
        said = self.check({"url": server.url, "model": "m", "prompt": "{t}", "api_key": "env:LLM_KEY"}, {"LLM_KEY": self.KEY}, code=3)
        self.assertIn("wrong key: ***", said)

    def test_a_key_that_others_may_read_is_refused(self):
        self.write("key", self.KEY)
        os.chmod(self.path("key"), 0o644)
        self.write_records([{"t": "a"}])
        self.graph({"url": "http://127.0.0.1:9", "model": "m", "prompt": "{t}", "api_key": "file:" + self.path("key")})
        _, err = self.run_graph(code=3)
        self.assertIn("chmod 600", err)


if __name__ == "__main__":
    runs.main()
