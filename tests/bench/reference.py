#!/usr/bin/env python3
"""The job of clean_text as ten lines of Python: what every other way must write, byte for byte.

    python3 tests/bench/reference.py [--no-ids] < IN > OUT

Rows are line numbers from 0; blank lines count, and are left out. Stops at the first line that is not JSON.
"""

import json
import sys

write = sys.stdout.buffer.write
ids = "--no-ids" not in sys.argv[1:]
for row, line in enumerate(sys.stdin.buffer):
    if not line.strip():
        continue
    text = json.loads(line)["text"]
    record = {"text": text.strip(), "len": len(text)}
    if ids:
        record["_i"] = row
    write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
