// Who is to blame for a death.
#include "launcher/blame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace datagen::launcher {
namespace {

bool all_stages(std::uint32_t) { return true; }

using Cause = Death::Cause;
using Kind = ipc::Directive::Kind;
using Directives = std::vector<ipc::Directive>;
constexpr std::uint64_t kAnyFrame = ipc::Directive::kAnyFrame;
constexpr std::uint64_t kAll = ~std::uint64_t{0};

// Record `index` of frame `frame`, whose row is 100 times the frame's number and the index.
ipc::Begun begun(std::uint64_t frame, std::uint64_t index, std::uint64_t count = 1,
                 std::uint64_t path_hash = 0) {
  return {0, frame, index, count, 0, frame * 100 + index, path_hash};
}

Death death(std::vector<ipc::Begun> suspects, Cause cause = Cause::crash, std::uint32_t stage = 1) {
  return {stage, true, cause, std::move(suspects)};
}

TEST(Blame, OneSuspectIsTriedAgainUntilItsAttemptsAreUsedUp) {
  Blame blame;
  for (int attempt = 1; attempt < 3; ++attempt) {
    const Judgement judgement = blame.judge(death({begun(4, 7)}), 3);
    EXPECT_TRUE(judgement.is_attributed);
    EXPECT_EQ(judgement.directives, attempt == 1 ? Directives({{Kind::first, 1, 4, 7, 0, 0}}) : Directives());
    EXPECT_FALSE(judgement.given_up);
    EXPECT_EQ(blame.attempts(1, 407, 0), attempt);
  }
  const Judgement last = blame.judge(death({begun(4, 7)}), 3);
  EXPECT_TRUE(last.is_attributed);
  EXPECT_EQ(last.directives, (Directives{{Kind::skip, 1, 4, 407, 0, 0}}));
  EXPECT_EQ(last.given_up, (GivenUp{0, 1, 407, 0, 4, 7, 3}));
}

TEST(Blame, OneAttemptGivesARecordUpAtItsFirstDeath) {
  Blame blame;
  EXPECT_TRUE(blame.judge(death({begun(4, 7)}), 1).given_up);
}

TEST(Blame, ExitsTimeoutsAndMemoryCountLikeCrashes) {
  for (const Cause cause : {Cause::crash, Cause::exit, Cause::timeout, Cause::out_of_memory}) {
    Blame blame;
    EXPECT_TRUE(blame.judge(death({begun(4, 7)}, cause), 3).is_attributed);
    EXPECT_EQ(blame.attempts(1, 407, 0), 1);
  }
}

TEST(Blame, KillsByOthersAndByTheLauncherCountAgainstNoRecord) {
  for (const Cause cause : {Cause::foreign_kill, Cause::own_kill}) {
    Blame blame;
    for (const auto& suspects :
         {std::vector{begun(4, 7)}, std::vector{begun(4, 0, 8)}, std::vector{begun(4, 1), begun(4, 2)}}) {
      const Judgement judgement = blame.judge(death(suspects, cause), 1);
      EXPECT_FALSE(judgement.is_attributed);
      EXPECT_TRUE(judgement.directives.empty());
      EXPECT_FALSE(judgement.given_up);
    }
    EXPECT_EQ(blame.attempts(1, 407, 0), 0);
  }
}

TEST(Blame, ADeathBetweenTwoRecordsIsNoRecordsDoing) {
  Blame blame;
  EXPECT_FALSE(blame.judge(death({}), 1).is_attributed);
}

TEST(Blame, RecordsAreKeptApartByStageRowAndPath) {
  Blame blame;
  blame.judge(death({begun(4, 7)}, Cause::crash, 1), 3);
  blame.judge(death({begun(4, 7)}, Cause::crash, 2), 3);
  blame.judge(death({begun(4, 7, 1, 55)}, Cause::crash, 1), 3);
  blame.judge(death({begun(4, 8)}, Cause::crash, 1), 3);
  EXPECT_EQ(blame.attempts(1, 407, 0), 1);
  EXPECT_EQ(blame.attempts(2, 407, 0), 1);
  EXPECT_EQ(blame.attempts(1, 407, 55), 1);
  EXPECT_EQ(blame.attempts(1, 408, 0), 1);
}

TEST(Blame, EachRecordGivenUpHasANumberOfItsOwn) {
  Blame blame;
  for (std::uint64_t index = 0; index < 3; ++index) {
    EXPECT_EQ(blame.judge(death({begun(4, index)}), 1).given_up->number, index);
  }
}

TEST(Blame, OfSeveralThreadsEachRecordIsRunAloneAndNoneIsHeldGuilty) {
  Blame blame;
  const Judgement judgement = blame.judge(death({begun(4, 9), begun(4, 7), begun(4, 8), begun(4, 12)}), 1);
  EXPECT_TRUE(judgement.is_attributed);
  EXPECT_EQ(judgement.directives,
            (Directives{{Kind::alone, 1, 4, 7, 10, 0}, {Kind::alone, 1, 4, 12, 13, 0}}));
  EXPECT_FALSE(judgement.given_up);
  for (std::uint64_t index = 0; index < 16; ++index) EXPECT_EQ(blame.attempts(1, 400 + index, 0), 0);
}

TEST(Blame, ADeathAloneCountsAlsoInAStageWithThreads) {
  Blame blame;
  blame.judge(death({begun(4, 7), begun(4, 8)}), 2);
  EXPECT_FALSE(blame.judge(death({begun(4, 8)}), 2).given_up);
  EXPECT_EQ(blame.judge(death({begun(4, 8)}), 2).given_up, (GivenUp{0, 1, 408, 0, 4, 8, 2}));
  EXPECT_EQ(blame.attempts(1, 407, 0), 0);
}

TEST(Blame, OtherThreadsInTheSameFrameBecomeSuspectsLater) {
  Blame blame;
  blame.judge(death({begun(4, 7), begun(4, 8)}), 3);
  const Judgement later = blame.judge(death({begun(4, 8), begun(4, 20)}), 3);
  EXPECT_TRUE(later.is_attributed);
  EXPECT_EQ(later.directives, (Directives{{Kind::alone, 1, 4, 20, 21, 0}}));
}

TEST(Blame, SuspectsThatWereAllRunAloneLeaveTheDeathToIntensity) {
  Blame blame;
  blame.judge(death({begun(4, 7), begun(4, 8)}), 3);
  const Judgement again = blame.judge(death({begun(4, 7), begun(4, 8)}), 3);
  EXPECT_FALSE(again.is_attributed);
  EXPECT_TRUE(again.directives.empty());
  EXPECT_TRUE(blame.judge(death({begun(5, 7), begun(5, 8)}), 3).is_attributed);  // another frame
}

TEST(Blame, ABatchIsHalvedUntilOneRecordIsLeft) {
  Blame blame;
  EXPECT_EQ(blame.judge(death({begun(4, 16, 8)}), 3).directives,
            (Directives{{Kind::split, 1, 4, 16, 20, 24}}));
  EXPECT_EQ(blame.judge(death({begun(4, 20, 4)}), 3).directives,
            (Directives{{Kind::split, 1, 4, 20, 22, 24}}));
  EXPECT_EQ(blame.judge(death({begun(4, 20, 2)}), 3).directives,
            (Directives{{Kind::split, 1, 4, 20, 21, 22}}));
  EXPECT_EQ(blame.attempts(1, 420, 0), 0);
  EXPECT_EQ(blame.judge(death({begun(4, 20)}), 3).directives, (Directives{{Kind::first, 1, 4, 20, 0, 0}}));
  EXPECT_EQ(blame.attempts(1, 420, 0), 1);
}

TEST(Blame, AnOddBatchIsSplitIntoTwoThatAreNotEmpty) {
  Blame blame;
  EXPECT_EQ(blame.judge(death({begun(4, 0, 3)}), 3).directives, (Directives{{Kind::split, 1, 4, 0, 1, 3}}));
}

TEST(Blame, TheSameBatchDyingAgainIsLeftToIntensity) {
  Blame blame;
  EXPECT_TRUE(blame.judge(death({begun(4, 0, 8)}), 3).is_attributed);
  EXPECT_FALSE(blame.judge(death({begun(4, 0, 8)}), 3).is_attributed);
}

TEST(Blame, ARecordThatRunsAlthoughGivenUpIsToldAgainAndLeftToIntensity) {
  Blame blame;
  blame.judge(death({begun(4, 7)}), 1);
  const Judgement again = blame.judge(death({begun(4, 7)}), 1);
  EXPECT_FALSE(again.is_attributed);
  EXPECT_EQ(again.directives, (Directives{{Kind::skip, 1, 4, 407, 0, 0}}));
  EXPECT_FALSE(again.given_up);
}

TEST(Blame, AttemptsSurviveAnEpochThatNumbersTheFramesAnew) {
  Blame blame;
  blame.judge(death({begun(4, 7)}), 3);
  blame.judge(death({begun(4, 7)}), 3);
  EXPECT_TRUE(blame.new_epoch().empty());
  ipc::Begun moved = begun(4, 7);
  moved.frame = 5;
  moved.record = 2;
  EXPECT_EQ(blame.judge(death({moved}), 3).given_up, (GivenUp{0, 1, 407, 0, 5, 2, 3}));
}

TEST(Blame, WhatIsAboutFramesEndsWithTheirEpochAndSkipsHoldForAnyFrame) {
  Blame blame;
  blame.judge(death({begun(4, 7)}), 1);
  blame.judge(death({begun(5, 0, 8)}), 1);
  blame.judge(death({begun(6, 1), begun(6, 2)}), 1);
  EXPECT_EQ(blame.new_epoch(), (Directives{{Kind::skip, 1, kAnyFrame, 407, 0, 0}}));
  EXPECT_EQ(blame.judge(death({begun(5, 0, 8)}), 1).directives.size(), 1u);  // said again
}

TEST(Blame, CommittedFramesAreForgotten) {
  Blame blame;
  blame.judge(death({begun(4, 7)}), 1);
  blame.judge(death({begun(5, 7)}), 1);
  blame.judge(death({begun(4, 8)}), 3);
  blame.retire(5, all_stages);
  EXPECT_EQ(blame.attempts(1, 408, 0), 0);
  EXPECT_EQ(blame.new_epoch(), (Directives{{Kind::skip, 1, kAnyFrame, 507, 0, 1}}));
  blame.retire(1'000'000, all_stages);  // whether a record's row is behind that is not known any more
  EXPECT_EQ(blame.new_epoch().size(), 1u);
}

TEST(Blame, ABatchWithStateRunsOneRecordAtATimeInTheNextEpoch) {
  Blame blame;
  const Judgement first = blame.judge({1, false, Cause::crash, {begun(4, 0, 8)}}, 1);
  EXPECT_TRUE(first.is_attributed);
  EXPECT_TRUE(first.directives.empty());
  EXPECT_EQ(blame.new_epoch(), (Directives{{Kind::alone, 1, kAnyFrame, 0, kAll, 0}}));
  EXPECT_FALSE(blame.judge({1, false, Cause::crash, {begun(4, 0, 8)}}, 1).is_attributed);
  EXPECT_TRUE(blame.judge({1, false, Cause::crash, {begun(4, 3)}}, 1).given_up);
  EXPECT_EQ(blame.new_epoch(), (Directives{{Kind::skip, 1, kAnyFrame, 403, 0, 0}}));
}

TEST(Blame, AStageWithStateIsFastAgainWhenTheFrameIsCommitted) {
  Blame blame;
  blame.judge({1, false, Cause::crash, {begun(4, 0, 8)}}, 1);
  blame.retire(5, all_stages);
  EXPECT_EQ(blame.new_epoch().size(), 1u);
  blame.retire(6, all_stages);
  EXPECT_TRUE(blame.new_epoch().empty());
}

TEST(Blame, EntriesThatAWildWriteHitDoNotOverflow) {
  Blame blame;
  const Directives cut = blame.judge(death({{0, 4, kAll - 1, kAll, 0, 0, 0}}), 3).directives;
  EXPECT_EQ(cut, (Directives{{Kind::split, 1, 4, kAll - 1, kAll - 1, kAll}}));
  EXPECT_FALSE(blame.judge(death({{0, 4, kAll, 1, 0, 0, 0}, {1, 4, kAll, 1, 0, 0, 0}}), 3).is_attributed);
}

// Whatever the deaths are, the attributed ones come to an end as long as they tell the truth: a naive stage
// is run under the directives until its frame goes through.
TEST(Blame, BisectingFindsExactlyTheRecordsThatKill) {
  for (const std::vector<std::uint64_t>& poison :
       std::vector<std::vector<std::uint64_t>>{{0}, {15}, {3, 4}, {0, 7, 8, 15}}) {
    Blame blame;
    Directives said;
    std::vector<std::uint64_t> skipped;
    int deaths = 0;
    for (bool through = false; !through; ++deaths) {
      ASSERT_LT(deaths, 200);
      through = true;
      for (std::uint64_t begin = 0, end = 0; begin < 16 && through; begin = end) {
        const auto is_cut = [&](std::uint64_t at) {
          return std::ranges::any_of(said, [&](const auto& d) {
            return d.kind == Kind::split && (d.first == at || d.second == at || d.third == at);
          });
        };
        for (end = begin + 1; end < 16 && end % 8 != 0 && !is_cut(end);) ++end;
        std::vector<std::uint64_t> hit;
        for (const std::uint64_t at : poison) {
          if (at >= begin && at < end && std::ranges::find(skipped, at) == skipped.end()) hit.push_back(at);
        }
        if (hit.empty()) continue;
        through = false;
        const Judgement judgement = blame.judge(death({begun(0, begin, end - begin)}), 3);
        ASSERT_TRUE(judgement.is_attributed);
        said.insert(said.end(), judgement.directives.begin(), judgement.directives.end());
        if (judgement.given_up) skipped.push_back(judgement.given_up->row);
      }
    }
    std::ranges::sort(skipped);
    EXPECT_EQ(skipped, poison);
  }
}

TEST(Blame, OnlySignalsThatAProcessBringsUponItselfAreCrashes) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) EXPECT_TRUE(is_crash_signal(signal));
  for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1})
    EXPECT_FALSE(is_crash_signal(signal));
}

TEST(Blame, TheReasonsInDeadLettersAreThree) {
  EXPECT_STREQ(reason_of(Cause::crash), "crash");
  EXPECT_STREQ(reason_of(Cause::exit), "crash");
  EXPECT_STREQ(reason_of(Cause::timeout), "timeout");
  EXPECT_STREQ(reason_of(Cause::out_of_memory), "out_of_memory");
}

}  // namespace
}  // namespace datagen::launcher
