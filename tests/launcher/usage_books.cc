// What model calls have come to, from what several sinks have committed.
#include "launcher/usage_books.h"

#include <gmock/gmock.h>

#include <fstream>

#include "launcher/metrics_text.h"
#include "launcher/usage_text.h"
#include "tests/temporary_folder.h"

namespace datagen::launcher {
namespace {

using testing::HasSubstr;
using testing::Not;

class UsageBooksTest : public testing::Test {
 protected:
  static Plan two_sinks() {
    Plan plan;
    for (const char* id : {"source", "ask", "left", "right"}) plan.stages.emplace_back().id = id;
    for (const std::size_t sink : {2, 3}) plan.stages[sink].kind = StageKind::sink;
    return plan;
  }

  // A line of a sink: by then it had seen so many calls of `ask`.
  void commit(std::size_t sink, std::uint64_t mark, std::uint64_t calls, bool sealed = false) {
    Commit line;
    line.mark = mark;
    line.sealed = sealed;
    Totals::Stage& ask = line.totals.stage(1);
    ask.usage[{"m", "host:1", UsageKind::kept}] = {calls, 10 * calls, calls, 1'000'000'000};
    ask.usage[{"m", "host:1", UsageKind::waste}] = {1, 10, 1, 500'000'000};
    ask.counters["failed_calls"] = 3;
    std::ofstream(done_path(folder_.path(), plan_.stages[sink]), std::ios::app)
        << commit_line(line, plan_.stage_names());
  }
  std::uint64_t calls() {
    books_.look();
    return books_.stages()[1].spent().paid.calls;
  }

  TemporaryFolder folder_{"/dev/shm"};
  Plan plan_ = two_sinks();
  UsageBooks books_{folder_.path(), plan_};
};

TEST_F(UsageBooksTest, CountWhatAllCommittersHold) {
  EXPECT_EQ(calls(), 0u);
  EXPECT_TRUE(books_.empty());
  commit(2, 1, 4);
  EXPECT_EQ(calls(), 0u) << "a resume would begin anew";
  commit(3, 1, 6);
  EXPECT_EQ(calls(), 12u);
  commit(2, 2, 40);
  EXPECT_EQ(calls(), 12u) << "a resume would do it again";
  commit(3, 2, 60);
  EXPECT_EQ(calls(), 102u);
  commit(2, 2, 45, true);
  EXPECT_EQ(calls(), 102u);
  commit(3, 2, 66, true);
  EXPECT_EQ(calls(), 113u);
}

TEST_F(UsageBooksTest, IgnoreATornLine) {
  commit(2, 1, 4);
  commit(3, 1, 6);
  std::ofstream(done_path(folder_.path(), plan_.stages[3]), std::ios::app) << "{\"datagen_done\":1,\"ma";
  EXPECT_EQ(calls(), 12u);
}

TEST_F(UsageBooksTest, AreShownWithRetriesAndWasteApart) {
  commit(2, 1, 4, true);
  commit(3, 1, 5, true);
  EXPECT_EQ(calls(), 11u);
  EXPECT_EQ(spent_text(books_.stages()[1].spent()), "tokens 110 in, 11 out, cost 3.00, 2 wasted");
  const std::string table = calls_table(plan_, books_);
  EXPECT_THAT(table, HasSubstr("ask       m      host:1    kept   9      90         9           2.00\n"));
  EXPECT_THAT(table, HasSubstr("ask       m      host:1    waste  2      20         2           1.00\n"));
  EXPECT_EQ(counters_text(plan_, books_), "ask: failed_calls 6\n");
}

TEST_F(UsageBooksTest, StandInTheMetricsByModelAndEndpoint) {
  commit(2, 1, 4, true);
  commit(3, 1, 5, true);
  EXPECT_EQ(calls(), 11u);
  RunView view;
  view.runtime.plan = plan_;
  const RunState state;
  const std::string text = metrics_text(view, state, sum_stages(plan_, state), History(4, 0), books_);
  EXPECT_THAT(
      text,
      HasSubstr("datagen_calls_total{stage=\"ask\",model=\"m\",endpoint=\"host:1\",outcome=\"kept\"} 9\n"));
  EXPECT_THAT(
      text,
      HasSubstr("datagen_cost_total{stage=\"ask\",model=\"m\",endpoint=\"host:1\",outcome=\"waste\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("outcome=\"kept\",kind=\"prompt\"} 90\n"));
  EXPECT_THAT(text, HasSubstr("datagen_stage_counts{stage=\"ask\",name=\"failed_calls\"} 6\n"));
  EXPECT_THAT(text, Not(HasSubstr("_total{stage=\"source\",model")));
}

TEST(Totals, HaveABoundedNumberOfModels) {
  Totals totals;
  SideLines lines;
  const auto add = [&](int model, std::uint64_t calls) {
    StageNotes notes;
    notes.usage[{"model " + std::to_string(model), "host", UsageKind::kept}].calls = calls;
    std::string side;
    append_side_section(side, {}, 0, notes);
    ASSERT_TRUE(totals.add(side, lines));
  };
  for (int model = 0; model < 1000; ++model) add(model, 1);
  for (int model = 0; model < 1000; ++model) add(model, 10);
  const UsageByKey& usage = totals.stage(0).usage;
  EXPECT_EQ(usage.size(), kUsageKeysMax + 1);
  EXPECT_EQ(usage.at({"model 0", "host", UsageKind::kept}).calls, 11u) << "who has come first stays";
  EXPECT_EQ(usage.at({kOtherModels, "", UsageKind::kept}).calls, 11 * (1000 - kUsageKeysMax));
  // As a journal has them.
  std::string kept;
  totals.append_to(kept);
  Totals again;
  ASSERT_TRUE(again.add(kept, lines));
  EXPECT_EQ(again.stage(0).usage.size(), usage.size());
  EXPECT_EQ(again.stage(0).usage.at({kOtherModels, "", UsageKind::kept}).calls, 11 * (1000 - kUsageKeysMax));
}

}  // namespace
}  // namespace datagen::launcher
