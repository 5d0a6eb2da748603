"""Kills each process of a run at each of its system calls that leave something behind, one run for each.

    python3 tests/end_to_end/syscalls.py BIN [--all]

A call is killed before it is made; a write also in its middle. Behind the kill the run goes on by itself, or is gone on with
when it was the launcher's; then output and dead letters are those of an undisturbed run, and nothing is left behind. Without
--all some calls are taken out of each process's row, others each time the seed (SEED, printed) is another.
"""

import time
import unittest

import faults
import runs

SHORT_KILLS = {"datagen": 9, "source-jsonl": 3, "clean_text": 3, "tally": 8, "sink-jsonl": 12}


class EveryCall(faults.FaultTest):
    def kill_at(self, role, call, torn, expected):
        """False: this run was over before."""
        place = self.place
        context = f"{role} killed {'within' if torn else 'before'} call {call}"
        place.arm()
        code, said = place.go(*place.command(), role=role, kill=call, torn=int(torn))
        was_killed = not place.is_armed()
        if was_killed and role == "datagen":
            self.assertIn(code, (-9, 137), context)
            code, said = place.go_on()
        self.assertEqual(code, 0, f"{context}: {said}")
        self.check(expected, context)
        place.clean()
        return was_killed

    def test_every_call_of_every_process(self):
        self.choose_disk_path()
        expected = self.undisturbed()
        for role in faults.ROLES:
            began, call = time.monotonic(), 0
            while all([self.kill_at(role, call + 1, torn, expected) for torn in (False, True)]):
                call += 1
            print(f"{role}: {call} calls, {2 * call} kills, {time.monotonic() - began:.0f} s: identical", flush=True)

    def test_some_calls_of_every_process(self):
        self.choose_disk_path()
        expected = self.undisturbed()
        for role in faults.ROLES:
            # One call out of each stretch, so that each phase of a process's life has its turn.
            kills, stretch = 0, self.calls[role] / SHORT_KILLS[role]
            for number in range(SHORT_KILLS[role]):
                call = 1 + int((number + self.chance.random()) * stretch)
                kills += self.kill_at(role, call, self.chance.random() < 0.5, expected)
            print(f"{role}: {kills} of about {self.calls[role]} calls: identical", flush=True)


def load_tests(loader, _tests, _pattern):
    name = "test_every_call_of_every_process" if faults.ALL else "test_some_calls_of_every_process"
    return unittest.TestSuite([EveryCall(name)])


if __name__ == "__main__":
    runs.main()
