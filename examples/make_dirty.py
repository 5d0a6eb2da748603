#!/usr/bin/env python3
"""Makes dirty.jsonl: lines that are odd but valid, and lines that are not valid.

    python3 examples/make_dirty.py [OUTPUT]

A script, because an editor would repair some of these bytes.
"""

import os
import sys


def nested(levels):
    """An object in which the innermost value stands `levels` objects deep."""
    return '{"a":' * levels + "1" + "}" * levels


LINES = [  # text is written as UTF-8 and ended by a newline; bytes are written as they are
    b'\xef\xbb\xbf{"text":"  the file begins with a byte order mark"}\n',
    b'{"text":"a line that ends with CR LF \\t"}\r\n',
    "",
    "   \t ",
    b"\r\n",
    # Not JSON.
    '{"text":"cut in the middle',
    '{"text":"a comma too many",}',
    "{'text':'single quotes'}",
    "not JSON at all",
    '{"text":"two values on one line"} {"text":"second"}',
    '{"text":"tab not escaped:\t."}',
    '{"text":"no number in JSON","n":NaN}',
    '{"text":"leading zero","n":012}',
    # Not UTF-8.
    b'{"text":"invalid bytes: \xff\xfe"}\n',
    b'{"text":"cut short: \xe4\xb8"}\n',
    b'{"text":"overlong slash: \xc0\xaf"}\n',
    b'{"text":"a surrogate as bytes: \xed\xa0\x80"}\n',
    # JSON, but no object.
    '["an","array"]',
    '"a string"',
    "42",
    "null",
    # Depth.
    '{"text":"nested 1,000 levels","deep":' + nested(999) + "}",
    '{"text":"nested 1,100 levels","deep":' + nested(1099) + "}",
    # Numbers that must come out as they went in.
    '{"text":"big","n":[18446744073709551615,18446744073709551616,-9223372036854775809,'
    "123456789012345678901234567890]}",
    '{"text":"numbers keep their form","n":[1.0,1e2,1E+2,-0,-0.0,0.1000,5e-324]}',
    '{"text":"beyond a double","n":1e400}',
    # Strings, escapes, keys.
    '{"text":"lone surrogate \\ud800 inside"}',
    '{"text":"lone surrogate elsewhere","other":"\\udc00"}',
    '{"text":"surrogate pair \\ud83d\\ude00 as escape, \U0001f600 as bytes"}',
    '{"text":"first of duplicate keys","text":" last of duplicate keys "}',
    '{"\\u0074ext":" the key is written with an escape "}',
    '{"text":"\\u3000\\u00a0\\u2003 Unicode white space around \\u0085\\u2029\\u001f"}',
    '{"text":"\\u200b no white space for str.strip \\ufeff"}',
    '{"text":"every short escape: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000 \\u001b \\u007f"}',
    '  { "text" : " white space between the tokens " }  ',
    # Objects that clean_text cannot use.
    '{"text":""}',
    '{"text":null}',
    '{"text":7}',
    '{"body":"the field is missing"}',
    "{}",
    b'{"text":"no newline at the end"}',
]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "dirty.jsonl")
    with open(output, "wb") as file:
        for line in LINES:
            file.write(line if isinstance(line, bytes) else (line + "\n").encode("utf-8"))
    print(f"{output}: {len(LINES)} lines, {os.path.getsize(output)} bytes")


if __name__ == "__main__":
    main()
