// The samples of a run over time: their number is bounded, they go on over restarts and resumes.
#include "launcher/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/temporary_folder.h"

namespace datagen::launcher {
namespace {

Plan two_stages() {
  Plan plan;
  for (const char* id : {"source", "sink"}) plan.stages.emplace_back().id = id;
  plan.edges = {{0, 1}};
  plan.stages[0].out = {0};
  plan.stages[1].in = {0};
  return plan;
}

std::vector<StageSums> sums(std::uint64_t records, std::uint64_t waited_ns = 0) {
  std::vector<StageSums> both(2);
  for (StageSums& sum : both) {
    sum.in = sum.out = records;
    sum.workers = sum.alive = 1;
  }
  both[0].wait_room_ns = waited_ns;
  return both;
}

TEST(History, KeepsABoundedNumberOfSamplesOfAnyLength) {
  History history(2, 1);
  for (int second = 1; second <= 100'000; ++second)
    history.look(second, sums(static_cast<std::uint64_t>(second) * 10), {0.5});
  history.close();
  EXPECT_LE(history.samples().size(), History::kSamplesMax);
  EXPECT_GE(history.samples().size(), History::kSamplesMax / 2);
  EXPECT_EQ(history.samples().front().seconds, 0);
  EXPECT_EQ(history.samples().back().seconds, 100'000);
  double step_min = 1e9, step_max = 0;
  for (std::size_t index = 1; index + 1 < history.samples().size(); ++index) {
    const double step = history.samples()[index].seconds - history.samples()[index - 1].seconds;
    step_min = std::min(step_min, step);
    step_max = std::max(step_max, step);
    EXPECT_EQ(history.samples()[index].stages[0].in, history.samples()[index].seconds * 10);
  }
  EXPECT_LE(step_max, 2 * step_min + 1) << "they lie evenly";
}

TEST(History, CountersThatBeginAnewAddUp) {
  History history(2, 1);
  history.look(1, sums(100), {0});
  history.look(2, sums(30), {0});  // a new epoch
  history.look(3, sums(50), {0});
  EXPECT_EQ(history.totals()[0].in, 150u);
}

TEST(History, IsGoneOnWithByTheNextStart) {
  const TemporaryFolder folder;
  const Plan plan = two_stages();
  History first(2, 1);
  first.look(4, sums(100, 1'000'000'000), {0.25});
  first.note_end(0, 1.5, 4096);
  first.note_restart(1);
  first.close();
  first.save(folder.path(), plan);
  History second = History::load(folder.path(), plan);
  EXPECT_EQ(second.seconds(), 4);
  second.look(2, sums(20, 5'000'000'000), {0.75});
  second.note_end(0, 1, 1024);
  EXPECT_EQ(second.seconds(), 6);
  EXPECT_EQ(second.totals()[0].in, 120u);
  EXPECT_EQ(second.resources()[0].cpu_seconds, 2.5);
  EXPECT_EQ(second.resources()[0].peak_bytes, 4096u);
  EXPECT_EQ(second.resources()[1].restarts, 1u);
  EXPECT_EQ(second.mean_fills()[0], 0.5);
  EXPECT_EQ(second.loads(plan)[0].waits_for_room, 1) << "6 of 6 seconds";
}

TEST(History, OfAnotherGraphOrTornBeginsAnew) {
  const TemporaryFolder folder;
  const Plan plan = two_stages();
  EXPECT_EQ(History::load(folder.path(), plan).samples().size(), 1u);
  History history(2, 1);
  history.look(4, sums(100), {0.25});
  history.save(folder.path(), plan);
  Plan other = plan;
  other.stages[1].id = "elsewhere";
  EXPECT_EQ(History::load(folder.path(), other).totals()[0].in, 0u);
  const std::string text = history.json(plan);
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    std::ofstream(folder.path() + "/history.json") << text.substr(0, length);
    EXPECT_EQ(History::load(folder.path(), plan).totals()[0].in, 0u) << "cut at " << length;
  }
}

}  // namespace
}  // namespace datagen::launcher
