#!/usr/bin/env python3
"""Makes the pictures of docs/pictures: python3 tests/pictures.py build/release/bin

A run with a slow stage; its report in chromium without a window, light and dark; `datagen top` in tmux. Debian:
chromium, tmux. Not a test: what they look like is for people to judge.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(sys.argv[1])
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PICTURES = os.path.join(SOURCE, "docs", "pictures")
SLOW = os.path.join(os.path.dirname(BIN), "tests", "slow")
LAPTOP = "1280,1900"


def make_input(path, records):
    random.seed(1)
    with open(path, "w") as file:
        for row in range(records):
            record = {"text": "  some words  " * random.randint(20, 60), "tokens": random.randint(5, 50)}
            if row % 97 == 0:
                record["drop"] = "too_short"
            elif row % 1003 == 0:
                record["fail"] = "the model answered with <nothing>"
            file.write(json.dumps(record) + "\n")


def capture_top(folder, run):
    """What a terminal of 130 columns shows after two looks."""
    socket = os.path.join(folder, "tmux")
    tmux = ["tmux", "-S", socket]
    subprocess.run([*tmux, "new-session", "-d", "-x", "130", "-y", "30", os.path.join(BIN, "datagen"), "top", run], check=True)
    try:
        time.sleep(3)  # for people to look at: a picture in the middle of the run
        return subprocess.run([*tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def screenshot(page, picture, *options):
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={LAPTOP}",
                    f"--screenshot={picture}", *options, "file://" + page], check=True, capture_output=True, timeout=120)


def main():
    os.makedirs(PICTURES, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="datagen-pictures.") as folder:
        make_input(os.path.join(folder, "raw.jsonl"), 80000)
        run = os.path.join(folder, "runs", "score")
        process = subprocess.Popen([os.path.join(BIN, "datagen"), "run", "--input", "raw.jsonl", "--stage", SLOW, "--stage", "clean_text",
                                    "--output", "clean.jsonl", "--run-dir", run, "--set", "slow.ms=0.2", "--set", "slow.workers=2", "--quiet"],
                                   cwd=folder)
        while not os.path.exists(os.path.join(run, "runtime.json")):
            time.sleep(0.05)
        top = capture_top(folder, run)
        if process.wait() != 0:
            raise SystemExit("the run failed")
        with open(os.path.join(PICTURES, "top.txt"), "w") as file:
            file.write(top.rstrip().replace(folder, "/work") + "\n")
        page = os.path.join(run, "report.html")
        screenshot(page, os.path.join(PICTURES, "report.png"))
        screenshot(page, os.path.join(PICTURES, "report_dark.png"), "--force-dark-mode", "--blink-settings=preferredColorScheme=0")


if __name__ == "__main__":
    main()
