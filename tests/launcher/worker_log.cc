// What is read from the log of a worker that has died.
#include "launcher/worker_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace datagen::launcher {
namespace {

class WorkerLogTest : public testing::Test {
 protected:
  WorkerLogTest() { close(mkstemp(path_)); }
  ~WorkerLogTest() override { unlink(path_); }
  WorkerLog of(const std::string& text, std::uint64_t from = 0) {
    std::ofstream(path_, std::ios::binary) << text;
    return read_worker_log(path_, from);
  }
  char path_[32] = "/tmp/datagen-test.XXXXXX";
};

std::string lines(int count, const std::string& text) {
  std::string all;
  for (int line = 0; line < count; ++line) all += text + std::to_string(line) + "\n";
  return all;
}

TEST_F(WorkerLogTest, KeepsTheCrashOfTheDeepestBacktrace) {
  const std::string calls = lines(64, std::string(400, 'm') + "+0x1");
  const WorkerLog log = of("first\nlast words\ndatagen-crash: SIGSEGV at 0x10 in stage 's'\n" + calls);
  EXPECT_EQ(log.tail, "first\nlast words\n");
  EXPECT_EQ(log.crash, "SIGSEGV at 0x10 in stage 's'");
  EXPECT_EQ(log.calls.size(), 64U);
  EXPECT_EQ(log.last_words(), "last words; SIGSEGV at 0x10 in stage 's'");
}

TEST_F(WorkerLogTest, CutsToTwentyLinesAnd4KiB) {
  EXPECT_EQ(of(lines(100, "line ")).tail, lines(100, "line ").substr(lines(80, "line ").size()));
  EXPECT_EQ(of(lines(30, std::string(1000, 'x'))).tail.size(), 4 * 1003U);
  EXPECT_EQ(of(std::string(10'000, 'y')).tail.size(), 4096U) << "one line without an end";
}

TEST_F(WorkerLogTest, LeavesAnEarlierWorkersWordsAlone) {
  EXPECT_EQ(of("datagen-crash: SIGABRT\nold+0x1\nnew\n", 31).tail, "new\n");
  EXPECT_EQ(of("all old\n", 8).last_words(), "");
  EXPECT_EQ(read_worker_log("/nonexistent", 0).tail, "");
}

TEST_F(WorkerLogTest, KnowsACrashLineOnlyAtTheStartOfALine) {
  const WorkerLog log = of("I print datagen-crash: nonsense\n");
  EXPECT_EQ(log.crash, "");
  EXPECT_EQ(log.last_words(), "I print datagen-crash: nonsense");
}

TEST_F(WorkerLogTest, GivesUtf8WhateverWasPrinted) {
  EXPECT_EQ(of("bad \xff\xfe bytes\n").tail, "bad ?? bytes\n");
  const std::string text = of("x" + std::string(3000, 'z') + "\n").last_words();
  EXPECT_EQ(text, "") << "too long to stand in a message";
}

TEST_F(WorkerLogTest, IsPutAsideWhenItIsLongAndItsWriterGoesOn) {
  const std::string path = path_;
  std::ofstream writer(path, std::ios::binary | std::ios::app);
  const auto bytes = [](const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  for (const char* text : {"one", "two", "three", "four", "five"}) {
    writer << text << " and more" << std::flush;
    EXPECT_FALSE(rotate_log(path, 100));
    EXPECT_TRUE(rotate_log(path, 10));
    EXPECT_EQ(bytes(path), "");
  }
  writer << "now" << std::flush;
  EXPECT_EQ(bytes(path), "now");
  EXPECT_EQ(bytes(path + ".1"), "five and more");
  EXPECT_EQ(bytes(path + ".3"), "three and more");
  EXPECT_FALSE(std::ifstream(path + ".4"));
  for (const char* end : {".1", ".2", ".3"}) unlink((path + end).c_str());
}

}  // namespace
}  // namespace datagen::launcher
