// The supervisor, without processes: what ends, and what follows.
#include "launcher/supervisor.h"

#include <gtest/gtest.h>

#include <csignal>

#include "ipc/worker_exit.h"

namespace datagen::launcher {
namespace {

using Kind = Action::Kind;
using Actions = std::vector<Action>;

Time at(int seconds) { return Time{} + std::chrono::seconds(1000 + seconds); }

Ending finished() {
  Ending ending;
  ending.finished = true;
  return ending;
}
Ending killed(int signal = SIGKILL, std::uint64_t progress = 0) {
  Ending ending;
  ending.signalled = true;
  ending.code = signal;
  ending.progress = progress;
  return ending;
}
Ending exited(int code) {
  Ending ending;
  ending.code = code;
  ending.gave_up = true;
  ending.message = "its last words";
  return ending;
}

// source: cell 0; stage: cells 1 and 2; sink: cell 3.
class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() { supervisor_.start(); }
  Actions all_but(std::uint32_t cell) {
    Actions last;
    for (std::uint32_t other = 0; other < 4; ++other) {
      if (other != cell) last = supervisor_.on_exit(other, killed(), at(0));
    }
    return last;
  }
  Supervisor supervisor_{{{"source", 0, 1, true}, {"stage", 1, 2, true}, {"count", 3, 1, false}},
                         Supervisor::Options{}};
};

TEST(Supervisor, StartsEveryWorker) {
  Supervisor supervisor({{"source", 0, 1, true}, {"sink", 1, 1, true}}, {});
  EXPECT_EQ(supervisor.start(), (Actions{{Kind::spawn, 0}, {Kind::spawn, 1}}));
}

TEST_F(SupervisorTest, AWorkerAtALimitStopsTheRunWithItsWords) {
  EXPECT_EQ(supervisor_.on_exit(1, exited(kWorkerAtLimit), at(0)), (Actions{{Kind::cancel_all}}));
  EXPECT_EQ(supervisor_.verdict().kind, Verdict::Kind::stopped);
  EXPECT_EQ(supervisor_.verdict().signal, 0);
  EXPECT_EQ(supervisor_.verdict().message, "its last words");
  EXPECT_EQ(supervisor_.on_exit(2, exited(kWorkerAtLimit), at(0)), Actions{});
}

TEST_F(SupervisorTest, WhoHasPaidIsGivenMoreTimeToEnd) {
  supervisor_.set_grace(std::chrono::seconds(30));
  supervisor_.on_stop({Verdict::Kind::stopped, SIGINT, {}, {}}, at(0));
  EXPECT_EQ(supervisor_.on_tick(at(29)), Actions{});
  EXPECT_EQ(supervisor_.on_tick(at(30)), (Actions{{Kind::kill_all}}));
}

TEST_F(SupervisorTest, IsCompleteWhenAllHaveFinished) {
  for (std::uint32_t cell = 0; cell < 3; ++cell)
    EXPECT_EQ(supervisor_.on_exit(cell, finished(), at(0)), Actions{});
  EXPECT_EQ(supervisor_.on_exit(3, finished(), at(0)), (Actions{{Kind::end}}));
  EXPECT_EQ(supervisor_.verdict().kind, Verdict::Kind::complete);
}

TEST_F(SupervisorTest, ADeadWorkerIsReplacedInPlace) {
  EXPECT_EQ(supervisor_.on_exit(1, killed(), at(0)), (Actions{{Kind::spawn, 1}}));
  EXPECT_EQ(supervisor_.restarts(1), 1u);
}

TEST_F(SupervisorTest, AnExitBeforeTheEndIsADeathWhateverItsCode) {
  EXPECT_EQ(supervisor_.on_exit(2, exited(0), at(0)), (Actions{{Kind::spawn, 2}}));
}

TEST_F(SupervisorTest, AStatefulStageNeedsANewEpoch) {
  EXPECT_EQ(supervisor_.on_exit(3, killed(), at(0)), (Actions{{Kind::kill_all}}));
  EXPECT_EQ(all_but(3), (Actions{{Kind::begin_epoch}}));
  EXPECT_EQ(supervisor_.start().size(), 4u);
  EXPECT_EQ(supervisor_.epochs(), 2u);
}

TEST_F(SupervisorTest, ADamagedRingAndAWorkerThatAsksNeedANewEpoch) {
  for (const Ending& ending : {exited(kWorkerDamagedRing), exited(kWorkerNeedsEpoch)}) {
    EXPECT_EQ(supervisor_.on_exit(1, ending, at(0)), (Actions{{Kind::kill_all}}));
    EXPECT_EQ(all_but(1), (Actions{{Kind::begin_epoch}}));
    supervisor_.start();
  }
  Ending unsound = killed();
  unsound.rings_are_sound = false;
  EXPECT_EQ(supervisor_.on_exit(0, unsound, at(0)), (Actions{{Kind::kill_all}}));
}

TEST_F(SupervisorTest, FiveDeathsWithoutProgressStopTheRun) {
  for (int death = 0; death < 4; ++death)
    EXPECT_EQ(supervisor_.on_exit(1, killed(SIGSEGV), at(death)), (Actions{{Kind::spawn, 1}}));
  EXPECT_EQ(supervisor_.on_exit(1, killed(SIGSEGV), at(4)), (Actions{{Kind::cancel_all}}));
  EXPECT_EQ(supervisor_.verdict().kind, Verdict::Kind::failed);
  EXPECT_EQ(supervisor_.verdict().stage, "stage");
  EXPECT_NE(supervisor_.verdict().message.find("died 5 times in 60 s"), std::string::npos);
  EXPECT_NE(supervisor_.verdict().message.find("SIGSEGV"), std::string::npos);
}

TEST_F(SupervisorTest, ProgressOrTimeOrABlamedRecordForgivesDeaths) {
  for (int death = 0; death < 20; ++death) {
    EXPECT_EQ(supervisor_.on_exit(1, killed(SIGKILL, static_cast<std::uint64_t>(death) + 1), at(0)),
              (Actions{{Kind::spawn, 1}}));
  }
  for (int death = 0; death < 20; ++death)
    EXPECT_EQ(supervisor_.on_exit(0, killed(), at(20 * death)), (Actions{{Kind::spawn, 0}}));
  for (int death = 0; death < 20; ++death) {
    Ending blamed = killed(SIGSEGV);
    blamed.is_attributed = true;
    EXPECT_EQ(supervisor_.on_exit(2, blamed, at(0)), (Actions{{Kind::spawn, 2}}));
  }
}

TEST_F(SupervisorTest, WhatCannotStartOrGoOnStopsAtOnceWithItsWords) {
  EXPECT_EQ(supervisor_.on_exit(1, exited(kWorkerStop), at(0)), (Actions{{Kind::cancel_all}}));
  EXPECT_EQ(supervisor_.verdict().message, "its last words");
  Supervisor other({{"source", 0, 1, true}, {"sink", 1, 1, true}}, {});
  other.start();
  EXPECT_EQ(other.on_exit(1, exited(kWorkerCannotStart), at(0)), (Actions{{Kind::cancel_all}}));
}

TEST_F(SupervisorTest, AStopCancelsThenKills) {
  EXPECT_EQ(supervisor_.on_stop({Verdict::Kind::stopped, SIGINT, {}, {}}, at(0)),
            (Actions{{Kind::cancel_all}}));
  EXPECT_EQ(supervisor_.on_tick(at(0)), Actions{});
  EXPECT_EQ(supervisor_.on_exit(0, exited(kWorkerCancelled), at(0)), Actions{});
  EXPECT_EQ(supervisor_.on_tick(at(1)), (Actions{{Kind::kill_all}}));
  EXPECT_EQ(supervisor_.on_tick(at(2)), Actions{});
  EXPECT_EQ(all_but(0), (Actions{{Kind::end}}));
  EXPECT_EQ(supervisor_.verdict().signal, SIGINT);
}

TEST_F(SupervisorTest, AskedTwiceItKillsAtOnce) {
  supervisor_.on_stop({Verdict::Kind::stopped, SIGINT, {}, {}}, at(0));
  EXPECT_EQ(supervisor_.on_stop({Verdict::Kind::stopped, SIGTERM, {}, {}}, at(0)),
            (Actions{{Kind::kill_all}}));
  EXPECT_EQ(supervisor_.verdict().signal, SIGINT);
}

TEST_F(SupervisorTest, AStopWhileTheGraphIsReplacedStartsNothingMore) {
  supervisor_.on_exit(3, killed(), at(0));
  EXPECT_EQ(supervisor_.on_stop({Verdict::Kind::stopped, SIGINT, {}, {}}, at(0)), Actions{});
  EXPECT_EQ(all_but(3), (Actions{{Kind::end}}));
}

TEST_F(SupervisorTest, ADeathWhileStoppingIsNotReplaced) {
  supervisor_.on_stop({Verdict::Kind::stopped, SIGINT, {}, {}}, at(0));
  EXPECT_EQ(supervisor_.on_exit(1, killed(SIGSEGV), at(0)), Actions{});
}

TEST_F(SupervisorTest, AWorkerThatCannotBeSpawnedStopsTheRun) {
  EXPECT_EQ(supervisor_.on_spawn_failed(1, "no such file", at(0)), (Actions{{Kind::cancel_all}}));
  EXPECT_EQ(supervisor_.verdict().message, "no such file");
}

// exit(n) in an operator is a death like another, whatever n means when the runtime says it.
TEST_F(SupervisorTest, TakesNoOrdersFromAnOperatorsExitCode) {
  for (const int code : {0, 1, kWorkerCannotStart, kWorkerDamagedRing, kWorkerNeedsEpoch, kWorkerStop}) {
    Ending by_operator = exited(code);
    by_operator.gave_up = false;
    by_operator.is_attributed = true;
    EXPECT_EQ(supervisor_.on_exit(1, by_operator, at(0)), (Actions{{Kind::spawn, 1}})) << code;
    by_operator.gave_up = true;  // its last breath may have been a wild write to the cell
    EXPECT_EQ(supervisor_.on_exit(1, by_operator, at(0)), (Actions{{Kind::spawn, 1}})) << code;
  }
  EXPECT_EQ(supervisor_.epochs(), 1U);
}

}  // namespace
}  // namespace datagen::launcher
