"""Writes documents.jsonl: short texts to make questions of. Each ends with the answer that the server of the tests gives, so that
the example can be tried without a model; a real one takes no notice of it.

    python3 examples/make_documents.py > examples/documents.jsonl
"""

import json

TEXTS = [
    ("A ring buffer is a queue of fixed size. When its end is reached it goes on at its beginning, so nothing is ever moved.",
     [("What is a ring buffer?", "A queue of fixed size."), ("What happens at its end?", "It goes on at its beginning.")]),
    ("A semaphore counts permits. A thread that takes one when there are none sleeps until another gives one back.",
     [("What does a semaphore count?", "Permits.")]),
    ("Die Spree fließt durch Berlin und mündet in Spandau in die Havel.",
     [("Wo mündet die Spree?", "In Spandau in die Havel."), ("Durch welche Stadt fließt sie?", "Durch Berlin.")]),
]

for number, (text, pairs) in enumerate(TEXTS):
    answer = json.dumps({"pairs": [{"question": question, "answer": answer} for question, answer in pairs]}, ensure_ascii=False)
    print(json.dumps({"doc": number, "text": f"{text} [[say {answer}]]"}, ensure_ascii=False))
