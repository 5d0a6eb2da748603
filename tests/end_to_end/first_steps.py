"""What a new user types first: init, check, run --limit, doctor, schema, completion, manual, help."""

import json
import os
import re
import shutil
import subprocess

import runs
from runs import RunTest

VERBS = ["run", "resume", "check", "plan", "status", "top", "stop", "report", "dead-letters", "replay", "repro", "trace", "stages",
         "init", "doctor", "schema", "completion", "manual"]


class FirstSteps(RunTest):
    def test_the_clean_template_runs_as_it_is(self):
        self.datagen("init", "clean", "first")
        folder = self.path("first")
        checked, _ = self.datagen("check", "graph.yaml", cwd=folder)
        self.assertIn("10 records were read through it: 10 written, 0 filtered, 0 dead", checked)
        _, said = self.datagen("run", "graph.yaml", cwd=folder)
        self.assertRegex(said, r"clean complete in \S+: read 100, wrote 99, dead 1 \(1 %\)")
        self.assertIn("  dead letters: datagen dead-letters clean\n", said)
        letters, _ = self.datagen("dead-letters", "clean", cwd=folder)
        self.assertTrue(letters.startswith("57 "), letters)
        with open(os.path.join(folder, "README.md")) as file:
            for verb in re.findall(r"^    datagen (\S+)", file.read(), re.M):
                self.assertIn(verb, VERBS)

    def test_the_exec_template_runs_as_it_is(self):
        self.datagen("init", "exec", "words")
        folder = self.path("words")
        checked, _ = self.datagen("check", "graph.yaml", cwd=folder)
        self.assertIn("10 records were read through it: 9 written, 1 filtered, 0 dead", checked)
        _, said = self.datagen("run", "graph.yaml", cwd=folder)
        self.assertRegex(said, r"words complete in \S+: read 100, wrote 87, filtered 13, dead 0")
        with open(os.path.join(folder, "out", "words.jsonl")) as file:
            first = json.loads(file.readline())
        self.assertEqual((first["words"], first["_i"]), (9, 0))

    def test_init_takes_no_folder_that_has_such_files(self):
        self.datagen("init", "clean", "first")
        _, said = self.datagen("init", "clean", "first", code=2)
        self.assertIn("first/graph.yaml exists", said)
        self.assertIn("did you mean 'clean'?", self.datagen("init", "claen", "other", code=2)[1])
        self.assertFalse(os.path.exists(self.path("other")))

    def test_check_names_the_field_that_records_lack(self):
        source = self.write("in.jsonl", "".join(json.dumps({"content": "x", "url": str(n)}) + "\n" for n in range(50)))
        graph = ["--input", source, "--stage", "clean_text", "--output", self.path("out.jsonl")]
        out, _ = self.datagen("check", *graph, code=5)
        self.assertIn("10 records were read through it: 0 written, 0 filtered, 10 dead\n"
                      "  clean_text: 'text' is in 0 of 10 records (they have: content, url)\n", out)
        out, _ = self.datagen("check", *graph, "--set", "clean_text.field=content")
        self.assertIn("10 records were read through it: 10 written", out)
        self.assertEqual(os.listdir(self.folder), ["in.jsonl"], "nothing is left, and nothing was written")

    def test_limit_runs_the_first_records_of_any_input_and_prints_them(self):
        rows = "".join(f'{n};"text {n} "\n' for n in range(1000))
        self.write("in.csv", "n;text\n" + rows)
        self.write("graph.yaml", "datagen: 1\ninput: {uri: csv://in.csv, delimiter: ';'}\noutput: jsonl://out.jsonl\nstages: [clean_text]\n")
        for _ in range(2):  # it begins anew each time
            out, said = self.datagen("run", "graph.yaml", "--limit", "3")
            self.assertEqual([json.loads(line) for line in out.splitlines()],
                             [{"text": f"text {n}", "len": 7, "_i": n} for n in range(3)])
            self.assertIn("complete in", said)
        self.assertFalse(os.path.exists(self.path("out.jsonl")))
        self.assertEqual(os.listdir(self.path("runs")), ["graph.limit"])
        self.run_directory = self.path("runs/graph.limit")
        self.assert_nothing_left()
        self.assertIn("--limit: at least 1", self.datagen("run", "graph.yaml", "--limit", "0", code=2)[1])

    def test_limit_beyond_the_input_takes_all_of_it(self):
        source = self.write("in.jsonl", '{"text":"a"}\n{"text":"b"}\n')
        out, _ = self.datagen("run", "--input", source, "--stage", "clean_text", "--output", "out.jsonl", "--limit", "100")
        self.assertEqual(len(out.splitlines()), 2)

    def test_doctor_tells_what_to_raise(self):
        answer = json.loads(self.start("doctor", "--json").communicate(timeout=60)[0])
        self.assertEqual(answer["version"], 1)
        self.assertEqual([finding["name"] for finding in answer["findings"]],
                         ["/dev/shm", "open files", "memory", "processes", "memory_limit", "kernel", "debuggers", "stages"])
        self.assertEqual(answer["ok"], all(finding["ok"] for finding in answer["findings"]))
        few = subprocess.run(["/bin/sh", "-c", 'ulimit -n 64; exec "$0" doctor', os.path.join(runs.BIN, "datagen")],
                             capture_output=True, timeout=60)
        self.assertEqual(few.returncode, 3)
        self.assertRegex(few.stdout.decode(), r"MEND +open files +64\n +ulimit -n 1024\n")

    def test_the_schema_has_every_key(self):
        schema = json.loads(self.datagen("schema")[0])
        self.assertEqual(schema["properties"]["datagen"]["type"], "integer")
        self.assertIn("workers", schema["$defs"]["stage"]["properties"])
        self.assertIn("workers", schema["$defs"]["running"]["properties"])
        self.assertNotIn("run", schema["$defs"]["running"]["properties"])
        self.assertEqual(schema["properties"]["ids"]["enum"], [True, False, "keep"])

    def test_completions_are_scripts_of_their_shells(self):
        for shell in ("bash", "zsh", "fish"):
            script, _ = self.datagen("completion", shell)
            for verb in VERBS:
                self.assertIn(verb, script)
        script = self.datagen("completion", "bash")[0] + '\nCOMP_WORDS=(datagen run --fre); COMP_CWORD=2; _datagen; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60)
        self.assertEqual(done.stdout.decode().strip(), "--fresh", done.stderr)

    def test_every_verb_has_help_with_examples_and_stands_in_the_manual(self):
        manual, _ = self.datagen("manual")
        listed, _ = self.datagen("--help")
        for verb in VERBS:
            self.assertRegex(listed, rf"\n  {verb} ")
            out, _ = self.datagen(verb, "--help")
            examples = out[out.index("Examples:\n"):].splitlines()
            self.assertEqual(len([line for line in examples if line.startswith("  ") and "datagen " in line]), 2, verb)
            self.assertTrue(any(line.startswith("Exit codes: 0 complete;") for line in examples), verb)
            self.assertIn('.SS "datagen ' + verb.replace("-", "\\-"), manual)
        self.check_manual(manual.encode())

    def test_the_ring_inspector_has_a_manual_too(self):
        ring = os.path.join(runs.BIN, "datagen-ring")
        manual = subprocess.run([ring, "manual"], capture_output=True, check=True, timeout=60).stdout
        for verb in ("stat", "top", "cat", "check"):
            self.assertIn(b'.SS "datagen\\-ring ' + verb.encode(), manual)
        self.assertIn(b"changes nothing", manual)
        self.check_manual(manual)

    def check_manual(self, page):
        if shutil.which("man") and shutil.which("groff"):
            done = subprocess.run(["man", "--warnings", "-l", "-"], input=page, capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_what_is_mistyped_gets_a_suggestion(self):
        for words, hint in ((["statsu"], "'statsu' (did you mean 'status'?)"), (["top", "--onec"], "--onec (did you mean '--once'?)"),
                            (["run", "x.yaml", "--limti=3"], "--limti (did you mean '--limit'?)")):
            self.assertIn(hint, self.datagen(*words, code=2)[1])


if __name__ == "__main__":
    runs.main()
