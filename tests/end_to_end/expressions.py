"""Expressions (when:, filter, map) and programs (exec:) in graphs: what reaches whom, what is refused, and under kills."""

import json
import os
import sys

import runs
from runs import RunTest

PYTHON = sys.executable


class Expressions(RunTest):
    def graph(self, stages, output="output: jsonl://out.jsonl", more=""):
        text = f"datagen: 1\npipeline: expressions\ncommit_interval: 20ms\ninput: jsonl://in.jsonl\n{output}\n{more}stages:\n{stages}"
        return self.write("graph.yaml", text)

    def records(self, count=1000):
        self.write("in.jsonl", "".join(json.dumps({"n": row, "lang": ("en", "de", "fr")[row % 3]}) + "\n" for row in range(count)))

    def run_graph(self, *arguments, code=0):
        return self.datagen("run", self.path("graph.yaml"), "--run-dir", self.run_directory, *arguments, code=code)

    def stages(self):
        report = self.report()
        self.assertEqual(report["audit"], [])
        self.assert_nothing_left()
        return {stage["id"]: stage for stage in report["stages"]}

    def letters(self):
        return [line for line in self.lines("run/dead_letter.jsonl")]

    # ---- when

    def test_a_condition_keeps_other_records_from_a_stage_and_counts_them(self):
        self.records()
        self.graph("- {use: pass, id: english, when: .lang == \"en\"}\n")
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], list(range(0, 1000, 3)))
        stages = self.stages()
        self.assertEqual(stages["english"]["in"], 334)
        self.assertEqual(stages["english.when"]["drop_reasons"], {"when": 666})

    def test_branches_with_conditions_are_routes(self):
        self.records()
        self.graph("- {use: pass, id: english, from: input, when: .lang == \"en\", output: jsonl://en.jsonl}\n"
                   "- {use: pass, id: german, from: input, when: .lang == \"de\", output: jsonl://de.jsonl}\n", output="")
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("en.jsonl")], list(range(0, 1000, 3)))
        self.assertEqual([line["_i"] for line in self.lines("de.jsonl")], list(range(1, 1000, 3)))
        self.stages()

    def test_a_join_takes_past_the_stage_what_its_condition_kept_away(self):
        self.records()
        self.graph("- pass\n- {map: {expr: .mark = true}, id: mark, when: .n < 10}\n- {pass: {}, id: all, from: [mark, pass]}\n")
        self.run_graph()
        lines = self.lines("out.jsonl")
        self.assertEqual([line["_i"] for line in lines], list(range(1000)))
        self.assertEqual([line["_i"] for line in lines if "mark" in line], list(range(10)))
        self.stages()

    def test_an_expression_that_fails_on_a_record_is_a_dead_letter(self):
        self.records(50)
        self.graph("- {use: pass, when: .n + .lang > 1}\n", more="max_dead_letters: 100%\n")
        self.run_graph()
        letters = self.letters()
        self.assertEqual(len(letters), 50)
        self.assertEqual((letters[0]["stage"], letters[0]["reason"]), ("pass.when", "expression_error"))
        self.assertIn("cannot be added", letters[0]["message"])
        self.assertIn(".n + .lang > 1", letters[0]["message"])

    def test_an_expression_that_does_not_compile_is_an_error_of_the_graph(self):
        self.records(1)
        self.graph("- {use: pass, when: .n ==}\n- filter: {where: nosuch(.n)}\n")
        _, err = self.run_graph(code=2)
        self.assertIn("stages[0].when: the expression does not compile: syntax error", err)
        self.assertIn("graph.yaml:7:21", err)
        self.assertIn("stages[1].filter.where: the expression does not compile: nosuch/1 is not defined", err)

    # ---- map

    def test_a_map_makes_children_drops_and_keeps_the_bytes_of_what_it_leaves(self):
        self.write("in.jsonl", '{"id": 12345678901234567890123, "x": 1.0, "a": [1e2, 9007199254740993], "k": 1}\n'
                               '{"k": 2, "id": 9007199254740993}\n{"k": 0}\n{"k": 3, "id": 9007199254740993}\n')
        self.graph("- map: {expr: 'if .k == 1 then .k = 5 | .a[0] = 7 elif .k == 2 then {id, part: (1, 2)} elif .k == 0 then empty "
                   "else {copy: .id} end'}\n", more="max_dead_letters: 100%\n")
        self.run_graph()
        self.assertEqual(self.read("out.jsonl").decode(),
                         '{"id":12345678901234567890123,"x":1.0,"a":[7,9007199254740993],"k":5,"_i":0}\n'
                         '{"id":9007199254740993,"part":1,"_i":"1_0"}\n{"id":9007199254740993,"part":2,"_i":"1_1"}\n')
        self.assertEqual([(letter["id"], letter["reason"]) for letter in self.letters()], [(3, "number_precision")])
        self.assertEqual(self.stages()["map"]["drop_reasons"], {"map": 1})

    # ---- exec

    def program(self, name, text):
        path = self.write(name, f"#!{PYTHON}\nimport json, os, sys, time\n{text}")
        os.chmod(path, 0o755)
        return path

    def test_a_program_filters_frames(self):
        self.records(5000)
        self.program("half", "for line in sys.stdin:\n  r = json.loads(line)\n  if r['n'] % 2: continue\n  print(json.dumps(r))\n"
                             "  if r['n'] % 5 == 0: print(json.dumps(r))\n")
        self.graph("- {exec: [./half], workers: 2}\n")
        self.run_graph()
        expected = []
        for row in range(0, 5000, 2):
            expected += [f"{row}_0", f"{row}_1"] if row % 5 == 0 else [row]
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], expected)
        self.assertEqual(self.stages()["half"]["drop_reasons"], {"dropped by the program": 2500})

    def test_without_ids_lines_are_the_records_in_their_order(self):
        self.records(4000)
        self.program("double", "for line in sys.stdin:\n  n = json.loads(line)['n']\n"
                               "  print('null' if n % 10 == 3 else json.dumps([{'n': n}, {'n': -n}]) if n % 10 == 7 else json.dumps({'n': 2 * n}))\n")
        self.graph("- {exec: [./double], workers: 2}\n", more="rings: {frame_records: 64}\n")
        self.run_graph()
        expected = []
        for row in range(4000):
            if row % 10 == 7:
                expected += [{"n": row, "_i": f"{row}_0"}, {"n": -row, "_i": f"{row}_1"}]
            elif row % 10 != 3:
                expected.append({"n": 2 * row, "_i": row})
        self.assertEqual(self.lines("out.jsonl"), expected)
        self.assertEqual(self.stages()["double"]["drop_reasons"], {"dropped by the program": 400})

    def test_without_ids_a_frame_whose_lines_do_not_fit_is_halved_until_they_do(self):
        self.records(600)
        # Says nothing to 100, and two lines to 400: alone, the one is dropped and the other refused.
        self.program("uneven", "for line in sys.stdin:\n  n = json.loads(line)['n']\n"
                               "  for _ in range(0 if n == 100 else 2 if n == 400 else 1): print(json.dumps({'n': n}))\n")
        self.graph("- exec: [./uneven]\n", more="rings: {frame_records: 64}\n")
        self.run_graph()
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], [row for row in range(600) if row not in (100, 400)])
        self.assertEqual([line["n"] for line in self.lines("out.jsonl")], [row for row in range(600) if row not in (100, 400)])
        self.assertEqual(self.stages()["uneven"]["drop_reasons"], {"dropped by the program": 1})
        (letter,) = self.letters()
        self.assertEqual((letter["id"], letter["reason"]), (400, "bad_answer"))
        self.assertIn("2 lines for 1 records", letter["message"])

    def test_a_record_at_which_a_program_fails_is_found(self):
        self.records(3000)
        self.program("picky", "for line in sys.stdin:\n  r = json.loads(line)\n  if r['n'] in (7, 1234):\n"
                              "    print('cannot bear', r['n'], file=sys.stderr)\n    sys.exit(9)\n  print(json.dumps({'n': r['n']}))\n")
        self.graph("- exec: [./picky]\n")
        self.run_graph()
        letters = self.letters()
        self.assertEqual([letter["id"] for letter in letters], [7, 1234])
        self.assertIn("picky ended with code 9: cannot bear 7", letters[0]["message"])
        self.assertEqual(len(self.lines("out.jsonl")), 2998)
        self.stages()
        self.assertIn(b"cannot bear 1234", self.read("run/logs/picky.0.log"))

    def test_a_program_answers_line_by_line(self):
        self.records(2000)
        self.program("answer", "for line in sys.stdin:\n  r = json.loads(line)\n  n = r['n']\n  if n == 11: sys.exit(3)\n"
                               "  print('null' if n == 12 else json.dumps([{'c': 1}, {'c': 2}]) if n == 13 else json.dumps({'n': n}), flush=True)\n"
                               "  if n == 500: sys.exit(0)\n")
        self.graph("- {exec: [./answer], mode: line, threads: 2}\n")
        self.run_graph()
        expected = [row for row in range(2000) if row not in (11, 12)]
        expected[11:12] = ["13_0", "13_1"]
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], expected)
        self.assertEqual([letter["id"] for letter in self.letters()], [11])
        self.assertIn("answer ended with code 3", self.letters()[0]["message"])
        self.stages()

    def test_a_program_that_hangs_is_ended_with_all_that_it_started(self):
        self.records(40)
        # The record's own number: what it starts outlives it, unless somebody ends it.
        self.program("hang", "import subprocess\nfor line in sys.stdin:\n  r = json.loads(line)\n"
                             "  if r['n'] == 21:\n    p = subprocess.Popen(['sleep', '1000'])\n    open(os.path.dirname(__file__) + f'/pid.{p.pid}', 'w')\n"
                             "    time.sleep(1000)\n  print(json.dumps({'n': r['n']}), flush=True)\n")
        self.graph("- {exec: [./hang], mode: line, timeout: 500ms, crash_attempts: 2}\n")
        self.run_graph()
        self.assertEqual([(letter["id"], letter["reason"]) for letter in self.letters()], [(21, "timeout")])
        self.assertEqual(len(self.lines("out.jsonl")), 39)
        pids = [int(name[4:]) for name in os.listdir(self.folder) if name.startswith("pid.")]
        self.assertTrue(pids)
        for pid in pids:
            with self.assertRaises(ProcessLookupError, msg=f"{pid} is left"):
                runs.wait_until(lambda: os.kill(pid, 0), seconds=5, what="its end")
        self.stages()

    def test_answers_that_belong_to_nobody_are_dead_letters(self):
        self.records(3)
        self.program("odd", "for line in sys.stdin:\n  n = json.loads(line)['n']\n  print(('not json', '{\"_i\":77}', '[1]')[n])\n")
        self.graph("- exec: [./odd]\n", more="max_dead_letters: 100%\n")
        self.run_graph()
        self.assertEqual([letter["reason"] for letter in self.letters()], ["bad_answer"] * 3)

    def test_much_goes_both_ways_at_once(self):
        self.write("in.jsonl", "".join(json.dumps({"n": row, "text": "x" * 3000}) + "\n" for row in range(2000)))
        self.graph("- exec: [cat]\n- {exec: [cat], id: again, mode: line}\n")
        self.run_graph()
        self.assertEqual([line["n"] for line in self.lines("out.jsonl")], list(range(2000)))
        self.stages()

    def test_a_program_that_is_not_there_is_an_error_of_the_graph(self):
        self.records(1)
        self.graph("- exec: [nosuchprogram, -c]\n")
        _, err = self.run_graph(code=2)
        self.assertIn("stages[0].exec: there is no program 'nosuchprogram' on PATH at", err)
        self.assertFalse(os.path.exists(self.run_directory))

    # ---- under kills

    def test_outputs_are_the_same_after_kills(self):
        chance = self.seeded()
        self.records(15_000)
        self.program("tag", "for line in sys.stdin:\n  r = json.loads(line)\n  r['tag'] = r['n'] * 2\n  print(json.dumps(r), flush=True)\n")
        self.program("bare", "for line in sys.stdin:\n  r = json.loads(line)\n  del r['_i']\n  print(json.dumps(r))\n")
        text = ("- {map: {expr: '., (select(.n % 7 == 0) | .twin = true)'}, workers: 2}\n"
                "- {exec: [./tag], when: .n % 2 == 0, workers: 2}\n- {exec: [./tag], id: lines, mode: line}\n"
                "- {exec: [./bare], workers: 2}\n")
        rings = "rings: {slots: 4, block_bytes: 16KiB}\n"
        self.graph(text, output="output: jsonl://quiet.jsonl", more=rings)
        self.run_graph()
        self.graph(text, output="output: jsonl://killed.jsonl", more=rings)
        self.run_directory = self.path("run2")
        kills, launches = self.complete_under_kills(("run", self.path("graph.yaml"), "--run-dir", self.run_directory), chance, kills_max=30,
                                                    launches_max=29, launcher_every=10, pause=(0.02, 0.1))
        self.assertEqual(self.read("killed.jsonl"), self.read("quiet.jsonl"))
        print(f"{kills} kills in {launches} launches", flush=True)
        self.stages()


if __name__ == "__main__":
    runs.main()
