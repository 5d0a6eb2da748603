// Which stage is named as the one that limits a run, and in which words.
#include "launcher/bottleneck.h"

#include <gtest/gtest.h>

namespace datagen::launcher {
namespace {

// source → slow → sink
Plan chain() {
  Plan plan;
  for (const char* id : {"source", "slow", "sink"}) plan.stages.emplace_back().id = id;
  plan.edges = {{0, 1}, {1, 2}};
  plan.stages[0].out = {0};
  plan.stages[1].in = {0};
  plan.stages[1].out = {1};
  plan.stages[2].in = {1};
  return plan;
}

StageLoad load(double waits_for_input, double waits_for_room) {
  return {0, 0, 1 - waits_for_input - waits_for_room, waits_for_input, waits_for_room};
}

TEST(Bottleneck, IsTheStageBetweenAFullAndAnEmptyRing) {
  const Bottleneck found =
      find_bottleneck(chain(), {load(0, 0.97), load(0.01, 0), load(0.98, 0)}, {1.0, 0.02});
  EXPECT_EQ(found.stage, 1u);
  EXPECT_EQ(
      found.words,
      "stage 'slow' limits the run: its worker is busy 99 % of the time; source → slow is full, 'source' "
      "waits 97 % for room; slow → sink is empty, 'sink' waits 98 % for input");
}

TEST(Bottleneck, MayBeTheSourceOrTheSink) {
  EXPECT_EQ(find_bottleneck(chain(), {load(0, 0), load(0.9, 0), load(0.9, 0)}, {0, 0}).stage, 0u);
  EXPECT_EQ(find_bottleneck(chain(), {load(0, 0.9), load(0, 0.9), load(0, 0)}, {1, 1}).stage, 2u);
}

TEST(Bottleneck, IsNotABusyStageThatNobodyWaitsFor) {
  // 'sink' writes all the time, but frames wait before 'slow'.
  EXPECT_EQ(find_bottleneck(chain(), {load(0, 0.5), load(0.1, 0), load(0.05, 0)}, {0.9, 0.1}).stage, 1u);
}

TEST(Bottleneck, IsNobodyWhenAllWait) {
  const Bottleneck found = find_bottleneck(chain(), {load(0, 0.9), load(0.8, 0), load(0.9, 0)}, {0.2, 0});
  EXPECT_EQ(found.stage, std::nullopt);
  EXPECT_EQ(found.words, "no stage limits the run: all wait for others most of the time");
}

TEST(StageLoad, IsWhatHappenedBetweenTwoLooks) {
  StageSums before, after;
  before.in = 100;
  after.in = 300;
  after.bytes = 5000;
  after.workers = after.alive = 2;
  after.wait_input_ns = 2'000'000'000;  // one of two workers, half of two seconds each
  after.wait_room_ns = 1'000'000'000;
  const StageLoad found = load_between(before, after, 2);
  EXPECT_DOUBLE_EQ(found.records_per_second, 100);
  EXPECT_DOUBLE_EQ(found.bytes_per_second, 2500);
  EXPECT_DOUBLE_EQ(found.waits_for_input, 0.5);
  EXPECT_DOUBLE_EQ(found.waits_for_room, 0.25);
  EXPECT_DOUBLE_EQ(found.busy, 0.25);
  after.alive = 0;
  EXPECT_DOUBLE_EQ(load_between(before, after, 2).busy, 0) << "they have ended";
  EXPECT_DOUBLE_EQ(load_between(after, before, 2).records_per_second, 0) << "counters that began anew";
  EXPECT_DOUBLE_EQ(load_between(before, after, 0).busy, 0) << "no time has passed";
}

}  // namespace
}  // namespace datagen::launcher
