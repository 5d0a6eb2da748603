// Time that others had to work.
#include "launcher/running_time.h"

#include <gtest/gtest.h>

namespace datagen::launcher {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kBegin = 1000 * kMs;

RunningTime ticked(std::initializer_list<std::uint64_t> times_ms) {
  RunningTime time;
  for (const std::uint64_t ms : times_ms) time.tick(kBegin + ms * kMs);
  return time;
}

TEST(RunningTime, IsTheClocksWhileTheTicksCome) {
  const RunningTime time = ticked({0, 50, 150, 350});
  EXPECT_EQ(time.since(kBegin), 350 * kMs);
  EXPECT_EQ(time.since(kBegin + 300 * kMs), 50 * kMs);
  EXPECT_EQ(time.since(kBegin + 400 * kMs), 0U) << "begun behind the last tick";
}

TEST(RunningTime, CountsAtMost200MsOfEachGap) {
  EXPECT_EQ(ticked({0, 50, 10'050}).since(kBegin), 250 * kMs);
  EXPECT_EQ(ticked({0, 400, 800, 1200}).since(kBegin), 600 * kMs) << "many small gaps add up";
}

TEST(RunningTime, LeavesAloneWhatWasBegunBehindTheGap) {
  const RunningTime time = ticked({0, 10'000, 10'100});
  EXPECT_EQ(time.since(kBegin + 10'000 * kMs), 100 * kMs);
  EXPECT_EQ(time.since(kBegin + 9'999 * kMs), 100 * kMs)
      << "what was begun within a gap loses no more than it had";
}

TEST(RunningTime, ForgivesNoLessAfterVeryManyGaps) {
  RunningTime time;
  for (std::uint64_t tick = 0; tick <= 5000; ++tick) time.tick(kBegin + tick * 400 * kMs);
  EXPECT_LE(time.since(kBegin), 5000 * 200 * kMs);
  EXPECT_EQ(time.since(kBegin + 4998 * 400 * kMs), 400 * kMs);
}

}  // namespace
}  // namespace datagen::launcher
