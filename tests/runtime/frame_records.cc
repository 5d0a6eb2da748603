// Records of several branches, paired by lineage.
#include "frame_records.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace datagen {
namespace {

struct Given {
  std::uint64_t row;
  std::string path;
  std::string payload;
};

class Frames {
 public:
  const std::vector<FrameReader>& of(const std::vector<std::vector<Given>>& branches) {
    readers_.clear();
    writers_ = std::vector<FrameWriter>(branches.size());
    spaces_.assign(branches.size(), {});
    for (std::size_t branch = 0; branch < branches.size(); ++branch) {
      writers_[branch].begin(spaces_[branch], FrameOrigin{});
      for (const Given& given : branches[branch])
        writers_[branch].add(given.payload, given.path, {given.row, 0, 0, 0}, Tag::json, 0);
      readers_.push_back(FrameReader::open(writers_[branch].finish("beside")).value());
    }
    return readers_;
  }

 private:
  std::vector<FrameWriter> writers_;
  std::vector<std::array<std::byte, 4096>> spaces_;
  std::vector<FrameReader> readers_;
};

std::string show(const FrameRecords& records) {
  std::string text;
  for (std::size_t index = 0; index < records.size(); ++index) {
    text += lineage_id(records[index].origin.row, records[index].path) + "=";
    for (const RecordView& version : records.branches(index)) text += std::string(version.payload) + "|";
    text += std::string(records[index].payload) + " ";
  }
  return text;
}

TEST(FrameRecords, OfOneBranchAreItsRecords) {
  Frames frames;
  const auto& branches = frames.of({{{1, "", "a"}, {2, "", "b"}}});
  const FrameRecords records(branches);
  EXPECT_EQ(show(records), "1=a 2=b ");
  EXPECT_EQ(records.records_in(), 2U);
}

TEST(FrameRecords, OfSeveralStandOnceInTheOrderOfTheSource) {
  Frames frames;
  const auto& branches =
      frames.of({{{1, "", "a1"}, {3, "", "a3"}}, {{1, "", "b1"}, {2, "", "b2"}, {4, "", "b4"}}});
  const FrameRecords records(branches);
  EXPECT_EQ(show(records), "1=a1|b1|a1 2=|b2|b2 3=a3||a3 4=|b4|b4 ");
  EXPECT_EQ(records.records_in(), 5U);
  EXPECT_EQ(records.size(), 4U);
}

TEST(FrameRecords, ChildrenArePairedByTheirPath) {
  Frames frames;
  const auto& branches =
      frames.of({{{1, "2", "a"}, {1, "10", "b"}}, {{1, "", "p"}, {1, "2", "c"}, {1, "2_0", "d"}}});
  const FrameRecords records(branches);
  EXPECT_EQ(show(records), "1=|p|p 1_2=a|c|a 1_2_0=|d|d 1_10=b||b ");
}

TEST(FrameRecords, OfEmptyBranchesAreNone) {
  Frames frames;
  const auto& branches = frames.of({{}, {}, {}});
  EXPECT_EQ(FrameRecords(branches).size(), 0U);
}

TEST(FrameWriter, ACopyWithoutSideHasTheSameRecords) {
  std::array<std::byte, 4096> space;
  FrameWriter writer;
  writer.begin(space, FrameOrigin{});
  writer.add("{}", "0_1", {7, 1, 2, 0}, Tag::json, 0);
  const auto frame = FrameReader::open(writer.finish("counts")).value();
  const auto copy = FrameReader::open(writer.copy_without_side()).value();
  EXPECT_EQ(frame.side(), "counts");
  EXPECT_EQ(copy.side(), "");
  ASSERT_EQ(copy.size(), 1U);
  EXPECT_EQ(copy[0].payload, "{}");
  EXPECT_EQ(copy[0].path, "0_1");
}

}  // namespace
}  // namespace datagen
