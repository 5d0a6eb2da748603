#include "runtime/commit_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/temporary_folder.h"

namespace datagen {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kStages{"source", "clean", "sink"};

Commit commit_of(std::uint64_t number) {
  Commit commit;
  commit.mark = std::uint64_t{1} << 32 | number;
  commit.seq = 10 * number;
  commit.cursor = std::string("\0cursor\n\xff", 9) + std::to_string(number);
  commit.output_bytes = 1000 * number;
  commit.output_records = 7 * number;
  commit.output_path = "/out/with \"quotes\"\n and a line end.jsonl";
  commit.file_bytes = 1000 * number;
  commit.tail_hash = 0xfedcba9876543210 + number;
  commit.dead_letter_bytes = number;
  Totals::Stage& stage = commit.totals.stage(1);
  stage.counts = {8 * number, 7 * number, number, 0, 0, 0};
  stage.drop_reasons["too \"short\""] = number;
  stage.counters["checksum\":\""] = -static_cast<std::int64_t>(number);
  stage.usage[{"model", "here", UsageKind::retry}] = {number, 2 * number, 3 * number,
                                                      static_cast<std::int64_t>(4 * number)};
  return commit;
}

void expect_equal(const Commit& found, const Commit& wanted) {
  EXPECT_EQ(commit_line(found, kStages), commit_line(wanted, kStages));
}

class CommitLogTest : public testing::Test {
 protected:
  CommitLogTest() { path_ = folder_ / "sink.done"; }

  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  std::string read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The lines of the first `count` commits, and where each ends.
  std::string lines(std::uint64_t count) {
    std::string text;
    ends_.assign(1, 0);
    for (std::uint64_t number = 1; number <= count; ++number) {
      text += commit_line(commit_of(number), kStages);
      ends_.push_back(text.size());
    }
    return text;
  }
  // How many lines count, each checked against what was written.
  std::size_t whole_lines() {
    const auto found = read_commits(path_, kStages);
    EXPECT_TRUE(found) << found.error().message();
    if (!found) return 999;
    for (std::size_t index = 0; index < found.value().size(); ++index) {
      expect_equal(found.value()[index].commit, commit_of(index + 1));
      EXPECT_EQ(found.value()[index].end, ends_[index + 1]);
    }
    return found.value().size();
  }

  TemporaryFolder own_{"/dev/shm"};  // thousands of files: not on a disk
  fs::path folder_ = own_.path(), path_;
  std::vector<std::uint64_t> ends_;
};

TEST_F(CommitLogTest, NoFileIsAnEmptyLog) {
  ends_ = {0};
  EXPECT_EQ(whole_lines(), 0u);
  EXPECT_TRUE(repair_commits(path_, kStages).value().empty());
  EXPECT_TRUE(renew_commits(path_, 0));
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(CommitLogTest, AppendsWhatIsReadBack) {
  CommitLog log(path_, kStages);
  for (std::uint64_t number = 1; number <= 3; ++number) ASSERT_TRUE(log.append(commit_of(number)));
  EXPECT_EQ(read(), lines(3));
  EXPECT_EQ(whole_lines(), 3u);
}

TEST_F(CommitLogTest, CutAnywhereTheWholeLinesBeforeCount) {
  const std::string text = lines(4);
  for (std::size_t bytes = 0; bytes <= text.size(); ++bytes) {
    write(text.substr(0, bytes));
    std::size_t wanted = 0;
    while (wanted < 4 && ends_[wanted + 1] <= bytes) ++wanted;
    ASSERT_EQ(whole_lines(), wanted) << bytes << " bytes";
    const auto repaired = repair_commits(path_, kStages);
    ASSERT_TRUE(repaired) << repaired.error().message();
    ASSERT_EQ(repaired.value().size(), wanted);
    ASSERT_EQ(fs::file_size(path_), ends_[wanted]) << bytes << " bytes";
  }
}

TEST_F(CommitLogTest, AnyFlippedBitEndsTheLogBeforeItsLine) {
  const std::string text = lines(3);
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    write(damaged);
    std::size_t wanted = 0;
    while (ends_[wanted + 1] <= bit / 8) ++wanted;
    ASSERT_EQ(whole_lines(), wanted) << "bit " << bit;
  }
}

TEST_F(CommitLogTest, AnyByteThatBecomesALineEndEndsTheLog) {
  const std::string text = lines(2);
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    if (at + 1 == ends_[1]) continue;
    std::string damaged = text;
    damaged[at] = '\n';
    write(damaged);
    ASSERT_EQ(whole_lines(), at < ends_[1] ? 0u : 1u) << "byte " << at;
  }
}

TEST_F(CommitLogTest, EachLineIsCheckedAlone) {
  // What lines say of each other is for the launcher to judge.
  const std::string text = lines(2);
  write(text.substr(ends_[1]));
  const auto found = read_commits(path_, kStages);
  ASSERT_EQ(found.value().size(), 1u);
  expect_equal(found.value()[0].commit, commit_of(2));
}

TEST_F(CommitLogTest, ZerosAndGarbageBehindTheLastLineDoNotCount) {
  const std::string text = lines(2);
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    std::string tail(1 + random() % 600, '\0');
    if (round % 3 != 0) std::generate(tail.begin(), tail.end(), [&] { return static_cast<char>(random()); });
    if (round % 3 == 2) tail += '\n';
    write(text + tail);
    ASSERT_EQ(whole_lines(), 2u) << "round " << round;
    ASSERT_TRUE(repair_commits(path_, kStages));
    ASSERT_EQ(read(), text);
  }
}

TEST_F(CommitLogTest, AHoleOfZerosWithinEndsTheLogThere) {
  const std::string text = lines(3);
  for (std::size_t begin = 0; begin < text.size(); begin += 13) {
    std::string damaged = text;
    const std::size_t bytes = std::min<std::size_t>(512, text.size() - begin);
    damaged.replace(begin, bytes, bytes, '\0');
    write(damaged);
    std::size_t wanted = 0;
    while (ends_[wanted + 1] <= begin) ++wanted;
    ASSERT_EQ(whole_lines(), wanted) << "zeros from " << begin;
  }
}

TEST_F(CommitLogTest, AStageThatThePlanDoesNotHaveIsAnError) {
  write(commit_line(commit_of(1), {"source", "other", "sink"}));
  const auto found = read_commits(path_, kStages);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("'other'"), std::string::npos) << found.error().message();
}

TEST_F(CommitLogTest, GoesOnBehindARepair) {
  write(lines(2) + lines(1).substr(0, 100));
  ASSERT_TRUE(repair_commits(path_, kStages));
  CommitLog log(path_, kStages);
  ASSERT_TRUE(log.append(commit_of(3)));
  EXPECT_EQ(read(), lines(3));
}

TEST_F(CommitLogTest, IsRenewedWithItsFirstLines) {
  const std::string text = lines(3);
  write(text);
  struct stat before {
  }, after{};
  stat(path_.c_str(), &before);
  ASSERT_TRUE(renew_commits(path_, ends_[2]));
  EXPECT_EQ(read(), text.substr(0, ends_[2]));
  stat(path_.c_str(), &after);
  EXPECT_NE(before.st_ino, after.st_ino) << "written anew, not cut";
  ASSERT_TRUE(renew_commits(path_, 0));
  EXPECT_EQ(read(), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(CommitLogTest, ALongLogKeepsItsLastLines) {
  CommitLog log(path_, kStages);
  std::uint64_t longest = 0;
  for (std::uint64_t number = 1; number <= 6000; ++number) {
    // Without the syncs this would be 6,000 lines by append; the first megabyte is written at once.
    if (number == 1) {
      std::string text;
      while (text.size() < (1 << 20) - 4096) text += commit_line(commit_of(number++), kStages);
      write(text);
    }
    ASSERT_TRUE(log.append(commit_of(number)));
    longest = std::max<std::uint64_t>(longest, fs::file_size(path_));
    const auto found = read_commits(path_, kStages);
    ASSERT_TRUE(found);
    ASSERT_EQ(found.value().back().commit.mark, commit_of(number).mark);
    if (found.value().size() < 100) {
      // Both marks that can be asked for are there.
      ASSERT_EQ(found.value().size(), 2u);
      EXPECT_EQ(found.value().front().commit.mark, commit_of(number - 1).mark);
      EXPECT_LT(longest, (1u << 20) + 2048);
      return;
    }
  }
  FAIL() << "it was never shortened";
}

TEST_F(CommitLogTest, WhatCannotBeWrittenIsTakenAway) {
  CommitLog log(path_, kStages);
  ASSERT_TRUE(log.append(commit_of(1)));
  const std::string before = read();
  // A limit on the size of files is a full disk within this process: some of the line fits, the rest does
  // not.
  const auto append_within_limit = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {before.size() + 50, before.size() + 50};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(log.append(commit_of(2)) ? 1 : 0);
  };
  EXPECT_EXIT(append_within_limit(), testing::ExitedWithCode(0), "");
  EXPECT_EQ(read(), before);
}

TEST(TailHash, OfAFileThatWasCutOrChangedIsAnotherOrAnError) {
  char name[] = "/tmp/datagen-test.XXXXXX";
  const int fd = mkstemp(name);
  std::string content(200 << 10, 'x');
  ASSERT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  const auto whole = tail_hash_of(name, content.size());
  ASSERT_TRUE(whole);
  for (const std::size_t at : {content.size() - 1, content.size() - (64 << 10)}) {
    ASSERT_EQ(pwrite(fd, "y", 1, static_cast<off_t>(at)), 1);
    EXPECT_NE(tail_hash_of(name, content.size()).value(), whole.value()) << at;
    ASSERT_EQ(pwrite(fd, "x", 1, static_cast<off_t>(at)), 1);
  }
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(content.size()) - 1), 0);
  EXPECT_FALSE(tail_hash_of(name, content.size()));
  close(fd);
  unlink(name);
}

}  // namespace
}  // namespace datagen
