"""CSV in and out: RFC 4180 against Python's csv module, dead letters, resume at any record."""

import csv
import io
import json
import os
import random
import signal

import compressed
import runs

# The cases of csv-spectrum, and some more.
SPECTRUM = {
    "comma_in_quotes": 'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123\n',
    "empty": 'a,b,c\n1,"",""\n2,3,4\n',
    "empty_crlf": 'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
    "escaped_quotes": 'a,b\n1,"ha ""ha"" ha"\n3,4\n',
    "json": 'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    "location_coordinates": 'Phone,Coordinates\n5550100,37°36\'37.8"N 121°2\'17.9"W\n',
    "newlines": 'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
    "newlines_crlf": 'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
    "quotes_and_newlines": 'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
    "simple": "a,b,c\n1,2,3\n",
    "simple_crlf": "a,b,c\r\n1,2,3\r\n",
    "utf8": "a,b,c\n1,2,3\n4,5,ʤ\n",
    "no_last_newline": "a,b\n1,2\n3,4",
    "spaces_are_kept": "a,b\n 1 ,\"  2\"\n",
    "blank_lines": "a,b\n\n1,2\n\r\n3,4\n\n",
    "quote_within": 'a,b\n5" pipe,x\n',
    "header_only": "a,b\n",
    "nothing": "",
    "one_empty_field": 'a\n""\nx\n',
}


def parse(text):
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    return [dict(zip(rows[0], row)) for row in rows[1:]] if rows else []


class CsvTest(compressed.CompressedTest):
    def copy(self, source, target, *more, code=0):
        return self.datagen("run", "--input", source, "--output", target, "--run-dir", self.run_directory, "--set", "ids=false", *more, code=code)


class Formats(CsvTest):
    def test_each_case_is_read_as_python_reads_it(self):
        for name, text in SPECTRUM.items():
            for data in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
                with self.subTest(name):
                    self.write("in.csv", data)
                    self.copy("in.csv", "out.jsonl")
                    self.assertEqual(self.lines("out.jsonl"), parse(text))
                    # And back: what is written is read as the same.
                    self.run_directory = self.path("run2")
                    self.copy("out.jsonl", "out.csv")
                    self.assertEqual(parse(self.read("out.csv").decode()), parse(text))
                    self.forget()
                    self.run_directory = self.path("run")
                    self.forget()

    def test_delimiter_header_and_columns_are_options(self):
        self.write("in.tsv", "a\tb\n1,5\t2\n")
        self.copy("in.tsv", "out.jsonl")
        self.assertEqual(self.lines("out.jsonl"), [{"a": "1,5", "b": "2"}])
        self.forget()
        self.write("in.csv", "1;2\n3;4\n")
        self.copy("in.csv", "out.jsonl", "--set", "input.delimiter=;", "--set", "input.header=false")
        self.assertEqual(self.lines("out.jsonl"), [{"column0": "1", "column1": "2"}, {"column0": "3", "column1": "4"}])
        self.forget()
        self.copy("in.csv", "out.tsv", "--set", "input.delimiter=;", "--set", "input.columns=x,y", "--set", "output.line_end=lf",
                  "--set", "output.columns=y,x")
        self.assertEqual(self.read("out.tsv"), b"y\tx\n4\t3\n")
        self.forget()
        _, err = self.copy("in.csv", "out.jsonl", "--set", "input.delimiter=;;", code=2)
        self.assertIn("expected one character", err)

    def test_ragged_rows_are_dead_letters_with_their_line(self):
        self.write("in.csv", 'a,b\n1,2\n\n"x\ny",2,3\n4\n5,6\n"open,7\n8,9\n')
        self.copy("in.csv", "out.jsonl", "--set", "max_dead_letters=100%")
        self.assertEqual(self.lines("out.jsonl"), [{"a": "1", "b": "2"}, {"a": "5", "b": "6"}])
        letters = self.lines("run/dead_letter.jsonl")
        self.assertEqual([(letter["reason"], letter["id"], letter["source"]["line"], letter["source"]["offset"]) for letter in letters],
                         [("ragged_row", 3, 4, 9), ("ragged_row", 5, 6, 19), ("unclosed_quote", 7, 8, 25)])
        self.assertIn("the row has 3 fields, there are 2 columns", letters[0]["message"])
        self.assertEqual(letters[0]["record_text"], '"x\ny",2,3\n')
        # A row is counted by its line, from 0, as those of JSON Lines are.
        out, _ = self.datagen("trace", self.run_directory, "6")
        self.assertEqual(out, self.path("in.csv") + ':7\n{"a":"5","b":"6"}\n')

    def test_lines_are_right_also_where_a_stage_gives_up(self):
        self.write("one.csv", 'text,n\n"a\nb\nc",1\n\nx,2\n')
        self.write("two.csv", "txt\nwrong\n")
        self.write("files.txt", "one.csv\ntwo.csv\n")
        self.datagen("run", "--input", "csv://@files.txt", "--stage", "clean_text", "--output", "out.jsonl", "--run-dir", self.run_directory,
                     "--set", "max_dead_letters=100%")
        self.assertEqual([record["_i"] for record in self.lines("out.jsonl")], [1, 5])
        letter, = self.lines("run/dead_letter.jsonl")
        self.assertEqual((letter["id"], letter["source"]["uri"], letter["source"]["line"]), (7, self.path("two.csv"), 2))

    def test_values_that_are_no_texts_are_written_as_json(self):
        self.write("in.jsonl", '{"a":1.0,"b":true,"c":null,"d":[1,"x"],"e":{"f":2},"g":123456789012345678901234567890}\n{"b":"x"}\n')
        self.copy("in.jsonl", "out.csv", "--set", "output.line_end=lf")
        self.assertEqual(self.read("out.csv"), b'a,b,c,d,e,g\n1.0,true,,"[1,""x""]","{""f"":2}",123456789012345678901234567890\n,x,,,,\n')

    def test_a_field_without_a_column_is_never_lost_quietly(self):
        self.write("in.jsonl", '{"a":1}\n{"a":2,"late":3}\n')
        _, err = self.copy("in.jsonl", "out.csv", code=3)
        self.assertIn("the field 'late', for which there is no column", err)
        self.assertIn("columns: a,b,c", err)
        self.forget()
        self.copy("in.jsonl", "out.csv", "--set", "output.other_fields=ignore")
        self.assertEqual(self.read("out.csv"), b"a\r\n1\r\n2\r\n")

    def test_a_header_with_a_name_twice_is_refused(self):
        self.write("in.csv", "a,a\n1,2\n")
        _, err = self.copy("in.csv", "out.jsonl", code=3)
        self.assertIn("in.csv:1: the header has 'a' twice", err)


class Stops(CsvTest):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
        print(f"SEED={seed}", flush=True)
        chance = random.Random(seed)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["id", "text"])
        self.expected = []
        for row in range(60_000):
            value = "".join(chance.choices('ab ,"\n\r\u00e9', k=chance.choice((0, 5, 40))))
            self.expected.append({"id": str(row), "text": value})
            writer.writerow([row, value])
        self.text = text.getvalue().encode()

    def test_any_stop_gives_the_same_rows(self):
        for suffix in ("", ".gz", ".zst"):
            source = self.write("in.csv" + suffix, compressed.pack(suffix, self.text) if suffix else self.text)
            flags = ["run", "--input", source, "--output", self.path("out.csv" + suffix), "--run-dir", self.run_directory,
                     "--set", "ids=false", "--set", "rings.block_bytes=16KiB", "--set", "rings.slots=4"]
            for kill in (signal.SIGINT, signal.SIGKILL, "source-csv", "sink-csv"):
                if isinstance(kill, str):
                    self.kill_often(flags, kill, 3)
                else:
                    self.stop_in_the_middle(flags, kill)
                    self.datagen("resume", self.run_directory)
                data = compressed.unpack(self.path("out.csv" + suffix)) if suffix else self.read("out.csv")
                self.assertTrue(parse(data.decode()) == self.expected, f"{suffix} {kill}")
                self.assertEqual(self.report()["audit"], [])
                self.forget()

    def test_parts_have_their_own_header(self):
        self.write("in.csv", self.text)
        for number in (signal.SIGKILL, None):
            flags = ["run", "--input", self.path("in.csv"), "--output", "csv://" + self.path("out/"), "--run-dir", self.run_directory,
                     "--set", "ids=false", "--set", "output.split_records=7000", "--set", "output.compress=gz"]
            if number:
                self.stop_in_the_middle([*flags, "--set", "rings.block_bytes=16KiB", "--set", "rings.slots=4"], number)
            self.datagen(*flags)
            parts = [parse(compressed.unpack(self.path("out/" + name)).decode()) for name in sorted(os.listdir(self.path("out")))]
            self.assertEqual([len(part) for part in parts], [7000] * 8 + [4000])
            self.assertTrue(sum(parts, []) == self.expected)
            self.forget()
            for name in os.listdir(self.path("out")):
                os.unlink(self.path("out/" + name))


if __name__ == "__main__":
    runs.main()
