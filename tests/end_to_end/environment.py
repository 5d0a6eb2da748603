"""What goes on around a run: little shared memory, stopped processes, signals, limits, children that stay, other users.

    python3 tests/end_to_end/environment.py BIN [--all]
"""

import errno
import os
import re
import shlex
import signal
import stat
import subprocess
import time

import faults
import runs

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def can(command, what):
    """Whether this works here; says so when it does not."""
    done = subprocess.run(command, capture_output=True)
    if done.returncode != 0:
        print(f"skipped, no right to {what}:", done.stderr.decode().strip(), flush=True)
    return done.returncode == 0


class Environment(faults.FaultTest):
    def setUp(self):
        super().setUp()
        self.expected = self.undisturbed()

    def wait_for_output(self):
        """All workers are at work; their pids by name."""
        runs.wait_until(lambda: os.path.exists(self.place.output) and os.path.getsize(self.place.output) > 1000, what="the first output")
        return self.place.workers()

    def complete(self, **options):
        code, said = self.place.go(*self.place.command(), **options)
        self.assertEqual(code, 0, said)
        self.check(self.expected, said)
        return said


class SharedMemory(Environment):
    def small(self, kib):
        """A /dev/shm of this size, for one command."""
        return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={kib}K tmpfs /dev/shm && exec "$@"', "sh"]

    def test_too_little_is_refused_before_anything_starts(self):
        if not can([*self.small(64), "true"], "mount"):
            return
        code, said = self.place.go(*self.place.command(), under=self.small(64))
        self.assertEqual(code, 2, said)
        self.assertIn("/dev/shm is too small", said)
        self.assertFalse(os.path.exists(self.place.output))
        self.complete()

    def test_what_a_dead_run_holds_is_free_again_for_its_resume(self):
        if not can([*self.small(64), "true"], "mount"):
            return
        _, said = self.place.go(*self.place.command(), under=self.small(4))
        needed = int(re.search(r"needs (\d+) KiB", said).group(1))
        self.place.clean()
        # Once, but not twice: the rings of the dead are in the way.
        self.place.arm()
        words = [os.path.join(runs.BIN, "datagen"), *self.place.command()]
        preload = f"LD_PRELOAD='{faults.PRELOAD}' FAULTS_ROLE=tally FAULTS_KILL=9 FAULTS_CUT=1"
        both = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={needed * 3 // 2}K tmpfs /dev/shm && "
                f"! env {preload} {shlex.join(words)} && ls /dev/shm/datagen.* >/dev/null && exec \"$@\" && ! ls /dev/shm/datagen.*", "sh"]
        code, said = self.place.go("resume", self.place.run_directory, under=both)
        self.assertFalse(self.place.is_armed(), said)
        self.assertEqual(code, 0, said)
        self.check(self.expected, said)

    def test_names_that_are_taken_are_told_or_gone_around(self):
        code, said = self.place.go(*self.place.command(), rules=faults.rule("create", "/dev/shm/*.control", errno.EEXIST))
        self.assertEqual(code, 3, said)
        self.assertIn("File exists", said)
        # Not a segment, and not to be removed as one: it is nobody's business but the user's.
        squat = f"/dev/shm/datagen.{self.place.run_id()}.squat"
        os.mkdir(squat)
        try:
            code, said = self.place.go_on()
            self.assertEqual(code, 0, said)
        finally:
            os.rmdir(squat)
        self.check(self.expected, said)
        self.place.clean()
        self.complete(rules=faults.rule("create", "/dev/shm/*.o[0-9]*", errno.EEXIST))

    def test_two_runs_do_not_touch_each_other(self):
        other = faults.Place(self.path("other"))
        self.addCleanup(other.destroy)
        self.place.arm()

        def meanwhile(_):
            source = next(pid for name, pid in self.wait_for_output().items() if name.startswith("source-"))
            os.kill(source, signal.SIGSTOP)  # so that the first run is not over too soon
            try:
                code, said = other.go(*other.command(), role="tally", kill=9, cut=1)
                self.assertEqual(code, -9, said)
                code, said = other.go_on()
                self.assertEqual(code, 0, said)
            finally:
                os.kill(source, signal.SIGCONT)

        other.token = self.place.token
        self.complete(pause_us=10_000, meanwhile=meanwhile)
        self.assertEqual(other.result()[0], self.expected[0])

    def test_nobody_else_may_open_what_is_in_memory_or_overflows(self):
        if not can([*NOBODY, "true"], "become another user"):
            return

        def meanwhile(_):
            self.wait_for_output()
            names = runs.segments(self.place.run_id())
            self.assertGreaterEqual(len(names), 4)
            for name in names:
                opened = subprocess.run([*NOBODY, "sh", "-c", f"exec 3<>/dev/shm/{name} || exec 3</dev/shm/{name}"], capture_output=True)
                self.assertNotEqual(opened.returncode, 0, name)
                self.assertEqual(stat.S_IMODE(os.stat("/dev/shm/" + name).st_mode), 0o600, name)
            overflow = os.path.join(self.place.run_directory, "overflow")
            runs.wait_until(lambda: os.path.isdir(overflow), what="a frame on disk")
            self.assertEqual(stat.S_IMODE(os.stat(overflow).st_mode), 0o700)

        self.complete(meanwhile=meanwhile, pause_us=3000, rules=faults.rule("create", "/dev/shm/*.o[0-9]*", errno.ENOSPC))


class Signals(Environment):
    def test_processes_that_are_stopped_for_a_while_go_on(self):
        def meanwhile(launcher):
            workers = self.wait_for_output()
            for pid in (*workers.values(), launcher.pid):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.15)
                os.kill(pid, signal.SIGCONT)

        self.complete(meanwhile=meanwhile, pause_us=4000)
        self.assertEqual(self.place.report()["restarts"], 0)

    def test_a_time_out_does_not_count_while_everything_is_stopped(self):
        for launcher_first in self.some((True, False), 1):
            def meanwhile(launcher, first=launcher_first):
                # The second commit: the launcher's clock has begun to tick.
                done = os.path.join(self.place.run_directory, "sink.done")
                runs.wait_until(lambda: os.path.exists(done) and read(done).count("\n") > 1, what="the second commit")
                pids = list(self.place.workers().values())
                pids.insert(0 if first else len(pids), launcher.pid)
                for pid in pids:
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(1.2)
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)

            code, said = self.place.go(*self.place.command(), "--set", "tally.timeout=600ms", "--set", "clean_text.timeout=600ms",
                                       meanwhile=meanwhile, pause_us=4000)
            self.assertEqual(code, 0, said)
            self.check(self.expected, said)
            self.assertEqual(self.place.report()["restarts"], 0, said)
            self.place.clean()

    def test_a_storm_of_signals_changes_nothing(self):
        """Signals that are ignored by default, and stops: system calls return EINTR at a SIGCONT also without a handler."""
        numbers = (signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG, signal.SIGCONT, signal.SIGSTOP)

        def meanwhile(launcher):
            sent, began, looked, pids = 0, time.monotonic(), 0, []
            while launcher.poll() is None and time.monotonic() - began < 60:
                if time.monotonic() - looked > 0.05:
                    looked, pids = time.monotonic(), [*self.place.workers().values(), launcher.pid]
                for pid in pids:
                    number = self.chance.choice(numbers)
                    try:
                        os.kill(pid, number)
                        if number == signal.SIGSTOP:
                            os.kill(pid, signal.SIGCONT)
                    except ProcessLookupError:
                        continue
                    sent += 1
                time.sleep(0.0005)  # else slow programs (sanitizers, a busy machine) have no time between two signals
            print(f"{sent / (time.monotonic() - began):.0f} signals a second", flush=True)

        # The search for leaks at the end of a process stops it as a debugger does, and hangs under foreign stops.
        self.complete(meanwhile=meanwhile, pause_us=2000, environment={"LSAN_OPTIONS": "detect_leaks=0"})
        self.assertEqual(self.place.report()["restarts"], 0)

    def test_a_signal_that_kills_is_a_death_like_any_other(self):
        for role in self.some(faults.ROLES[1:], 2):
            self.complete(meanwhile=lambda _, name=role: os.kill(self.wait_for_output()[name], signal.SIGUSR1), pause_us=1500)
            self.place.clean()
        code, said = self.place.go(*self.place.command(), meanwhile=lambda launcher: (self.wait_for_output(), launcher.send_signal(signal.SIGUSR1)))
        self.assertEqual(code, -signal.SIGUSR1, said)
        code, said = self.place.go_on()
        self.assertEqual(code, 0, said)
        self.check(self.expected, said)


class Limits(Environment):
    def test_a_worker_has_the_descriptors_that_it_uses_and_no_other(self):
        run, mine = re.escape(self.place.run_directory), {
            "source-jsonl": [r"source\.lock", re.escape(self.place.source)],
            "clean_text": [],
            "tally": [r"tally\.lock", r"tally\.done", r"state/tally.*", "state/?"],
            "sink-jsonl": [r"sink\.lock", r"sink\.journal\.[01]", r"sink\.done", r"dead_letter\.jsonl", re.escape(self.place.output)],
        }
        edges = {"source-jsonl": {"0"}, "clean_text": {"0", "1"}, "tally": {"1", "2"}, "sink-jsonl": {"2"}}

        def mapped(pid):
            return set(re.findall(r"/dev/shm/datagen\.\w+\.\w+\.(\w+)", read(f"/proc/{pid}/maps")))

        def strange(name, pid):
            found = []
            for number, path in descriptors(pid).items():
                wanted = [r"/dev/null"] if number == 0 else [rf"{run}/logs/.*\.0\.log"] if number < 3 else \
                    [pattern if pattern.startswith("/") else rf"{run}/{pattern}" for pattern in mine[name]]
                # A folder above is open while its names are synced.
                is_above = (self.place.output + self.place.run_directory).find(path) >= 0 and os.path.isdir(path)
                if not is_above and not any(re.fullmatch(pattern, path) for pattern in wanted):
                    found.append(f"{number} is {path}")
            return found

        def meanwhile(launcher):
            for _ in range(3):  # replaced in place, and by a new epoch
                workers = self.wait_for_output()
                for name, pid in workers.items():
                    # One that has just been started has not mapped all yet, and reads the plan and about itself.
                    runs.wait_until(lambda: mapped(pid) - {"control"} == edges[name], what=f"{name} maps {edges[name]}")
                    try:
                        runs.wait_until(lambda: not strange(name, pid), what="the end of what is open at a start", seconds=5)
                    except AssertionError:
                        self.assertEqual(strange(name, pid), [], name)
                successors = sum(faults.stands_by(pid) for pid, _ in runs.processes_of(self.place.run_directory))
                self.assertLessEqual(len(descriptors(launcher.pid)), 3 + 4 + len(workers) + 2 * successors + 1, descriptors(launcher.pid))
                os.kill(workers["clean_text"], signal.SIGKILL)
                os.kill(workers["tally"], signal.SIGKILL)
                runs.wait_until(lambda old=workers: launcher.poll() is not None or
                                (len(self.place.workers()) == 4 and self.place.workers()["tally"] != old["tally"]), what="a new epoch")

        self.complete(meanwhile=meanwhile, pause_us=4000)

    def test_too_few_processes_are_a_clear_error(self):
        as_nobody = [*NOBODY, os.path.join(runs.BIN, "datagen"), "--version"]
        if not can(as_nobody, "become another user who may run this build"):
            return
        os.chmod(self.folder, 0o777)
        os.chmod(self.place.root, 0o777)
        said_so = set()
        for limit in range(1, 12) if faults.ALL else (1, 5):
            code, said = self.place.go(*self.place.command(), under=[*NOBODY, "prlimit", f"--nproc={limit}"],
                                       environment={"LSAN_OPTIONS": "detect_leaks=0"})  # that takes a thread of its own
            context = f"{limit} processes: exit {code}: {said}"
            self.assertIn(code, (0, 2, 3), context)
            said_so.add(code)
            if code != 0:
                self.assertIn("Resource temporarily unavailable", said, context)
                code, said = self.place.go_on(under=NOBODY)
                self.assertEqual(code, 0, context + said)
            self.check(self.expected, context)
            self.place.clean()
        self.assertEqual(said_so & {2, 3}, {2, 3})

    def test_a_process_that_a_stage_leaves_behind_does_not_hold_the_run_up(self):
        leaving = {"DATAGEN_TEST_DAEMON": self.place.daemons}
        began = time.monotonic()
        self.complete(environment=leaving)
        self.place.clean()
        # Nor does it hold the lock that the successor needs.
        self.place.arm()
        code, said = self.place.go(*self.place.command(), environment=leaving, role="tally", kill=9, cut=1)
        self.assertEqual(code, -9, said)
        code, said = self.place.go_on()
        self.assertEqual(code, 0, said)
        self.check(self.expected, said)
        self.assertLess(time.monotonic() - began, 20)
        for pid in self.place.daemons_left():
            self.assertTrue(os.path.exists(f"/proc/{pid}"), "it did not outlive its stage")
        self.assertEqual(len(self.place.daemons_left()), 2)


def read(path):
    with open(path) as file:
        return file.read()


def descriptors(pid):
    folder = f"/proc/{pid}/fd"
    found = {}
    for name in os.listdir(folder):
        try:
            found[int(name)] = os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            pass
    return found


if __name__ == "__main__":
    runs.main()
