// The quarantine table: what a worker reads of what the launcher wrote.
#include "ipc/quarantine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "tests/ipc/rig.h"

namespace datagen::ipc::testing {
namespace {

using Kind = Directive::Kind;
using Directives = std::vector<Directive>;

Directive skip(std::uint64_t stage, std::uint64_t frame, std::uint64_t row, std::uint64_t number = 0) {
  return {Kind::skip, stage, frame, row, 0, number};
}

std::unique_ptr<QuarantineTable> fresh() { return std::make_unique<QuarantineTable>(); }

TEST(Quarantine, NothingIsSaidBeforeTheFirstDirective) {
  const auto table = fresh();
  QuarantineView view(*table, 1);
  EXPECT_TRUE(view.about(0).empty());
  EXPECT_TRUE(QuarantineView().about(0).empty());
}

TEST(Quarantine, AWorkerReadsWhatIsAboutItsStageAndFrame) {
  const auto table = fresh();
  const Directive split{Kind::split, 1, 7, 0, 8, 16};
  const Directive alone{Kind::alone, 1, 7, 3, 5, 0};
  const Directive first{Kind::first, 1, 9, 4, 0, 0};
  for (const Directive& directive : {split, alone, first, skip(1, 8, 70), skip(2, 7, 71)})
    must(write_directive(*table, directive));
  QuarantineView view(*table, 1);
  EXPECT_EQ(view.about(7), (Directives{split, alone}));
  EXPECT_EQ(view.about(8), Directives{skip(1, 8, 70)});
  EXPECT_EQ(view.about(9), Directives{first});
  EXPECT_TRUE(view.about(10).empty());
}

TEST(Quarantine, ADirectiveForAnyFrameIsAboutEveryFrameOfItsStage) {
  const auto table = fresh();
  const Directive any = skip(1, Directive::kAnyFrame, 5);
  must(write_directive(*table, any));
  QuarantineView view(*table, 1);
  QuarantineView other(*table, 2);
  EXPECT_EQ(view.about(0), Directives{any});
  EXPECT_EQ(view.about(1'000'000), Directives{any});
  EXPECT_TRUE(other.about(0).empty());
}

TEST(Quarantine, AViewSeesWhatIsWrittenLater) {
  const auto table = fresh();
  QuarantineView view(*table, 1);
  must(write_directive(*table, skip(1, 3, 30)));
  EXPECT_EQ(view.about(3).size(), 1u);
  must(write_directive(*table, skip(1, 3, 31)));
  EXPECT_EQ(view.about(3), (Directives{skip(1, 3, 30), skip(1, 3, 31)}));
}

TEST(Quarantine, TheSameDirectiveTakesOneEntry) {
  const auto table = fresh();
  for (int time = 0; time < 3; ++time) must(write_directive(*table, skip(1, 3, 30)));
  EXPECT_EQ(table->used, 1u);
}

TEST(Quarantine, AFullTableSaysSoAndRetiredFramesMakeRoom) {
  const auto table = fresh();
  for (std::uint64_t row = 0; row < QuarantineTable::kEntries; ++row)
    must(write_directive(*table, skip(1, row / 2, row)));
  EXPECT_NE(error_of(write_directive(*table, skip(1, 600, 9999))).find("no room"), std::string::npos);
  retire_directives(*table, 2, 600);  // another stage
  EXPECT_FALSE(write_directive(*table, skip(1, 600, 9999)));
  retire_directives(*table, 1, 10);
  QuarantineView view(*table, 1);
  EXPECT_TRUE(view.about(9).empty());
  EXPECT_EQ(view.about(10), (Directives{skip(1, 10, 20), skip(1, 10, 21)}));
  must(write_directive(*table, skip(1, 600, 9999)));
  EXPECT_EQ(view.about(600), Directives{skip(1, 600, 9999)});
}

TEST(Quarantine, DirectivesForAnyFrameOutliveRetiring) {
  const auto table = fresh();
  must(write_directive(*table, skip(1, Directive::kAnyFrame, 5)));
  retire_directives(*table, 1, Directive::kAnyFrame);
  EXPECT_EQ(QuarantineView(*table, 1).about(3).size(), 1u);
}

TEST(Quarantine, AnEntryThatAWildWriteHitIsNoDirective) {
  for (int word = 0; word < 8; ++word) {
    const auto table = fresh();
    must(write_directive(*table, {Kind::skip, 1, 3, 30, 31, 32}));
    auto* words = reinterpret_cast<AtomicWord*>(&table->entries[0]);
    words[word] ^= 1;
    EXPECT_TRUE(QuarantineView(*table, 1).about(3).empty()) << word;
    EXPECT_TRUE(QuarantineView(*table, 1).about(2).empty()) << word;
    EXPECT_TRUE(QuarantineView(*table, 0).about(3).empty()) << word;
  }
}

TEST(Quarantine, ACountBehindTheTablesEndIsNotFollowed) {
  const auto table = fresh();
  must(write_directive(*table, skip(1, 3, 30)));
  table->used = ~std::uint64_t{0};
  EXPECT_EQ(QuarantineView(*table, 1).about(3).size(), 1u);
}

// The launcher reuses entries about frames that are done while workers read about theirs.
TEST(Quarantine, AReaderNeverSeesAMixtureOfTwoDirectives) {
  const auto table = fresh();
  const Directive held{Kind::split, 1, 1'000'000, 0, 8, 16};
  must(write_directive(*table, held));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> current{0};
  std::thread launcher([&] {
    for (std::uint64_t frame = 0; frame < 100'000; ++frame) {
      current.store(frame, std::memory_order_relaxed);
      must(write_directive(*table, {Kind::skip, 1, frame, frame * 3, frame * 5, frame * 7}));
      retire_directives(*table, 1, frame + 1);
    }
    done = true;
  });
  QuarantineView view(*table, 1);
  do {
    EXPECT_EQ(view.about(1'000'000), Directives{held});
    for (const Directive& other : view.about(current.load(std::memory_order_relaxed))) {
      EXPECT_EQ(other.first, other.frame * 3);
      EXPECT_EQ(other.second, other.frame * 5);
      EXPECT_EQ(other.third, other.frame * 7);
    }
  } while (!done);
  launcher.join();
}

TEST(Quarantine, TheTableLiesBehindTheInFlightEntriesOfTheControlSegment) {
  Rig rig({tiny(2)}, 3);
  const Control launcher = rig.control();
  const Control worker = rig.control();  // a mapping of its own
  launcher.in_flight(2, 1).frame = 77;
  EXPECT_TRUE(QuarantineView(worker.quarantine(), 1).about(3).empty());
  must(write_directive(launcher.quarantine(), skip(1, 3, 30)));
  EXPECT_EQ(QuarantineView(worker.quarantine(), 1).about(3), Directives{skip(1, 3, 30)});
  EXPECT_EQ(worker.in_flight(2, 1).frame, 77u);
}

TEST(InFlight, OnlyWhatWasBegunIsReported) {
  Rig rig({tiny(2)}, 2);
  const Control control = rig.control();
  EXPECT_TRUE(control.begun(1).empty());
  InFlight& entry = control.in_flight(1, 1);
  entry.record = 17;
  entry.count = 4;
  entry.started_ns = 99;
  entry.row = 1017;
  entry.path_hash = 5;
  EXPECT_TRUE(control.begun(1).empty());
  entry.frame = 3;
  EXPECT_EQ(control.begun(1), (std::vector<Begun>{{1, 3, 17, 4, 99, 1017, 5}}));
  EXPECT_TRUE(control.begun(0).empty());
}

}  // namespace
}  // namespace datagen::ipc::testing
