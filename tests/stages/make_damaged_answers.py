"""Writes damaged_answers.jsonl: 200 answers as models give them, damaged in known ways, each with the schema that was asked
for and the value that is meant ("none": there is none, and nothing may be found).

    python3 tests/stages/make_damaged_answers.py > tests/stages/damaged_answers.jsonl
"""

import json
import random

STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def record(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def many(items):
    return {"type": "array", "items": items}


BASES = [
    (record(question=STRING, answer=STRING), {"question": "What is a ring buffer?", "answer": "A queue of fixed size."}),
    (record(score=INTEGER, reason=STRING), {"score": 7, "reason": "Clear, but the second half repeats itself."}),
    (record(pairs=many(record(question=STRING, answer=STRING))),
     {"pairs": [{"question": "Who?", "answer": "Ada Lovelace"}, {"question": "When?", "answer": "In 1843"}, {"question": "Where?", "answer": "London"}]}),
    (record(tags=many(STRING)), {"tags": ["c++", "shared memory", "日本語", "naïve"]}),
    (record(label={"enum": ["good", "bad"]}, confidence=NUMBER), {"label": "good", "confidence": 0.875}),
    (record(title=STRING, meta=record(pages=INTEGER, free={"type": "boolean"}, editor={"type": ["string", "null"]})),
     {"title": "On pipes", "meta": {"pages": 312, "free": False, "editor": None}}),
    (record(code=STRING, language=STRING), {"code": "if (a < b) { return a[0]; } // done", "language": "c"}),
    (record(de=STRING, fr=STRING), {"de": "Guten Morgen, wie geht es dir?", "fr": "Bonjour, ça va ?"}),
    (many(record(name=STRING, age=INTEGER)), [{"name": "Eve", "age": 41}, {"name": "Bob", "age": 39}]),
    (record(url=STRING, path=STRING), {"url": "https://example.org/a?b=1#c", "path": "C:\\temp\\x"}),
]


def compact(value):
    return json.dumps(value, ensure_ascii=False)


def pretty(value):
    return json.dumps(value, ensure_ascii=False, indent=2)


def swap_quotes(value):
    """As Python prints it: single quotes, True, None."""
    return repr(value)


def before_closers(text, what):
    """Puts something before every closing brace that stands on a line of its own."""
    lines = text.split("\n")
    for index in range(1, len(lines)):
        if lines[index].strip()[:1] in ("}", "]") and lines[index - 1].strip()[-1:] not in ("{", "["):
            lines[index - 1] += what
    return "\n".join(lines)


def bare_keys(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {bare_keys(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(bare_keys(entry) for entry in value) + "]"
    return compact(value)


def without_commas(text):
    return "\n".join(line[:-1] if line.endswith(",") else line for line in text.split("\n"))


def commented(text):
    lines = text.split("\n")
    lines[1] += "  // the first one"
    lines.insert(1, "  /* as asked */")
    return "\n".join(lines)


DAMAGES = [
    ("prose", lambda v: f"Sure! Here is what you asked for:\n\n{pretty(v)}\n\nLet me know if you need anything else."),
    ("fence", lambda v: f"```json\n{pretty(v)}\n```"),
    ("fence in prose", lambda v: f"I looked at the {{text}} carefully.\n```\n{compact(v)}\n```\nNote: [1] is a footnote."),
    ("thinking", lambda v: f"<think>Maybe {{\"a\": 1}}? No.</think>\n{compact(v)}"),
    ("trailing commas", lambda v: before_closers(pretty(v), ",")),
    ("single quotes", swap_quotes),
    ("comments", lambda v: commented(pretty(v))),
    ("bare keys", bare_keys),
    ("no commas between lines", lambda v: without_commas(pretty(v))),
    ("open fence", lambda v: f"```json\n{compact(v)}"),
    ("no last closer", lambda v: compact(v)[:-1]),
    ("as a text", lambda v: json.dumps(compact(v), ensure_ascii=False)),
    ("typographic quotes", lambda v: compact(v).replace('\\"', "'").replace('{"', "{“").replace('": "', "”: “").replace('", "', "”, “").replace('"}', "”}").replace('": ', "”: ").replace(', "', ", “").replace('"]', "”]").replace('["', "[“")),
    ("extra closer", lambda v: compact(v) + "}"),
    ("ellipsis before", lambda v: f"... {compact(v)} ..."),
]


def truncated():
    """Cut in the middle; what is meant is all that was complete."""
    pairs = [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(6)]
    schema = record(pairs=many(record(question=STRING, answer=STRING)))
    for whole in range(1, 6):
        text = compact({"pairs": pairs[:whole]})[:-2]
        meant = {"pairs": pairs[:whole]}
        yield schema, text + ', {"question": "And th', meant
        yield schema, "```json\n" + text + ', {"question": "And this?", "answer": "It is cu', meant
        yield schema, text + ", {", meant
        yield schema, text + ", ", meant
    words = ["one", "two", "three", "four", "five"]
    for whole in range(1, 6):
        text = compact({"tags": words[:whole]})[:-2]
        yield record(tags=many(STRING)), text + ', "fi', {"tags": words[:whole]}
        yield record(tags=many(STRING)), "Here:\n" + text, {"tags": words[:whole]}


def inner_quotes():
    schema = record(quote=STRING, by=STRING)
    yield schema, '{"quote": "She said "hello" and left", "by": "me"}', {"quote": 'She said "hello" and left', "by": "me"}
    yield schema, '{"quote": "the "ring", they say", "by": "me"}', {"quote": 'the "ring", they say', "by": "me"}
    yield schema, '{"quote": "two\nlines", "by": "me"}', {"quote": "two\nlines", "by": "me"}
    yield schema, '{"quote": "a \\d+ pattern", "by": "me"}', {"quote": "a \\d+ pattern", "by": "me"}
    yield schema, '{"quote": "it\\\'s", "by": "me"}', {"quote": "it's", "by": "me"}
    yield schema, "{'quote': 'it's fine', 'by': 'me'}", {"quote": "it's fine", "by": "me"}
    yield schema, '{"quote": "a" + "b", "by": "me"}', {"quote": "ab", "by": "me"}
    yield schema, '{"quote"："全角"，"by"："我"}', {"quote": "全角", "by": "我"}
    yield record(n=INTEGER, m=NUMBER), '{"n": +7, "m": .5}', {"n": 7, "m": 0.5}
    yield record(n=INTEGER, m=NUMBER), '{"n": 007, "m": 5.}', {"n": 7, "m": 5}
    yield record(tags=many(STRING)), '{"tags": ["a", "b", ...]}', {"tags": ["a", "b"]}
    yield record(score=INTEGER), "{score = 3}", {"score": 3}


def hopeless():
    """Nothing that the schema takes is in it."""
    schema = record(score=INTEGER, reason=STRING)
    yield schema, "I cannot answer that."
    yield schema, ""
    yield schema, '{"score": "seven", "reason": "text where a number belongs"}'
    yield schema, '{"score": 7}'
    yield schema, '{"score": 7, "reason": "cut of'
    yield schema, "[7, \"a list\"]"
    yield schema, '{"points": 7, "reason": "another key"}'
    yield schema, "{{{{[[[["


def cases():
    for index, (schema, value) in enumerate(BASES):
        for name, damage in DAMAGES:
            yield name, schema, damage(value), value
    for schema, answer, meant in truncated():
        yield "truncated", schema, answer, meant
    for schema, answer, meant in inner_quotes():
        yield "quotes and numbers", schema, answer, meant
    for schema, answer in hopeless():
        yield "hopeless", schema, answer, None


def main():
    every = list(cases())
    fixed = [case for case in every if case[0] in ("truncated", "quotes and numbers", "hopeless")]
    others = [case for case in every if case not in fixed]
    chosen = random.Random(1).sample(others, 200 - len(fixed)) + fixed
    for name, schema, answer, meant in chosen:
        line = {"damage": name, "schema": schema, "answer": answer, **({"none": True} if meant is None else {"meant": meant})}
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
