#!/usr/bin/env python3
"""Makes sample.jsonl again, from what Debian 12 ships; see README.md beside this file.

    python3 examples/make_sample.py [OUTPUT]

Needs apt (nothing is installed, no system file is touched): package lists and two packages are fetched into a
work folder, build/sample. The choice is by fixed steps, so the same packages give the same bytes.
"""

import glob
import html.parser
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.join(HERE, "..", "build", "sample")

HANDBOOK = {  # folder in debian-handbook: language code in the sample
    "en-US": "en", "de-DE": "de", "fr-FR": "fr", "es-ES": "es", "pt-BR": "pt", "ru-RU": "ru",
    "ar-MA": "ar", "fa-IR": "fa", "ja-JP": "ja", "zh-CN": "zh", "id-ID": "id", "vi-VN": "vi",
}
DESCRIPTIONS = {  # suffix of apt's Translation list: language code in the sample
    "en": "en", "de": "de", "fr": "fr", "es": "es", "it": "it", "pl": "pl", "ru": "ru", "uk": "uk",
    "ja": "ja", "ko": "ko", "zh_CN": "zh",
}
HANDBOOK_BYTES = 18_000  # text for each language
DESCRIPTION_BYTES = 11_000
POEM_BYTES = 9_000
ESCAPED_EVERY = 7  # this share of the lines is written as json.dumps does by default: ASCII only, spaced


def fetch_lists():
    """Package descriptions of all languages, in a list folder of our own."""
    lists = os.path.join(WORK, "lists")
    os.makedirs(os.path.join(lists, "partial"), exist_ok=True)
    subprocess.run(["apt-get", "-qq", "-o", "Dir::State::lists=" + lists,
                    "-o", "Acquire::Languages=" + ",".join(DESCRIPTIONS), "update"], check=True)
    return lists


def fetch_package(name):
    """A package's files, unpacked without installing it."""
    root = os.path.join(WORK, name)
    if not os.path.isdir(root):
        # No sandbox: apt's own user may not write here, and says so in a warning otherwise.
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name], cwd=WORK, check=True)
        package = sorted(glob.glob(os.path.join(WORK, name + "_*.deb")))[-1]
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    return root


class Paragraphs(html.parser.HTMLParser):
    """The text of every <div class="para">, with its white space as it stands in the page."""

    def __init__(self):
        super().__init__()
        self.texts = []
        self.open_divs = []  # for each open <div>: the text collected, or None when it is no paragraph

    def handle_starttag(self, tag, attributes):
        if tag == "div":
            self.open_divs.append([] if ("class", "para") in attributes else None)

    def handle_endtag(self, tag):
        if tag == "div" and self.open_divs:
            parts = self.open_divs.pop()
            if parts is not None:
                self.texts.append("".join(parts))

    def handle_data(self, data):
        if self.open_divs and self.open_divs[-1] is not None:
            self.open_divs[-1].append(data)


def handbook_pages(folder):
    """{page: [paragraphs]}, without the pages that are about people."""
    pages = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.html"))):
        name = os.path.basename(path)[:-len(".html")]
        if re.search("acknowledg|foreword|preface|authors|index|licen", name):
            continue
        parser = Paragraphs()
        with open(path, encoding="utf-8") as file:
            parser.feed(file.read())
        pages[name] = parser.texts
    return pages


def handbook_records(root):
    english = handbook_pages(os.path.join(root, "en-US"))
    for folder, language in HANDBOOK.items():
        candidates = []
        for page, texts in handbook_pages(os.path.join(root, folder)).items():
            for index, text in enumerate(texts):
                translated = folder == "en-US" or text.strip() != english[page][index].strip()
                if translated and len(text.strip()) > 60 and is_plain(text):
                    candidates.append((f"handbook/{language}/{page}/{index}", text))
        yield from spread(candidates, HANDBOOK_BYTES, language, f"debian-handbook/html/{folder}")


def description_records(lists):
    for suffix, language in DESCRIPTIONS.items():
        path = os.path.join(lists, f"*bookworm_main_i18n_Translation-{suffix.replace('_', '%5f')}*")
        found = glob.glob(path)
        if not found:
            raise SystemExit(f"no list {path}: does this system's apt read Debian 12 (bookworm)?")
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", found[0]], check=True,
                              stdout=subprocess.PIPE).stdout.decode("utf-8")
        candidates = []
        for entry in text.split("\n\n"):
            match = re.match(r"Package: (\S+)\nDescription-md5: \w+\nDescription-\w+:([^\n]*\n.*)", entry, re.S)
            if match and len(match[2]) > 120 and is_plain(entry):
                candidates.append((f"package/{language}/{match[1]}", match[2]))
        yield from spread(candidates, DESCRIPTION_BYTES, language, f"bookworm/main/i18n/Translation-{suffix}")


def poem_records(root):
    """Poems of the Tang: coloured by escape characters, which JSON must escape, and without outer white space."""
    with open(os.path.join(root, "usr/share/games/fortunes/tang300"), encoding="utf-8") as file:
        poems = file.read().split("\n%\n")
    candidates = [(f"poem/lzh/{index}", poem) for index, poem in enumerate(poems) if poem.strip()]
    yield from spread(candidates, POEM_BYTES, "lzh", "fortunes-zh/tang300")


def is_plain(text):
    """No mail addresses, no links: the sample names no persons and no hosts."""
    return "@" not in text and "://" not in text


def spread(candidates, size, language, source):
    """About `size` bytes, taken at equal steps from all candidates."""
    average = sum(len(text.encode()) for _, text in candidates) / max(1, len(candidates))
    step = max(1, int(len(candidates) * average / size))
    for name, text in candidates[step // 2::step]:
        yield {"id": name, "lang": language, "source": source, "text": text}


def main():
    os.makedirs(WORK, exist_ok=True)
    handbook = os.path.join(fetch_package("debian-handbook"), "usr/share/doc/debian-handbook/html")
    records = [*handbook_records(handbook), *description_records(fetch_lists()),
               *poem_records(fetch_package("fortunes-zh"))]
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "sample.jsonl")
    with open(output, "w", encoding="utf-8") as file:
        for number, record in enumerate(records):
            if number % ESCAPED_EVERY == ESCAPED_EVERY - 1:
                line = json.dumps(record)
            else:
                line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
            file.write(line + "\n")
    print(f"{output}: {len(records)} records, {os.path.getsize(output)} bytes")


if __name__ == "__main__":
    main()
