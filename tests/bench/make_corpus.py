#!/usr/bin/env python3
"""Makes a large JSON Lines file out of the texts on this machine.

    python3 make_corpus.py [--seed N] [--short] [--quiet] SIZE FILE      SIZE: 1GB, 500MB, 1GiB, or bytes

The texts are the project's sample, the descriptions of Debian packages, and the paragraphs of /usr/share/doc; they
are repeated with new ids until the size is reached. About a quarter of the lines is written with ASCII escapes, about
a third has more white space around the text, Unicode spaces too. The same seed on the same system gives the same bytes.
"""

import argparse
import glob
import gzip
import json
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "..", "examples", "sample.jsonl")
TEXT_BYTES_MAX = 48_000_000  # texts kept in memory; more than any cache of a processor
DESCRIPTION_BYTES_MAX = 16_000_000
PARAGRAPH_BYTES = (100, 6_000)
SHORT_LINE_BYTES_MAX = 300
BATCH_RECORDS = 4_096
SPACES = [" ", "  ", "\n", "\n\n", "\t", "\r\n", " \n\t", "\u00a0", "\u3000", "\u2003 ", " \u2028", "\u2009\n"]


def sample_texts():
    with open(SAMPLE, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            yield record["source"], record["text"]


def description_texts():
    """Short descriptions of all packages that apt knows, and the long ones that it has."""
    for kind in ("Packages", "Translation-*"):
        for path in sorted(glob.glob(f"/var/lib/apt/lists/*_{kind}*")):
            found = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
            source = "apt/" + os.path.basename(path).split("_dists_")[-1]
            text = found.stdout.decode("utf-8", "replace")
            for match in re.finditer(r"^Description(?:-[a-zA-Z_]+)?:(.+\n(?: .*\n)*)", text, re.M):
                yield source, match[1].rstrip("\n") if kind == "Packages" else match[1]


def installed_texts():
    """Long descriptions of the packages that are installed."""
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\\t${Description}\\f"], stdout=subprocess.PIPE)
    for entry in found.stdout.decode("utf-8", "replace").split("\f"):
        name, tab, text = entry.partition("\t")
        if tab:
            yield "dpkg/" + name, text


def document_texts(choose):
    """Paragraphs of the documents of installed packages, in an order that the seed decides."""
    paths = []
    for folder, _, names in sorted(os.walk("/usr/share/doc")):
        paths += [os.path.join(folder, name) for name in names
                  if not re.search(r"\.(png|jpg|gif|svg|pdf|ps|zip|xz|bz2|so|o|pyc|woff2?|ttf|js|css)(\.gz)?$", name)]
    paths.sort()
    choose.shuffle(paths)
    for path in paths:
        try:
            with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
                text = file.read(1_000_000).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError):
            continue  # a dangling link, or no text
        for paragraph in re.split(r"\n[ \t]*\n", text):
            if PARAGRAPH_BYTES[0] <= len(paragraph) <= PARAGRAPH_BYTES[1]:
                yield path[len("/usr/share/"):], paragraph


def collect(choose):
    """[(source, text)] without repetitions, in an order that the seed decides."""
    texts, seen, size = [], set(), 0

    def take(pairs, limit):
        nonlocal size
        begin = size
        for source, text in pairs:
            if text not in seen:
                seen.add(text)
                texts.append((source, text))
                size += len(text.encode("utf-8", "replace"))
                if size - begin > limit:
                    return

    take(sample_texts(), DESCRIPTION_BYTES_MAX)
    take(installed_texts(), DESCRIPTION_BYTES_MAX)
    take(description_texts(), DESCRIPTION_BYTES_MAX)
    take(document_texts(choose), TEXT_BYTES_MAX - size)
    choose.shuffle(texts)
    return texts


def templates(texts, choose, short):
    """[(what stands before the id, what stands behind it)], as bytes of lines."""
    lines = []
    for source, text in texts:
        if choose.random() < 0.35:
            text = choose.choice(SPACES) + text + choose.choice(SPACES)
        record = {"source": source, "score": round(choose.random(), 4), "text": text, "tags": ["doc", len(source)]}
        if choose.random() < 0.25:
            head, line = b'{"id": "', ('", ' + json.dumps(record)[1:] + "\n").encode()
        else:
            plain = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
            head, line = b'{"id":"', ('",' + plain[1:] + "\n").encode("utf-8")
        if not short or len(line) <= SHORT_LINE_BYTES_MAX:
            lines.append((head, line))
    return lines


def write_lines(path, lines, size, choose):
    """Whole lines up to at least `size` bytes; returns (records, bytes)."""
    number = written = 0
    with open(path, "wb", buffering=0) as file:
        while written < size:
            begin = choose.randrange(len(lines))  # every pass begins elsewhere, so neighbours differ
            turned = lines[begin:] + lines[:begin]
            for at in range(0, len(turned), BATCH_RECORDS):
                parts = []
                for head, tail in turned[at:at + BATCH_RECORDS]:
                    parts += (head, b"%012d" % number, tail)
                    number += 1
                    written += len(head) + 12 + len(tail)
                    if written >= size:
                        break
                file.write(b"".join(parts))
                if written >= size:
                    break
    return number, written


def parse_size(text):
    match = re.fullmatch(r"(\d+)(B|KB|MB|GB|KiB|MiB|GiB)?", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write it as 1GB, 500MB, 1GiB or in bytes")
    return int(match[1]) * {None: 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10,
                            "MiB": 1 << 20, "GiB": 1 << 30}[match[2]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", type=parse_size, metavar="SIZE")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="only lines of at most 300 bytes")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    choose = random.Random(options.seed)
    lines = templates(collect(choose), choose, options.short)
    os.makedirs(os.path.dirname(os.path.abspath(options.file)), exist_ok=True)
    begun = options.file + ".part"  # renamed at the end: a corpus is whole or not there
    try:
        records, written = write_lines(begun, lines, options.size, choose)
        os.rename(begun, options.file)
    finally:
        if os.path.exists(begun):
            os.unlink(begun)
    if not options.quiet:
        print(f"{options.file}: {records:,} records, {written:,} bytes, {written // records} bytes a record, "
              f"{len(lines):,} different texts, seed {options.seed}")


if __name__ == "__main__":
    sys.exit(main())
