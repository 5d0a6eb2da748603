#!/usr/bin/env python3
"""Installs the build into a folder of its own, moves it, and uses it as somebody else would: outside/ is built against
it by find_package and by pkg-config, and its stages run as filters and under the installed launcher."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

OUTSIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "outside")
SCHEME = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(OUTSIDE))), "examples", "scheme")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]

arguments = None


def run(*command, **more):
    """What a command printed; its failure shows all of it."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=160, **more)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def sanitizer():
    return ["-fsanitize=" + arguments.sanitize] if arguments.sanitize else []


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="datagen-package-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        installed = os.path.join(cls.folder, "installed")
        run(arguments.cmake, "--install", arguments.build, "--prefix", installed, "--config", arguments.config)
        # Nothing in it may know where it was put first.
        cls.prefix = os.path.join(cls.folder, "moved")
        os.rename(installed, cls.prefix)
        cls.library = cls.only(lambda name: name == "libdatagen_stage.a")
        cls.outside = os.path.join(cls.folder, "by-cmake")
        cls.environment = {**os.environ, "PKG_CONFIG_PATH": os.path.join(cls.library, "pkgconfig")}

    @classmethod
    def only(cls, wanted):
        """The one folder below the prefix that holds a wanted file."""
        found = [folder for folder, _, names in os.walk(cls.prefix) if any(map(wanted, names))]
        if len(found) != 1:
            raise AssertionError(f"expected one folder, found {found}")
        return found[0]

    def build_outside(self):
        """By find_package; once for all tests."""
        if not os.path.isdir(self.outside):
            self.build_project(OUTSIDE, self.outside)

    def build_project(self, project, folder):
        flags = " ".join(sanitizer() + WARNINGS)
        run(arguments.cmake, "-S", project, "-B", folder, "-G", arguments.generator, "-DCMAKE_BUILD_TYPE=Debug",
            f"-DCMAKE_CXX_COMPILER={arguments.compiler}", f"-DCMAKE_CXX_FLAGS={flags}",
            f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run(arguments.cmake, "--build", folder, "--parallel", "2")

    def build_by_pkg_config(self, name):
        flags = run("pkg-config", "--cflags", "--libs", "datagen", env=self.environment).split()
        program = os.path.join(self.folder, "by-pkg-config-" + name)
        run(arguments.compiler, "-std=c++20", *WARNINGS, *sanitizer(), os.path.join(OUTSIDE, name + ".cc"), "-o", program,
            *flags)
        return program

    def check_strip_text(self, program):
        records = '{"text":" é ","other":1}\n{"text":"\\n"}\n'
        self.assertEqual(run(program, input=records), '{"text":"é","len":3}\n{"text":"","len":1}\n')
        described = json.loads(run(program, "--describe"))
        self.assertEqual((described["kind"], described["stateful"], described["parameters"]), ("stage", False, []))

    def check_quota(self, program):
        records = '{"domain":"a","n":1.0}\n{"domain":"a"}\n{"domain":"b"}\n'
        self.assertEqual(run(program, "--set", "max=1", input=records),
                         '{"domain":"a","n":1.0}\n{"domain":"b"}\n{"domains":2}\n')
        described = json.loads(run(program, "--describe"))
        self.assertEqual((described["kind"], described["stateful"]), ("stage", True))
        self.assertEqual([(p["name"], p["type"], p["default"]) for p in described["parameters"]],
                         [("max", "integer", 100)])

    def test_find_package_builds_stages_that_run_as_filters(self):
        self.build_outside()
        self.check_strip_text(os.path.join(self.outside, "strip_text"))
        self.check_quota(os.path.join(self.outside, "quota"))

    def test_find_package_builds_tests_of_operators(self):
        self.build_outside()
        run(os.path.join(self.outside, "quota_test"))

    def test_find_package_knows_its_version(self):
        # Before 1.0 each minor version is an API of its own: one that asks for another gets none.
        major, minor, _ = map(int, arguments.version.split("."))
        project = os.path.join(self.folder, "version")
        os.mkdir(project)
        with open(os.path.join(project, "CMakeLists.txt"), "w") as file:
            file.write("cmake_minimum_required(VERSION 3.22)\nproject(version CXX)\n"
                       f"find_package(datagen {major}.{minor + 1} CONFIG QUIET)\n"
                       "if(datagen_FOUND)\n  message(FATAL_ERROR \"took version ${datagen_VERSION}\")\nendif()\n"
                       f"find_package(datagen {major}.{minor} REQUIRED CONFIG)\n"
                       f"if(NOT datagen_VERSION VERSION_EQUAL {arguments.version})\n"
                       "  message(FATAL_ERROR \"found ${datagen_VERSION}\")\nendif()\n")
        run(arguments.cmake, "-S", project, "-B", os.path.join(project, "build"), "-G", arguments.generator,
            f"-DCMAKE_CXX_COMPILER={arguments.compiler}", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_pkg_config_builds_stages_and_tests(self):
        self.assertEqual(run("pkg-config", "--modversion", "datagen", env=self.environment).strip(), arguments.version)
        self.check_strip_text(self.build_by_pkg_config("strip_text"))
        self.check_quota(self.build_by_pkg_config("quota"))
        run(self.build_by_pkg_config("quota_test"))

    def test_every_installed_header_compiles_alone(self):
        includes = self.only(lambda name: name == "stage.h")
        flags = run("pkg-config", "--cflags", "datagen", env=self.environment).split()
        headers = [os.path.relpath(os.path.join(folder, name), includes) for folder, _, names in os.walk(includes) for name in names]
        for header in sorted(headers):
            with self.subTest(header=header):
                run(arguments.compiler, "-std=c++20", *WARNINGS, "-fsyntax-only", "-x", "c++", "-", *flags,
                    input=f"#include <datagen/{header}>\n")

    def launch(self, name, *command):
        """Runs the installed launcher in a folder of its own; what it wrote to stderr is in a failure's message."""
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        environment = {key: value for key, value in os.environ.items() if key != "DATAGEN_STAGE_PATH"}
        run(os.path.join(self.prefix, "bin", "datagen"), "run", *command, "--run-dir", os.path.join(folder, "run"),
            cwd=folder, env={**environment, "DATAGEN_STAGE_PATH": self.outside})
        with open(os.path.join(folder, "out")) as file:
            return file.read()

    def test_the_installed_launcher_finds_the_installed_stages(self):
        source = os.path.join(self.folder, "in.jsonl")
        with open(source, "w") as file:
            file.write('{"text":" a "}\n{"text":"é"}\n')
        self.assertEqual(self.launch("installed-stages", "--input", source, "--stage", "clean_text",
                                     "--output", "jsonl://out"),
                         '{"text":"a","len":3,"_i":0}\n{"text":"é","len":1,"_i":1}\n')

    def test_the_installed_launcher_runs_sources_stages_and_sinks_of_others(self):
        self.build_outside()
        source = os.path.join(self.folder, "domains.jsonl")
        with open(source, "w") as file:
            file.writelines('{"domain":"d%d"}\n' % (row % 3) for row in range(9))
        self.assertEqual(self.launch("stage-of-others", "--input", source, "--stage", os.path.join(self.outside, "quota"),
                                     "--set", "quota.max=1", "--output", "jsonl://out").splitlines()[:3],
                         ['{"domain":"d%d","_i":%d}' % (row, row) for row in range(3)])
        self.assertEqual(self.launch("source-and-sink-of-others", "--input", "count://250", "--output", "lines://out"),
                         "".join('{"n":%d,"_i":%d}\n' % (row, row) for row in range(250)))

    def test_a_scheme_of_an_example_goes_on_after_its_launcher_was_killed(self):
        built, folder = os.path.join(self.folder, "scheme"), os.path.join(self.folder, "fixed")
        self.build_project(SCHEME, built)
        os.mkdir(folder)
        records = [b'{"text":" %d"}' % row for row in range(400000)]
        with open(os.path.join(folder, "in.fixed"), "wb") as file:
            file.writelines(record.ljust(31) + b"\n" for record in records)
        with open(os.path.join(folder, "fixed.yaml"), "w") as file:
            file.write("datagen: 1\ninput: {uri: fixed://in.fixed, width: 32}\noutput: {uri: fixed://out.fixed, width: 64}\n"
                       "commit_interval: 10ms\nstages: [clean_text]\n")
        datagen, environment = os.path.join(self.prefix, "bin", "datagen"), {**os.environ, "DATAGEN_STAGE_PATH": built}
        first = subprocess.Popen([datagen, "run", "fixed.yaml", "--run-dir", "run"], cwd=folder, env=environment, stderr=subprocess.PIPE)
        deadline, done = time.monotonic() + 30, os.path.join(folder, "run", "sink.done")
        while first.poll() is None and time.monotonic() < deadline and not (os.path.exists(done) and os.path.getsize(done) > 0):
            time.sleep(0.001)
        first.send_signal(signal.SIGKILL)
        _, err = first.communicate(timeout=20)
        self.assertEqual(first.returncode, -signal.SIGKILL, f"it ended before it was killed: {err}")
        run(datagen, "resume", "run", cwd=folder, env=environment)
        with open(os.path.join(folder, "out.fixed"), "rb") as file:
            written = file.read()
        self.assertEqual(len(written), 64 * len(records))
        for row in range(len(records)):
            text = b'{"text":"%d","len":%d,"_i":%d}' % (row, len(str(row)) + 1, row)
            self.assertEqual(written[64 * row:64 * row + 64], text.ljust(63) + b"\n")


def main():
    global arguments
    parser = argparse.ArgumentParser()
    for name in ("cmake", "build", "config", "generator", "compiler", "version", "sanitize"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    unittest.main(argv=["outside.py"], verbosity=2)


if __name__ == "__main__":
    main()
