#!/usr/bin/env python3
"""From `datagen init cpp` to the own stage's output, its test and its failing record under gdb: the commands of the
README that init writes, with an installed datagen."""
import argparse
import os
import shutil
import subprocess
import tempfile
import unittest

arguments = None


class FirstTenMinutes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="datagen-first-")
        self.addCleanup(shutil.rmtree, self.folder)
        prefix = os.path.join(self.folder, "installed")
        self.environment = {**os.environ, "PATH": os.path.join(prefix, "bin") + ":" + os.environ["PATH"],
                            "CMAKE_PREFIX_PATH": prefix, "CXX": arguments.compiler}
        self.run_here(arguments.cmake, "--install", arguments.build, "--prefix", prefix, "--config", arguments.config)
        self.assertTrue(os.path.exists(os.path.join(prefix, "share/man/man1/datagen.1")))

    def run_here(self, *command, folder=None, code=0, stdin=None):
        done = subprocess.run(command, capture_output=True, text=True, timeout=160, cwd=folder or self.folder, env=self.environment,
                              input=stdin)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def test_the_readme_of_the_cpp_template_holds(self):
        self.run_here("datagen", "init", "cpp", "words")
        words = os.path.join(self.folder, "words")
        with open(os.path.join(words, "README.md")) as file:
            readme = file.read()
        said = {}
        for command in ("cmake -B build", "cmake --build build", "ctest --test-dir build", "datagen check graph.yaml", "datagen run graph.yaml",
                        "datagen dead-letters words"):
            self.assertIn(command, readme)
            said[command] = self.run_here(*command.split(), folder=words)
        self.assertIn("100% tests passed", said["ctest --test-dir build"])
        self.assertIn("10 records were read through it: ", said["datagen check graph.yaml"])
        self.assertRegex(said["datagen run graph.yaml"], r"words complete in \S+: read 100, wrote 62, filtered 37, dead 1 ")
        self.assertTrue(said["datagen dead-letters words"].startswith("57 "), said)
        # clean_text gave it up: gdb has no say about why, but starts the stage with the record.
        self.assertIn("datagen repro words 57 --gdb", readme)
        if shutil.which("gdb"):
            shown = self.run_here("datagen", "repro", "words", "57", "--gdb", folder=words, stdin="run\nquit\n")
            self.assertIn("missing_field", shown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--cmake", "--build", "--config", "--compiler"):
        parser.add_argument(name, required=True)
    arguments, rest = parser.parse_known_args()
    unittest.main(argv=[__file__, *rest], verbosity=2)
