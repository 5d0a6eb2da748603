"""Several inputs read by a rule as one: the order is the rule's, whatever is killed, and every record leads back to its line."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess

import runs
from runs import RunTest

BRANCH = os.path.join(os.path.dirname(runs.BIN), "tests", "branch")


def turns(weights):
    """A round of smooth weighted round-robin, as stages/merge/merge_rule.cc does it."""
    credit = [0] * len(weights)
    order = []
    for _ in range(sum(weights)):
        credit = [have + weight for have, weight in zip(credit, weights)]
        chosen = max((index for index, weight in enumerate(weights) if weight), key=lambda index: (credit[index], -index))
        credit[chosen] -= sum(weights)
        order.append(chosen)
    return order


def in_turn(inputs, weights, until_first=False):
    """(input, record) in the order of the rules that take one record after the other."""
    weights, left, turn, order = list(weights), [list(records) for records in inputs], 0, turns(weights)
    while any(weights):
        index = order[turn]
        if left[index]:
            yield index, left[index].pop(0)
            turn = (turn + 1) % len(order)
            continue
        if until_first:
            return
        weights[index], turn = 0, 0
        order = turns(weights)


class MergedInputs(RunTest):
    NAMES = ("web", "books", "shop")

    def setUp(self):
        super().setUp()
        self.chance = self.seeded()

    def make_inputs(self, web=3000, books=1100, shop=2000):
        """Plain files, a packed one and one of CSV; what is in them, and in which line of which file."""
        os.mkdir(self.path("web"))
        self.inputs, self.places = [[], [], []], [[], [], []]
        files = {}
        for row in range(web):
            name = f"web/{row * 3 // web}.jsonl"
            self.add(files, name, 0, {"text": f"web {row}" + " w" * (3000 if row == 0 else self.chance.randrange(30))})
        for row in range(books):
            self.add(files, "books.jsonl.gz", 1, {"text": f"books {row}", "more": [row, None]})
        for name, lines in files.items():
            data = "".join(lines).encode()
            self.write(name, gzip.compress(data) if name.endswith(".gz") else data)
        if books == 0:
            self.write("books.jsonl.gz", gzip.compress(b""))
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["text", "price"])
        for row in range(shop):
            self.places[2].append((self.path("shop.csv"), text.getvalue().count("\n") + 1))
            record = {"text": f"shop {row}" + ("\nquoted, twice" if row % 5 == 0 else ""), "price": str(row / 4)}
            table.writerow(record.values())
            self.inputs[2].append(record)
        self.write("shop.csv", text.getvalue())

    def add(self, files, name, index, record):
        lines = files.setdefault(name, [])
        if self.chance.random() < 0.05:
            lines.append("\n")
        lines.append(json.dumps(record) + "\n")
        self.places[index].append((self.path(name), len(lines)))
        self.inputs[index].append(record)

    def graph(self, merge, rest="stages: [pass]\noutput: jsonl://out.jsonl", commit="20ms"):
        return self.write("graph.yaml", f"""datagen: 1
pipeline: merged
commit_interval: {commit}
max_dead_letters: 100%
inputs:
  web: jsonl://web/
  books: jsonl://books.jsonl.gz
  shop: {{uri: csv://shop.csv, delimiter: ","}}
merge: {merge}
{rest}
""")

    def command(self, *more):
        return ("run", self.path("graph.yaml"), "--run-dir", self.run_directory, *more)

    def written(self, name="out.jsonl"):
        records = self.lines(name)
        self.assertEqual([record.pop("_i") for record in records], list(range(len(records))))
        return records

    def check_report(self, read=None):
        report = self.report()
        self.assertEqual(report["audit"], [])
        source = next(stage for stage in report["stages"] if stage["id"] == "source")
        if read is None:
            read = {name: len(records) for name, records in zip(self.NAMES, self.inputs) if records}
        self.assertEqual(source["counters"], read)
        self.assertEqual(source["in"], sum(read.values()))
        self.assert_nothing_left()
        return report

    RULES = {"concat": "concat", "interleave": "interleave", "mix": "{weights: {web: 0.5, books: 0.2, shop: 0.3}}", "zip": "{rule: zip, until: first}"}

    def expected(self, rule):
        """What a rule makes of the inputs: (what, the inputs it was made of)."""
        if rule == "concat":
            return [record for records in self.inputs for record in records]
        if rule == "zip":
            return [dict(zip(self.NAMES, parts)) for parts in zip(*self.inputs)]
        return [record for _, record in in_turn(self.inputs, (1, 1, 1) if rule == "interleave" else (5, 2, 3))]

    def test_each_rule_gives_its_order_and_all_records(self):
        self.make_inputs()
        for rule, merge in self.RULES.items():
            with self.subTest(rule):
                self.graph(merge)
                self.datagen(*self.command("--fresh", "--overwrite"))
                self.assertEqual(self.written(), self.expected(rule))
                self.check_report({name: 1100 for name in self.NAMES} if rule == "zip" else None)

    def test_until_first_ends_with_the_input_that_ends_first(self):
        self.make_inputs(web=300, books=20, shop=100)
        self.graph("{weights: {web: 3, books: 1, shop: 2}, until: first}")
        self.datagen(*self.command())
        self.assertEqual(self.written(), [record for _, record in in_turn(self.inputs, (3, 1, 2), until_first=True)])

    def test_rows_without_partners_are_dead_letters_that_name_who_has_none(self):
        self.make_inputs(web=120, books=100, shop=110)
        self.graph("zip")
        self.datagen(*self.command())
        self.assertEqual(self.written(), self.expected("zip"))
        dead = self.lines("run/dead_letter.jsonl")
        self.assertEqual([letter["id"] for letter in dead], list(range(100, 120)))
        self.assertEqual(dead[0]["reason"], "unpaired")
        self.assertIn("'books'", dead[0]["message"])
        self.assertIn("'books', 'shop'", dead[-1]["message"])
        self.assertEqual(dead[0]["record"], {"web": self.inputs[0][100], "shop": self.inputs[2][100]})
        self.check_report()

    def test_pieces_that_are_no_objects_do_not_become_one_together(self):
        self.write("a.jsonl", '{"n":1}\n{"x":1},"b":{"y":1}\n{"n":3}\n')
        self.write("b.jsonl", '{"m":1}\n{"m":2}\n[3]\n')
        self.write("graph.yaml", f"datagen: 1\ninputs: {{a: jsonl://a.jsonl, b: jsonl://b.jsonl}}\nmerge: zip\nmax_dead_letters: 100%\n"
                                 f"stages: [pass]\noutput: jsonl://out.jsonl\n")
        self.datagen(*self.command())
        self.assertEqual(self.read("out.jsonl"), b'{"a":{"n":1},"b":{"m":1},"_i":0}\n')
        dead = self.lines("run/dead_letter.jsonl")
        self.assertEqual([(letter["id"], letter["reason"], letter["source"]["uri"], letter["source"]["line"]) for letter in dead],
                         [(1, "bad_json", self.path("a.jsonl"), 2), (2, "not_an_object", self.path("b.jsonl"), 3)])

    def test_an_empty_input_changes_nothing(self):
        self.make_inputs(books=0)
        for rule in ("concat", "interleave", "mix"):
            self.graph(self.RULES[rule])
            self.datagen(*self.command("--fresh", "--overwrite"))
            self.assertEqual(self.written(), self.expected(rule))
            self.check_report()

    def test_a_record_leads_back_to_its_line(self):
        self.make_inputs(web=400, books=300, shop=200)
        self.graph("interleave", f"""stages:
- {{run: {BRANCH}, id: some, params: {{keep: 1, dead: 7}}, workers: 2}}
output: jsonl://out.jsonl""")
        self.datagen(*self.command())
        order = list(in_turn([list(zip(records, places)) for records, places in zip(self.inputs, self.places)], (1, 1, 1)))
        dead = self.lines("run/dead_letter.jsonl")
        self.assertEqual([letter["id"] for letter in dead], list(range(0, 900, 7)))
        for letter in dead:
            record, place = order[letter["id"]][1]
            self.assertEqual((letter["source"]["uri"], letter["source"]["line"]), place)
            self.assertEqual(letter["record"], record)
        for row in (0, 1, 2, 451, 899):
            out, _ = self.datagen("trace", self.run_directory, str(row))
            record, (file, line) = order[row][1]
            self.assertIn(f"{file}:{line}", out)
            self.assertIn(record["text"].split("\n")[0], out)
        # Replayed from the source, where they die again: each is found in the right input.
        _, err = self.datagen("replay", self.run_directory, "--from", "source")
        self.assertIn("129 are dead again", err)

    def test_a_line_that_cannot_be_read_takes_its_turn(self):
        self.write("a.csv", "n\n1\n2,2\n3\n")
        self.write("b.jsonl", '{"n":1}\n{"n":2}\nbroken\n{"n":4}\n')
        self.write("graph.yaml", "datagen: 1\ninputs: {a: csv://a.csv, b: jsonl://b.jsonl}\nmerge: interleave\nmax_dead_letters: 100%\n"
                                 "stages: [pass]\noutput: jsonl://out.jsonl\n")
        self.datagen(*self.command())
        self.assertEqual(self.read("out.jsonl"), b'{"n":"1","_i":0}\n{"n":1,"_i":1}\n{"n":2,"_i":3}\n{"n":"3","_i":4}\n{"n":4,"_i":6}\n')
        dead = {letter["id"]: letter for letter in self.lines("run/dead_letter.jsonl")}
        self.assertEqual({row: (letter["reason"], letter["source"]["line"]) for row, letter in dead.items()},
                         {2: ("ragged_row", 3), 5: ("bad_json", 3)})
        out, _ = self.datagen("trace", self.run_directory, "2")
        self.assertIn(self.path("a.csv") + ":3", out)

    def test_branches_behind_a_merge_join_again(self):
        self.make_inputs(web=500, books=300, shop=400)
        self.graph("interleave", f"""stages:
- {{run: {BRANCH}, id: even, from: input, params: {{keep: 2}}, workers: 2}}
- {{run: {BRANCH}, id: third, from: input, params: {{keep: 3, dead: 60}}}}
- {{pass: {{}}, id: all, from: [even, third], workers: 2}}
output: jsonl://out.jsonl""")
        self.datagen(*self.command())
        self.assertEqual([line["_i"] for line in self.lines("out.jsonl")], [row for row in range(1200) if row % 2 == 0 or row % 3 == 0])
        order = list(in_turn(self.places, (1, 1, 1)))
        for letter in self.lines("run/dead_letter.jsonl"):
            self.assertEqual((letter["source"]["uri"], letter["source"]["line"]), order[letter["id"]][1])
        self.check_report()

    def test_any_kills_leave_every_rule_byte_for_byte(self):
        self.make_inputs(web=30000, books=12000, shop=20000)
        for rule, merge in self.RULES.items():
            workers = self.chance.randrange(1, 5)
            rest = "stages:\n- {use: pass, workers: %d}\noutput: jsonl://OUT.jsonl.zst\n" % workers
            self.graph(merge, rest.replace("OUT", "calm"))
            self.run_directory = self.path("calm." + rule)
            self.datagen(*self.command("--overwrite"))
            self.graph(merge, rest.replace("OUT", "killed"))
            self.run_directory = self.path("killed." + rule)
            kills, launches = self.complete_under_kills(self.command("--overwrite"), self.chance, kills_max=12, launches_max=40,
                                                        launcher_every=4, pause=(0.02, 0.15))
            calm, killed = (subprocess.run(["zstd", "-dcq", self.path(name)], capture_output=True, check=True).stdout
                            for name in ("calm.jsonl.zst", "killed.jsonl.zst"))
            self.assertTrue(calm == killed, rule)
            self.check_report({name: 12000 for name in self.NAMES} if rule == "zip" else None)
            print(f"{rule}: {kills} kills in {launches} launches with {workers} workers, {len(killed)} bytes identical", flush=True)

    def test_a_stop_in_the_middle_goes_on_and_changed_inputs_are_refused(self):
        self.make_inputs(web=60000, books=6000, shop=6000)
        self.graph("interleave")
        self.stop_in_the_middle(self.command(), signal.SIGKILL)
        web = self.read("web/0.jsonl")
        # What was read has changed.
        self.write("web/0.jsonl", web.replace(b"web 0", b"WEB 0", 1))
        _, err = self.datagen("resume", self.run_directory, code=3)
        self.assertIn("web/0.jsonl is not the one that the run has read", err)
        self.write("web/0.jsonl", web)
        # One is shorter.
        shop = self.read("shop.csv")
        self.write("shop.csv", shop[:-10])
        _, err = self.datagen("resume", self.run_directory, code=2)
        self.assertIn("shop.csv has", err)
        self.write("shop.csv", shop + b"later,1\r\n")  # grown: not read
        self.write("web/9.jsonl", '{"text":"later"}\n')
        self.datagen("resume", self.run_directory)
        self.assertEqual(self.written(), self.expected("interleave"))
        self.check_report()
        _, err = self.datagen(*self.command(), code=2)
        self.assertIn("its input has changed", err)

    def test_what_is_wrong_is_told_before_anything_starts(self):
        self.make_inputs(web=10, books=10, shop=10)
        os.unlink(self.path("shop.csv"))
        self.graph("{weights: {web: 1, boks: 1}}")
        _, err = self.datagen(*self.command(), code=2)
        self.assertIn("inputs.shop: cannot read " + self.path("shop.csv"), err)
        self.assertIn("merge.weights: 'books' has none", err)
        self.assertIn("merge.weights.boks: there is no such input (did you mean 'books'?)", err)
        self.write("graph.yaml", "datagen: 1\ninputs: {a: memory://a, b: jsonl://web/0.jsonl}\nmerge: concat\noutput: jsonl://o.jsonl\n")
        _, err = self.datagen(*self.command(), code=2)
        self.assertIn("a: memory:// cannot be read together with other inputs", err)


if __name__ == "__main__":
    runs.main()
