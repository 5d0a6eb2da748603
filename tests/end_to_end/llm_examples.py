"""The examples of language models, as they are, against the server of the tests."""

import os
import shutil

import runs
from llm_runs import LlmTest


class Examples(LlmTest):
    def run_example(self, name):
        """In a copy of examples/, since outputs stand beside it; what it says at its end, and the server."""
        shutil.copytree(os.path.join(runs.SOURCE, "examples"), self.path("examples"))
        server = self.server()
        _, said = self.datagen("run", f"examples/{name}.yaml", "--set", "vars.url=" + server.url, "--run-dir", self.run_directory)
        self.assertEqual(self.report()["audit"], [])
        return said, server

    def test_questions_are_made_of_documents(self):
        self.run_example("questions")
        questions = self.lines("out/questions.jsonl")
        self.assertEqual([(line["doc"], line["question"], line["_i"]) for line in questions],
                         [(0, "What is a ring buffer?", "0_0"), (0, "What happens at its end?", "0_1"), (1, "What does a semaphore count?", "1_0"),
                          (2, "Wo mündet die Spree?", "2_0"), (2, "Durch welche Stadt fließt sie?", "2_1")])

    def test_texts_are_translated_and_english_ones_pass_by(self):
        _, server = self.run_example("translate")
        lines = self.lines("out/translated.jsonl")
        self.assertEqual([line["_i"] for line in lines], list(range(814)))
        for line in lines:
            self.assertEqual("english" in line, line["lang"] != "en")
            if "english" in line:
                self.assertTrue(line["english"].startswith(f"TRANSLATE FROM {line['lang'].upper()} INTO ENGLISH"), line["english"])
        self.assertEqual(server.stats()["served"], sum("english" in line for line in lines))

    def test_only_what_the_judge_calls_good_is_kept(self):
        said, _ = self.run_example("judge")
        self.assertIn("read 5, wrote 3, filtered 2, dead 0", said)
        self.assertEqual([(line["_i"], line["score"], line["why"]) for line in self.lines("out/good_pairs.jsonl")],
                         [(0, 5, "right and complete"), (2, 5, "richtig"), (4, 4, "right, and short")])
        self.assertEqual([(line["id"], line["reason"], line["record"]["score"]) for line in self.lines("run/exclusions.filter.jsonl")],
                         [(1, "low_score", 2), (3, "low_score", 1)])


if __name__ == "__main__":
    runs.main()
