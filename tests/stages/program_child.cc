// Programs as children: bytes both ways, however much and in whatever order, and how they end.
#include <datagen/testing.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "program/child_process.h"
#include "program/command.h"
#include "tests/temporary_folder.h"

namespace datagen {
namespace {

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

std::string ending_of(const std::vector<std::string>& argv, const std::string& input = "") {
  try {
    return "gave " + ChildProcess(argv).filter(input);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

bool is_alive(pid_t pid) { return kill(pid, 0) == 0; }

TEST(ChildProcess, FilterGivesAllThatItWrites) {
  EXPECT_EQ(ChildProcess({"/bin/cat"}).filter("a\nb"), "a\nb");
  EXPECT_EQ(ChildProcess({"/bin/cat"}).filter(""), "");
  EXPECT_EQ(ChildProcess({"/bin/echo", "x y", "*"}).filter("not read"), "x y *\n");
}

// More than pipes hold, in both directions and on stderr: neither waits for the other.
TEST(ChildProcess, NeitherSideWaitsForTheOther) {
  const std::string much(3 << 20, 'x');
  EXPECT_EQ(ChildProcess({"/bin/cat"}).filter(much), much);
  EXPECT_EQ(ChildProcess(shell("head -c 1000000 /dev/zero >&2; cat")).filter(much), much);
  EXPECT_EQ(ChildProcess(shell("head -c 1000000 /dev/zero; cat >/dev/null")).filter(much).size(), 1'000'000u);
}

TEST(ChildProcess, AProgramThatNeedsNoMoreInputIsNoFailure) {
  EXPECT_EQ(ChildProcess({"/usr/bin/head", "-n", "1"}).filter("first\n" + std::string(3 << 20, 'x')),
            "first\n");
}

TEST(ChildProcess, HowItEndsIsToldWithTheEndOfItsStderr) {
  EXPECT_EQ(ending_of(shell("echo said; echo why >&2; exit 3")), "/bin/sh ended with code 3: why");
  EXPECT_EQ(ending_of(shell("kill -SEGV $$")), "/bin/sh was ended by signal 11");
  EXPECT_EQ(ending_of({"/nowhere/program"}),
            "/nowhere/program ended with code 127: No such file or directory");
  const std::string long_ending =
      ending_of(shell("head -c 100000 /dev/zero | tr '\\0' y >&2; echo end >&2; exit 1"));
  EXPECT_TRUE(long_ending.ends_with("yend")) << long_ending.substr(long_ending.size() - 20);
  EXPECT_LT(long_ending.size(), 2100u);
}

TEST(ChildProcess, AnswersLineAfterLine) {
  ChildProcess child({"/bin/cat"});
  for (int line = 0; line < 100; ++line)
    EXPECT_EQ(child.answer("line " + std::to_string(line)), "line " + std::to_string(line));
  const std::string large(500'000, 'z');
  EXPECT_EQ(child.answer(large), large);
}

TEST(ChildProcess, AnAnswerMustBeOneWholeLine) {
  ChildProcess two(shell("read x; printf 'a\\nb\\n'; sleep 100"));
  EXPECT_THROW(two.answer("x"), std::runtime_error);
  ChildProcess half(shell("read x; printf half"));
  try {
    half.answer("x");
    FAIL() << "half a line was taken";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "/bin/sh ended with code 0 (in the middle of a line)");
  }
  ChildProcess silent(shell("exit 4"));
  EXPECT_THROW(silent.answer("x"), std::runtime_error);
}

// The pid comes from the program itself: a fork in between would not do.
TEST(ChildProcess, ItEndsWithItsObject) {
  pid_t pid = 0;
  {
    ChildProcess child(shell("read x; echo $$; exec sleep 1000"));
    pid = static_cast<pid_t>(std::stol(child.answer("who")));
    EXPECT_TRUE(is_alive(pid));
  }
  EXPECT_FALSE(is_alive(pid));
}

TEST(ChildProcess, ItEndsWithItsWorker) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t worker = fork();
  if (worker == 0) {
    ChildProcess child(shell("read x; echo $$; exec sleep 1000"));
    const std::string pid = child.answer("who") + "\n";
    (void)!write(ends[1], pid.data(), pid.size());
    pause();
    _exit(0);
  }
  char text[32] = {};
  ASSERT_GT(read(ends[0], text, sizeof text - 1), 0);
  const auto pid = static_cast<pid_t>(std::atol(text));
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  // Reaped by whoever took it over, soon.
  for (int round = 0; round < 1000 && is_alive(pid); ++round) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    const std::string line((std::istreambuf_iterator<char>(stat)), {});
    if (line.find(") Z ") != std::string::npos) break;
    usleep(10'000);
    ASSERT_LT(round, 999) << "it lives on";
  }
  close(ends[0]);
  close(ends[1]);
}

// What a stage makes of its parameters.
struct Shows : Operator {
  static void describe(Parameters& p) { declare_command(p); }
  void open(Context& context) override { command_ = read_command(context); }
  void process_item(Item& item, Context&) override {
    std::string joined;
    for (const std::string& argument : command_) joined += "[" + argument + "]";
    item.assign({{"command", joined}});
  }
  std::vector<std::string> command_;
};

TEST(Command, TheProgramStandsBeforeItsArguments) {
  const auto result =
      test<Shows>({{"program", "/bin/cat"}, {"arguments", R"(["-n", "a b", "é", ""])"}}, {"{}"});
  EXPECT_EQ(result.records, (std::vector<std::string>{R"({"command":"[/bin/cat][-n][a b][é][]"})"}));
}

TEST(Command, WhatIsNoCommandIsRefusedBeforeAnythingStarts) {
  Parameters declared;
  declare_command(declared);
  const auto refuses = [&](const char* name, const std::string& text) {
    try {
      declared.find(name)->check(text);
    } catch (const std::invalid_argument&) {
      return true;
    }
    return false;
  };
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/text") << "no program";
  EXPECT_TRUE(refuses("program", folder.path() + "/text"));
  EXPECT_TRUE(refuses("program", folder.path() + "/gone"));
  EXPECT_FALSE(refuses("program", "/bin/cat"));
  EXPECT_TRUE(refuses("arguments", "-n"));
  EXPECT_TRUE(refuses("arguments", R"(["a", 1])"));
  EXPECT_TRUE(refuses("arguments", R"({"a": "b"})"));
  EXPECT_FALSE(refuses("arguments", "[]"));
}

}  // namespace
}  // namespace datagen
