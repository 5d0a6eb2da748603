"""Writes what the examples of language models read: documents.jsonl, texts to make questions of, and pairs.jsonl, questions with answers
to judge. Each text ends with the answer that the server of the tests gives, so that the examples can be tried without a model; a
real one takes no notice of it.

    python3 examples/make_documents.py
"""

import json
import os

TEXTS = [
    ("A ring buffer is a queue of fixed size. When its end is reached it goes on at its beginning, so nothing is ever moved.",
     [("What is a ring buffer?", "A queue of fixed size."), ("What happens at its end?", "It goes on at its beginning.")]),
    ("A semaphore counts permits. A thread that takes one when there are none sleeps until another gives one back.",
     [("What does a semaphore count?", "Permits.")]),
    ("Die Spree fließt durch Berlin und mündet in Spandau in die Havel.",
     [("Wo mündet die Spree?", "In Spandau in die Havel."), ("Durch welche Stadt fließt sie?", "Durch Berlin.")]),
]

# Question, answer, and what a judge says.
PAIRS = [
    ("What is a ring buffer?", "A queue of fixed size that goes on at its beginning when its end is reached.", 5, "right and complete"),
    ("What does a semaphore count?", "Threads.", 2, "it counts permits"),
    ("Wo mündet die Spree?", "In Spandau in die Havel.", 5, "richtig"),
    ("Who wrote it?", "He did.", 1, "cannot be understood without the text"),
    ("What is a mutex?", "A lock that one thread holds at a time.", 4, "right, and short"),
]


def write(name, records):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def with_answer(text, answer):
    return f"{text} [[say {json.dumps(answer, ensure_ascii=False)}]]"


write("documents.jsonl", ({"doc": number, "text": with_answer(text, {"pairs": [{"question": question, "answer": answer} for question, answer in pairs]})}
                          for number, (text, pairs) in enumerate(TEXTS)))
write("pairs.jsonl", ({"question": question, "answer": with_answer(answer, {"score": score, "why": why})} for question, answer, score, why in PAIRS))
