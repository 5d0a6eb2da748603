"""What tests of the LLM stage share: the server that misbehaves on command (tests/llm/behaviour.h), and graphs that call it."""

import json
import os
import signal
import subprocess
import urllib.request

import runs
from runs import RunTest

SERVER = os.path.join(os.path.dirname(runs.BIN), "tests", "llm_server")


class Server:
    """One server process; it ends with the test's process."""

    def __init__(self, *options, log="", key=""):
        self.process = subprocess.Popen([SERVER, *options, *(["--log", log] if log else [])], stdout=subprocess.PIPE,
                                        env={**os.environ, "LLM_SERVER_KEY": key})
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.log = log

    def stats(self):
        return json.loads(self._ask("/stats"))

    def set_status(self, status):
        self._ask(f"/status/{status}")

    def _ask(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read()

    def requests(self):
        """All that it has answered, as its log has them."""
        self.stats()
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [json.loads(line) for line in file]

    def on_the_wire(self, times, slack=0.05, of=lambda request: 1):
        """Requests that were under way at each of these times (time.monotonic), added up, or what is wanted `of` each. `slack`: what a request
        or an answer takes between this server and where the other side has sent or stored it."""
        spans = [(request["from"] - slack, request["at"] + slack, of(request)) for request in self.served()]
        return sum(amount for when in times for begin, end, amount in spans if begin <= when <= end)

    def served(self):
        return [request for request in self.requests() if request["status"] == 200]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        self.process.stdout.close()


class LlmTest(RunTest):
    STAGE = "llm_chat"

    def setUp(self):
        super().setUp()
        self.servers = []
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            os.environ.pop(name, None)

    def tearDown(self):
        for server in self.servers:
            server.stop()
        super().tearDown()

    def server(self, *options, key=""):
        server = Server(*options, log=self.path(f"server{len(self.servers)}.jsonl"), key=key)
        self.servers.append(server)
        return server

    def certificate(self):
        """Paths of a certificate for localhost, which it has signed itself, and of its key."""
        certificate, key = self.path("tls.crt"), self.path("tls.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        return certificate, key

    def write_records(self, records):
        self.write("in.jsonl", "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))

    def graph(self, params, keys="", top=""):
        """A graph of one stage; `params` is a dict, `keys` further keys of the stage."""
        self.write("graph.yaml", f"""datagen: 1
pipeline: llm
input: jsonl://in.jsonl
output: jsonl://out.jsonl
commit_interval: 50ms
max_dead_letters: 100%
{top}
stages:
- use: {self.STAGE}
  params: {json.dumps(params)}
{keys}
""")

    def run_graph(self, *arguments, code=0, **options):
        return self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, *arguments, code=code, **options)

    def assert_books_are_the_servers(self, server):
        """What was kept is what the server billed for one answer to each text; what it billed beside, nobody lived to count."""
        billed = {request["user"]: request["prompt_tokens"] + request["completion_tokens"] for request in server.served()}
        self.assertEqual(self.paid(), {"kept": (len(billed), sum(billed.values()))})

    def dead(self):
        return self.lines("run/dead_letter.jsonl")

    def stage_report(self):
        report = self.report()
        self.assertEqual(report["audit"], [])
        return next(stage for stage in report["stages"] if stage["id"] == self.STAGE)

    def paid(self):
        """What the report says by kind, as (calls, tokens)."""
        return {entry["kind"]: (entry["calls"], entry["prompt_tokens"] + entry["completion_tokens"]) for entry in self.stage_report()["calls"]}
