#!/usr/bin/env python3
"""bench_fused writes byte for byte what reference.py writes: on the sample, on a piece of the corpus, on cases.

    python3 fused_test.py BENCH_FUSED [CORPUS_FILE …]

A benchmark against a competitor that does less work would say nothing.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "..", "examples", "sample.jsonl")

SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
NO_SPACES = "\x1b\u200b\ufeff\u180e\u2060"  # what is easily taken for white space


def cases(seed):
    """Lines with every kind of white space and escape at every place, from a seed that is printed."""
    choose = random.Random(seed)
    letters = SPACES + NO_SPACES + '"\\/\b\x00\x7fab' + "éß中文字😀\U0010ffff"
    yield '{"text":"first","text":" last "}'
    yield '{"\\u0074ext":" key with an escape "}'
    yield ' {"a":{"text":"inner"},"text" : "\\ud83d\\ude00 "}\r'
    yield ""
    yield '{"text":""}'
    yield json.dumps({"text": " " + "long " * 700_000})
    for number in range(5_000):
        text = "".join(choose.choices(letters, k=choose.choice((0, 1, 2, 15, 16, 17, 40, 300))))
        yield json.dumps({"id": number, "text": text, "n": [1, None]}, ensure_ascii=choose.random() < 0.5)
    yield '{"text":"the last line has no newline "}'


def run(command, **options):
    return subprocess.run(command, check=True, **options)


def same_bytes(fused, path, folder, drop_ids):
    """Compares the outputs for one input; returns how many bytes they have."""
    with open(path, "rb") as file:
        expected = run([sys.executable, os.path.join(HERE, "reference.py")], stdin=file,
                       stdout=subprocess.PIPE).stdout
    if drop_ids:
        expected = b"".join(line[:line.rindex(b',"_i":')] + b"}\n" for line in expected.splitlines(keepends=True))
    output = os.path.join(folder, "out.jsonl")
    run([fused, *(["--no-ids"] if drop_ids else []), path, output])
    with open(output, "rb") as file:
        actual = file.read()
    if actual != expected:
        for row, (left, right) in enumerate(zip(expected.splitlines(), actual.splitlines())):
            if left != right:
                raise SystemExit(f"{path}: output line {row + 1} differs\n  expected {left!r}\n  found    {right!r}")
        raise SystemExit(f"{path}: {len(expected)} bytes expected, {len(actual)} found")
    return len(actual)


def main():
    fused, corpora = sys.argv[1], sys.argv[2:]
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "cases.jsonl")
        with open(made, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(cases(seed)))
        corpus = os.path.join(folder, "corpus.jsonl")
        run([sys.executable, os.path.join(HERE, "make_corpus.py"), "--quiet", "5MB", corpus])
        for path in [SAMPLE, made, corpus, *corpora]:
            for drop_ids in (False, True):
                print(f"{os.path.basename(path)}: {same_bytes(fused, path, folder, drop_ids)} bytes are the same")


if __name__ == "__main__":
    main()
