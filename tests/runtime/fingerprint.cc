#include "fingerprint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/temporary_folder.h"

namespace datagen {
namespace {

namespace fs = std::filesystem;

class Fingerprint : public ::testing::Test {
 protected:
  InputFile write(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return {path_, content.size(), {}, fingerprint_of(path_, content.size())};
  }
  // Rewritten at another time than it had.
  void change(const std::string& content) {
    const auto time = fs::last_write_time(path_);
    std::ofstream(path_, std::ios::binary) << content;
    fs::last_write_time(path_, time + std::chrono::seconds(5));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/in.jsonl";
};

TEST_F(Fingerprint, AChangeInAShortFileIsFoundOnceAllOfItWasRead) {
  const InputFile file = write("one\ntwo\n");
  change("one\nTWO\n");
  EXPECT_NO_THROW(check_fingerprint(file, 4));
  EXPECT_THROW(check_fingerprint(file, 8), std::runtime_error);
}

TEST_F(Fingerprint, OnlyWhatWasReadMayNotDiffer) {
  const std::string content(1'000'000, 'x');
  const InputFile file = write(content);
  std::string changed = content;
  changed.back() = 'y';
  change(changed);
  EXPECT_NO_THROW(check_fingerprint(file, 999'999));
  EXPECT_THROW(check_fingerprint(file, 1'000'000), std::runtime_error);
  changed = content;
  changed[4095] = 'y';
  change(changed);
  EXPECT_NO_THROW(check_fingerprint(file, 0));
  EXPECT_NO_THROW(check_fingerprint(file, 4095));
  EXPECT_THROW(check_fingerprint(file, 4096), std::runtime_error);
}

TEST_F(Fingerprint, AnInsertedByteShiftsWhatStandsBehindIt) {
  std::string content;
  for (int row = 0; content.size() < 200'000; ++row) content += std::to_string(row) + "\n";
  const InputFile file = write(content);
  content.insert(10'000, "+");
  change(content);
  EXPECT_THROW(check_fingerprint(file, file.bytes / 2), std::runtime_error);
}

TEST_F(Fingerprint, AFileThatGrewOrWasOnlyTouchedIsTheSame) {
  const InputFile file = write(std::string(100'000, 'x'));
  change(std::string(100'000, 'x') + "more");
  EXPECT_NO_THROW(check_fingerprint(file, file.bytes));
}

TEST_F(Fingerprint, WhatIsNoFileHasNone) {
  EXPECT_EQ(fingerprint_of(folder_.path(), 10), "");
  EXPECT_EQ(fingerprint_of("/dev/null", 0), "");
  EXPECT_NO_THROW(check_fingerprint({"stdin://pipe:[7]", 0}, 100));
  EXPECT_NO_THROW(check_fingerprint({path_, 10, {}, "1.2 0000000000000000"}, 10));  // gone
}

}  // namespace
}  // namespace datagen
