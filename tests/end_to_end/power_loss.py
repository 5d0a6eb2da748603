"""Takes the power away in the middle of a run: what was not synced is gone or garbage, and the run goes on all the same.

    python3 tests/end_to_end/power_loss.py BIN [--all]

All processes die at a random system call of one of them; then the disk keeps what was made durable, and of the rest what it
likes (disk.py). Another cut may follow while the run goes on. SEED, printed, makes it the same again.
"""

import errno
import os
import random

import disk
import faults
import runs

CUTS = 300 if faults.ALL else 14


class PowerLoss(faults.FaultTest):
    def cut(self, begin, chance, notes, **more):
        """Runs until everything dies at some call, or to its end; then the disk forgets. Whether it was complete."""
        role = chance.choices(faults.ROLES, (2, 1, 1, 3, 5))[0]
        call = chance.randint(1, 1 + self.calls[role] * 6 // 5)  # also behind the end
        self.place.arm()
        code, said = begin(role=role, kill=call, torn=chance.randrange(2), cut=1, disk=notes.notes, **more)
        self.story.append(f"{role} at call {call}: exit {code}")
        self.assertIn(code, (0, -9, 3) if "rules" in more else (0, -9), f"{self.story}: {said}")
        self.lose(chance, notes)
        return code == 0

    def lose(self, chance, notes):
        for name in runs.segments(self.place.run_id()):  # memory forgets, too
            os.unlink("/dev/shm/" + name)
        strict = chance is None or chance.random() < 0.4
        notes.lose_power(None if strict else chance)
        self.story.append("strictly" if strict else "at the disk's whim")

    def trial(self, seed, expected, **more):
        """The number of cuts."""
        chance = random.Random(seed)
        place, self.story = self.place, [f"trial {seed}"]
        notes = disk.Disk(place.root, self.path("notes"))
        cuts = 1
        complete = self.cut(lambda **options: place.go(*place.command(), **options), chance, notes, **more)
        while chance.random() < 0.3 and not complete:
            cuts += 1
            complete = self.cut(place.go_on, chance, notes)
        if complete:
            # It said so, and so it must be on the disk.
            self.assertEqual(place.result(), expected, self.story)
        before = place.generation()
        code, said = place.go_on()
        self.assertEqual(code, 0, f"{self.story}: {said}")
        if complete:
            self.assertIn("already complete", said, self.story)
        self.check(expected, self.story, names_return=place.generation() == before)
        place.clean()
        return cuts

    def test_power_fails_at_any_time(self):
        self.choose_disk_path()
        expected = self.undisturbed()
        cuts, number = 0, 0
        while cuts < CUTS:
            cuts += self.trial(self.seed + number, expected)
            number += 1
        print(f"{cuts} cuts in {number} runs: identical", flush=True)

    def test_what_a_failed_sync_lost_is_not_believed_later(self):
        self.choose_disk_path()
        expected = self.undisturbed()
        once = self.path("once")
        patterns = ("*/made/out.jsonl", "*/sink.done", "*/tally.done", "*/dead_letter.jsonl", "*/state/tally.*")
        for number, pattern in enumerate(5 * patterns if faults.ALL else patterns):
            open(once, "w").close()
            nth = self.chance.choice((1, 2, 3))
            self.trial(self.seed + 1000 * number, expected, rules=faults.rule("sync", pattern, errno.EIO, nth, once))

    def test_a_commit_line_whose_sync_failed_is_written_anew(self):
        """The line of mark 2 is lost, and the run goes on; were it believed, mark 1 would count later, and its state is gone."""
        expected = self.undisturbed()
        place, notes = self.place, disk.Disk(self.place.root, self.path("notes"))
        tokens = [self.path("failed"), self.path("dead")]
        for token in tokens:
            open(token, "w").close()
        rules = faults.rule("sync", "*/sink.done", errno.EIO, 2, tokens[0]) + ";" + faults.rule("sync", "*/sink.done", 0, 4, tokens[1])
        code, said = place.go(*place.command(), rules=rules, cut=1, disk=notes.notes, pause_us=2000)
        self.assertEqual(code, -9, said)
        self.assertIn("Input/output error", said)
        self.story = []
        self.lose(None, notes)
        code, said = place.go_on()
        self.assertEqual(code, 0, said)
        self.assertIsNotNone(place.plan()["parts"][0]["resume"], "it began from the start")
        self.check(expected, said)


if __name__ == "__main__":
    runs.main()
