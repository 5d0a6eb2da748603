// What directives say about a frame, and the details that the launcher left in a file.
#include "suspicions.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.h"

namespace datagen {
namespace {

using Kind = ipc::Directive::Kind;

class SuspicionsTest : public testing::Test {
 protected:
  SuspicionsTest() { std::filesystem::create_directory(folder_ + "/quarantine"); }
  void write(int number, const std::string& text) {
    std::ofstream(folder_ + "/quarantine/" + std::to_string(number) + ".json") << text;
  }
  Suspicions skip(std::uint64_t row, std::uint64_t path, std::uint64_t number) {
    return read_suspicions({{Kind::skip, 0, 0, row, path, number}}, folder_);
  }
  TemporaryFolder own_;
  std::string folder_ = own_.path();
};

RecordView record_of(std::uint64_t row, std::string_view path = {}) {
  RecordView record;
  record.origin.row = row;
  record.path = path;
  return record;
}

TEST_F(SuspicionsTest, SkipsNameARecordByRowAndPath) {
  write(4,
        R"({"reason":"timeout","message":"m","attempts":3,"details":{"signal":"SIGKILL","stderr":"a\nb"}})");
  const Suspicions plain = skip(7, 0, 4);
  ASSERT_NE(plain.find(record_of(7)), nullptr);
  EXPECT_EQ(plain.find(record_of(8)), nullptr);
  EXPECT_EQ(plain.find(record_of(7, "0")), nullptr);
  const DeadLetterReason& reason = *plain.find(record_of(7));
  EXPECT_EQ(reason.reason, "timeout");
  EXPECT_EQ(reason.message, "m");
  EXPECT_EQ(reason.attempts, 3);
  EXPECT_EQ(reason.details, R"("signal":"SIGKILL","stderr":"a\nb")");
  const Suspicions child = skip(7, path_hash("0_1"), 4);
  EXPECT_NE(child.find(record_of(7, "0_1")), nullptr);
  EXPECT_EQ(child.find(record_of(7)), nullptr);
}

TEST_F(SuspicionsTest, ARecordIsGivenUpAlsoWithoutItsDetails) {
  write(2, R"({"reason":"timeout","mess)");  // torn
  write(3, R"([1,2])");
  for (const std::uint64_t number : {1, 2, 3}) {
    const Suspicions suspicions = skip(7, 0, number);
    ASSERT_NE(suspicions.find(record_of(7)), nullptr);
    EXPECT_EQ(suspicions.find(record_of(7))->reason, "crash");
  }
}

TEST_F(SuspicionsTest, SplitsAreInOrder) {
  const Suspicions suspicions =
      read_suspicions({{Kind::split, 0, 0, 50, 75, 100}, {Kind::split, 0, 0, 0, 50, 100}}, folder_);
  EXPECT_EQ(suspicions.next_split(0), 50U);
  EXPECT_EQ(suspicions.next_split(50), 75U);
  EXPECT_EQ(suspicions.next_split(75), 100U);
  EXPECT_EQ(suspicions.next_split(100), ~std::size_t{0});
  EXPECT_FALSE(suspicions.run_alone);
  EXPECT_TRUE(read_suspicions({{Kind::alone, 0, 0, 1, 2, 0}}, folder_).run_alone);
}

}  // namespace
}  // namespace datagen
