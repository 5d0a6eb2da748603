// How large frames become: a source and stages of known cost, turn by turn, without clocks.
#include "pace.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/ipc/rig.h"

namespace datagen {
namespace {

constexpr double kMs = 1e6;

// A stage with one worker. A frame costs `frame_ms`, and `row_ms` for each row that reaches it.
struct Cost {
  double row_ms = 0;
  double frame_ms = 0;
  std::size_t round = 1;  // as FramePace's
  bool is_batch = false;
  double records_per_row = 1;
  std::size_t first_records = kFirstRecords;
};

class Pace : public testing::Test {
 protected:
  void begin(std::vector<Cost> costs, std::size_t records_max = 0) {
    costs_ = std::move(costs);
    std::vector<PacedStage> stages;
    for (std::uint32_t index = 0; index < costs_.size(); ++index) {
      stages.push_back({{index, 1}, 1, costs_[index].first_records});
      paces_.emplace_back(costs_[index].round, costs_[index].is_batch);
    }
    source_ = std::make_unique<SourcePace>(control_, stages, kFirst, records_max);
  }

  // One frame through all stages; returns how many rows the source gave it.
  std::size_t turn() {
    const std::size_t rows = std::min<std::size_t>(source_->records(now_), kBlockRows);
    for (std::size_t index = 0; index < costs_.size(); ++index) note(index, rows);
    return rows;
  }
  void note(std::size_t index, std::size_t rows) {
    paces_[index].note(cell(index), static_cast<std::uint64_t>(took_ms(index, rows) * kMs), rows,
                       static_cast<std::uint64_t>(static_cast<double>(rows) * costs_[index].records_per_row));
  }
  double took_ms(std::size_t index, std::size_t rows) const {
    return costs_[index].frame_ms + costs_[index].row_ms * static_cast<double>(rows);
  }
  ipc::Cell& cell(std::size_t index) { return control_.cell(static_cast<std::uint32_t>(index)); }
  std::size_t settle() {
    std::size_t rows = 0;
    for (int frame = 0; frame < 60; ++frame) rows = turn();
    return rows;
  }

  static constexpr std::uint64_t kFirst = 100;
  static constexpr std::size_t kBlockRows = 100'000;  // that a block holds
  ipc::testing::Rig rig_{{ipc::RingGeometry{8, 4096}}, 4};
  ipc::Control control_ = rig_.control();
  std::vector<Cost> costs_;
  std::vector<FramePace> paces_;
  std::uint64_t now_ = 1'000'000'000;
  std::unique_ptr<SourcePace> source_;
};

TEST_F(Pace, BeginsSmallUntilEachStageHasHadAFrame) {
  begin({{0.001}, {0.001}});
  EXPECT_EQ(source_->records(now_), 8u);
  note(0, 8);
  EXPECT_EQ(source_->records(now_), 8u);
  note(1, 8);
  EXPECT_GT(source_->records(now_), 1000u);
}

TEST_F(Pace, BeginsWithWhatOneCallTakesWhereAllStagesTakeBatches) {
  constexpr std::size_t kAny = ~std::size_t{0};  // a sink's
  begin({{0.001, 0, 42, true, 1, 42}, {0.001, 0, 64, true, 1, 64}, {0.001, 0, 1, false, 1, kAny}});
  EXPECT_EQ(source_->records(now_), 42u);
  paces_.clear();
  begin({{0.001, 0, 42, true, 1, 42}, {0.001}, {0.001, 0, 1, false, 1, kAny}});
  EXPECT_EQ(source_->records(now_), 8u) << "who works on records one by one may take long for each";
}

TEST_F(Pace, GivesTheSlowestStageFramesOfFiftyMilliseconds) {
  for (const double row_ms : {0.01, 1.0, 7.0, 49.0}) {
    paces_.clear();
    begin({{0.001}, {row_ms}, {0.002}});
    const double took = took_ms(1, settle());
    EXPECT_LE(took, 50.5) << row_ms;
    EXPECT_GT(took, 25) << row_ms;
  }
}

TEST_F(Pace, FramesAreAPartOfTheTimeSinceTheLastDeath) {
  begin({{0.001}, {0.002}});
  const std::size_t calm = settle();
  EXPECT_EQ(calm, 25'000u);
  cell(1).died_ns.store(now_);
  EXPECT_EQ(source_->records(now_), 8u);
  EXPECT_EQ(source_->records(now_ - 1), 8u) << "the launcher's clock is read a moment later";
  EXPECT_NEAR(static_cast<double>(source_->records(now_ + 4'000'000)), 500, 2) << "a millisecond's work";
  EXPECT_EQ(source_->records(now_ + 200'000'000), calm);
  EXPECT_EQ(source_->records(now_ + 900'000'000), calm);
}

TEST_F(Pace, ASuccessorsFirstFramesSayNothingSinceTheyMayBePaidFor) {
  begin({{1.0}});
  const std::size_t before = settle();
  FramePace successor(1, false, 2);
  for (int frame = 0; frame < 2; ++frame) {
    successor.note(cell(0), 3, before, before);
    EXPECT_EQ(source_->records(now_), before);
  }
  successor.note(cell(0), 10'000'000 * before, before, before);
  EXPECT_LT(source_->records(now_), before);
}

TEST_F(Pace, ARecordSlowerThanThatGoesAlone) {
  begin({{2000}});
  EXPECT_EQ(settle(), 1u);
}

TEST_F(Pace, CheapStagesFillTheirBlocks) {
  begin({{0.0001}, {0.0002}});
  EXPECT_EQ(settle(), kBlockRows);
}

TEST_F(Pace, KeepsWithinWhatTheUserSet) {
  begin({{0.0001}}, 1234);
  EXPECT_EQ(settle(), 1234u);
}

TEST_F(Pace, FramesAreWholeRoundsOfThreadsTwoAtLeast) {
  begin({{.row_ms = 30, .round = 16}});
  EXPECT_EQ(settle(), 32u);
  paces_.clear();
  begin({{.row_ms = 0.1, .round = 16}});
  EXPECT_EQ(settle() % 16, 0u);
}

TEST_F(Pace, OfARoundOfABatchCallOneIsEnough) {
  begin({{.row_ms = 30, .round = 16, .is_batch = true}});
  EXPECT_EQ(settle(), 16u);
}

TEST_F(Pace, RoundsCountTheRecordsThatReachTheStage) {
  begin({{.row_ms = 30, .round = 16, .is_batch = true, .records_per_row = 0.5}});
  EXPECT_EQ(settle(), 32u);
}

// A program that is started for each frame makes its neighbour slow, which then wishes for smaller frames,
// which bring more starts.
TEST_F(Pace, AStageThatPaysForEachFrameHasTenTimesLargerOnes) {
  begin({{.row_ms = 0.001, .frame_ms = 80, .round = 0, .is_batch = true}, {1}});
  EXPECT_EQ(settle(), 500u);
}

TEST_F(Pace, OneFrameThatWasHeldUpChangesLittle) {
  begin({{1}});
  const std::size_t before = settle();
  paces_[0].note(cell(0), 5000 * 1'000'000ull, before, before);
  EXPECT_LT(source_->records(now_), before);
  for (int frame = 0; frame < 20; ++frame) turn();
  EXPECT_GT(source_->records(now_), before * 9 / 10);
}

TEST_F(Pace, AnEmptyFrameSaysNothingOfTheCost) {
  begin({{1}});
  const std::size_t before = settle();
  paces_[0].note(cell(0), 3, 0, 0);
  EXPECT_EQ(source_->records(now_), before);
}

TEST_F(Pace, WaitsWhenHalfASecondsWorkLiesBeforeAStage) {
  begin({{1}});
  settle();  // frames of 50 ms
  cell(0).current_frame.store(kFirst + 50);
  EXPECT_FALSE(source_->is_far_ahead(kFirst + 50 + 10));
  EXPECT_TRUE(source_->is_far_ahead(kFirst + 50 + 11));
}

TEST_F(Pace, SomeFramesMayAlwaysWaitHoweverSlowTheStage) {
  begin({{60'000}});
  settle();
  cell(0).current_frame.store(kFirst + 50);
  EXPECT_FALSE(source_->is_far_ahead(kFirst + 50 + 4));
  EXPECT_TRUE(source_->is_far_ahead(kFirst + 50 + 5));
}

TEST_F(Pace, NeverWaitsForOneThatHasNotHadAFrame) {
  begin({{1}, {1}});
  for (int frame = 0; frame < 60; ++frame) note(0, 8);
  cell(0).current_frame.store(kFirst + 1000);
  EXPECT_FALSE(source_->is_far_ahead(kFirst + 1000));
}

}  // namespace
}  // namespace datagen
