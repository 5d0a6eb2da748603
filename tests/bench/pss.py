#!/usr/bin/env python3
"""Runs a command and prints the highest memory of all its processes together.

    python3 pss.py [--json FILE] COMMAND [ARGUMENT …]

Every 50 ms, the PSS (proportional set size: a shared page counts once, divided among those who map it) of the
command and all its descendants is summed from /proc/PID/smaps_rollup. Rings count in full: of each object in /dev/shm
that a process maps, the allocated size counts, also where no process has touched it yet. The command's exit code is
passed on; the figures go to stderr.
"""

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import time

INTERVAL_S = 0.05
PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """Process ids below this process."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue  # ended while we looked
            children.setdefault(parent, []).append(int(name))
    found, open_ids = [], [os.getpid()]
    while open_ids:
        below = children.get(open_ids.pop(), [])
        found += below
        open_ids += below
    return found


def mapped_objects(pid):
    """{path in /dev/shm: bytes that the process maps of it}; "(deleted)" marks those without a name."""
    found = {}
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        for begin, end, path in re.findall(r"^(\w+)-(\w+) .*?(/dev/shm/.*)$", file.read(), re.M):
            found[path] = found.get(path, 0) + int(end, 16) - int(begin, 16)
    return found


def sample():
    """(private and file pages, shared memory, processes) in bytes, now."""
    other = shared = processes = 0
    objects = {}
    for pid in descendants():
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                kib = {key: int(value) for key, value in re.findall(r"^(Pss\w*): +(\d+) kB", file.read(), re.M)}
            for path, size in mapped_objects(pid).items():
                objects[path] = max(size, objects.get(path, 0))
        except OSError:
            continue
        if "Pss" in kib:
            processes += 1
            shared += kib.get("Pss_Shmem", 0) * 1024
            other += (kib["Pss"] - kib.get("Pss_Shmem", 0)) * 1024
    allocated = 0
    for path, size in objects.items():
        try:
            allocated += os.stat(path).st_blocks * 512
        except OSError:
            allocated += size  # unlinked and still mapped
    return other, max(shared, allocated), processes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("name a command")
    # Orphans become our children, so that none escapes the sum.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begin = time.monotonic()
    child = subprocess.Popen(options.command)
    peak, at_peak, samples = 0, (0, 0, 0), 0
    while child.poll() is None:
        now = sample()
        samples += 1
        if now[0] + now[1] > peak:
            peak, at_peak = now[0] + now[1], now
        time.sleep(INTERVAL_S)
    figures = {"command": options.command, "exit": child.returncode, "seconds": round(time.monotonic() - begin, 3),
               "peak_bytes": peak, "shared_bytes": at_peak[1], "processes": at_peak[2], "samples": samples}
    print(f"peak {peak / 1e6:.1f} MB (PSS of {at_peak[2]} processes; {at_peak[1] / 1e6:.1f} MB of it shared memory), "
          f"{figures['seconds']} s, {samples} samples", file=sys.stderr)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main())
