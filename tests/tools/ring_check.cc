// `datagen-ring check`: every kind of damage is told, and only what dead launchers left is removed.
#include <signal.h>
#include <simdjson.h>
#include <sys/file.h>

#include <algorithm>

#include "made_run.h"
#include "tools/ring_check.h"

namespace datagen::tools::testing {
namespace {

class RingCheck : public MadeRun {
 protected:
  // Makes a sound run with frames on its first edge, and returns what the program says of it.
  void make_frames() {
    make_all();
    for (std::uint64_t seq = 0; seq < 3; ++seq) publish(0, seq, {"{}", "{}"}, seq * 2);
    ring(0).claim(0, 2);
  }
  void expect_damage(const std::string& words) {
    const Answer answer = ask({"check"});
    EXPECT_EQ(answer.code, 4) << answer.out << answer.err;
    EXPECT_TRUE(answer.out.starts_with("epoch 1a2b3c4d: damaged")) << answer.out;
    EXPECT_NE(answer.out.find(words), std::string::npos) << answer.out;
  }
  static std::string word_bytes(ipc::SlotWord word) {
    const std::uint64_t bits = word.bits();
    return std::string(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  static std::uint64_t slot_offset(std::uint64_t slot) {
    return sizeof(ipc::RingHeader) + slot * sizeof(ipc::Slot);
  }
};

TEST_F(RingCheck, ASoundRunIsSound) {
  make_frames();
  const Answer answer = ask({"check"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "epoch 1a2b3c4d: sound, 2 rings, 4 cells\n");
  simdjson::dom::parser parser;
  const std::string json = ask({"check", "--json"}).out;
  const auto root = parser.parse(json);
  EXPECT_EQ(root["version"].get_uint64().value(), 1u);
  EXPECT_TRUE(root["sound"].get_bool().value());
  EXPECT_EQ(root["epochs"].at(0)["problems"].get_array().value().size(), 0u);
}

TEST_F(RingCheck, NothingInSharedMemoryIsSound) {
  const Answer answer = ask({"check"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, run() + ": nothing in shared memory\n");
}

TEST_F(RingCheck, AWordOfNoStateIsDamage) {
  make_frames();
  damage(ring_name(0), slot_offset(3), word_bytes(ipc::SlotWord(3 << 16 | 3)));
  expect_damage("ring " + ring_name(0) + ": slot 3 holds " + std::to_string(3 << 16 | 3));
}

TEST_F(RingCheck, AWordOfAnotherSlotIsDamage) {
  make_frames();
  damage(ring_name(1), slot_offset(1), word_bytes(ipc::SlotWord::free(6)));
  expect_damage("ring " + ring_name(1) + ": slot 1 holds");
}

TEST_F(RingCheck, AClaimByAWorkerThatDoesNotReadTheRingIsDamage) {
  make_frames();
  damage(ring_name(0), slot_offset(0), word_bytes(ipc::SlotWord::claimed(0, 4)));
  expect_damage("frame 0: claimed by worker cell 3, which does not read this ring");
}

TEST_F(RingCheck, AFlippedByteIsDamage) {
  make_frames();
  damage(ring_name(0), block_offset(1) + sizeof(ipc::BlockHeader) + 100, "\x55");
  expect_damage("ring " + ring_name(0) + ", frame 1: wrong checksum");
}

TEST_F(RingCheck, AFlippedByteInAnOverflowIsDamage) {
  make_frames();
  publish(1, 0, {std::string(20'000, ' ')}, 0);
  damage(ring_name(1) + ".o0", 5'000, "\x55");
  expect_damage("ring " + ring_name(1) + ", frame 0: wrong checksum");
}

TEST_F(RingCheck, AFalseBlockHeaderIsDamage) {
  make_frames();
  damage(ring_name(0), block_offset(2), std::string(16, '\xff'));
  expect_damage("ring " + ring_name(0) + ", frame 2: the block holds another frame");
}

TEST_F(RingCheck, AWrongMagicOrVersionIsDamage) {
  make_frames();
  damage(ring_name(0), 8, "\x09");
  damage(ring_name(1), 0, "x");
  expect_damage("ring " + ring_name(0) + " has layout version 9; this build knows " +
                std::to_string(ipc::kLayoutVersion));
  expect_damage("shared memory " + ring_name(1) + " is not a ring");
}

TEST_F(RingCheck, AnotherGeometryThanThePlansIsDamage) {
  make_control();
  must(ipc::Ring::create(ring_name(0), {8, ipc::kPageBytes}, kEpoch, 0));
  must(ipc::Ring::create(ring_name(1), kGeometry, 7, 0));
  expect_damage("ring " + ring_name(0) + " has");
  expect_damage("ring " + ring_name(1) + " belongs to another epoch of the run");
}

TEST_F(RingCheck, AMissingSegmentIsDamage) {
  make_frames();
  ipc::remove_segment(ring_name(1));
  expect_damage("cannot open shared memory " + ring_name(1) + ": No such file or directory");
  ipc::remove_segment(ipc::control_name(run_id_, kEpoch));
  expect_damage("cannot open shared memory " + ipc::control_name(run_id_, kEpoch));
}

TEST_F(RingCheck, ACellThatNoWorkerMakesIsDamage) {
  make_frames();
  control().cell(2).state = static_cast<ipc::WorkerState>(77);
  control().cell(3).parked = 5;
  expect_damage("cell 2 has state 77");
  expect_damage("cell 3 has parked 5");
}

TEST_F(RingCheck, AControlSegmentOfAnotherRunIsDamage) {
  make_rings();
  must(ipc::Control::create(ipc::control_name(run_id_, kEpoch), 3, 2, 9, "/another/run"));
  expect_damage("states epoch 00000009");
  expect_damage("has 3 cells, the plan 4");
  expect_damage("belongs to the run directory /another/run");
}

TEST_F(RingCheck, EveryEpochIsChecked) {
  make_frames();
  damage(ring_name(0), block_offset(1) + sizeof(ipc::BlockHeader) + 100, "\x55");
  make_rings(0x77);
  make_control(0x77);
  const Answer answer = ask({"check"});
  EXPECT_EQ(answer.code, 4);
  EXPECT_NE(answer.out.find("epoch 00000077: sound"), std::string::npos) << answer.out;
  EXPECT_NE(answer.out.find("epoch 1a2b3c4d: damaged"), std::string::npos) << answer.out;
  EXPECT_NE(ask({"check", "--json"}).out.find("\"sound\":false"), std::string::npos);
}

TEST_F(RingCheck, OneEdgeIsCheckedWhenItIsNamed) {
  make_frames();
  damage(ring_name(0), block_offset(1) + sizeof(ipc::BlockHeader) + 100, "\x55");
  EXPECT_EQ(ask({"check", "made", "1"}).code, 0);
  EXPECT_EQ(ask({"check", "made", "0"}).code, 4);
}

class RemoveStale : public RingCheck {
 protected:
  std::string dead_launchers_run() {
    make_rings();
    make_control_of_the_dead();
    publish(0, 0, {std::string(20'000, ' ')}, 0);
    return "removed datagen." + run_id_ + ".1a2b3c4d.";
  }
};

TEST_F(RemoveStale, RemovesAllOfADeadLauncherAndTheControlSegmentLast) {
  const std::string removed = dead_launchers_run();
  EXPECT_EQ(segments().size(), 4u);
  const Answer answer = ask({"check", "made", "--remove-stale"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, removed + "0\n" + removed + "0.o0\n" + removed + "1\n" + removed + "control\n");
  EXPECT_TRUE(segments().empty());
  EXPECT_EQ(ask({"check", "made", "--remove-stale"}).out, "nothing is left behind\n");
}

TEST_F(RemoveStale, KeepsTheSegmentsOfALivingLauncher) {
  make_all();  // by this very process
  const Answer answer = ask({"check", "made", "--remove-stale", "--json"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "{\"version\":1,\"removed\":[],\"kept\":[\"" + run_id_ +
                            ".1a2b3c4d: its launcher, process " + std::to_string(getpid()) + ", lives\"]}\n");
  EXPECT_EQ(segments().size(), 3u);
}

TEST_F(RemoveStale, KeepsWhatBelongsToALockedRun) {
  dead_launchers_run();
  const int lock = open((run() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(ask({"check", "made", "--remove-stale"}).out,
            "kept " + run_id_ + ".1a2b3c4d: its run is locked by a launcher\n");
  EXPECT_EQ(segments().size(), 4u);
  close(lock);
  ask({"check", "made", "--remove-stale"});
  EXPECT_TRUE(segments().empty());
}

TEST_F(RemoveStale, RemovesDeadEpochsBesideALivingOne) {
  dead_launchers_run();
  make_rings(0x77);
  make_control(0x77);
  const std::string out = ask({"check", "made", "--remove-stale"}).out;
  EXPECT_NE(out.find("kept " + run_id_ + ".00000077: its launcher"), std::string::npos) << out;
  EXPECT_EQ(segments(), (std::vector<std::string>{"00000077.0", "00000077.1", "00000077.control"}));
}

TEST_F(RemoveStale, RingsWithoutControlSegmentGoWhenTheirRunIsNamed) {
  make_rings();
  const auto ours = launcher::list_epochs(run_id_);
  ASSERT_EQ(ours.size(), 1u);
  const Removal kept = remove_stale(ours, "");
  EXPECT_TRUE(kept.removed.empty());
  EXPECT_EQ(kept.kept,
            std::vector<std::string>{
                run_id_ + ".1a2b3c4d: has no sound control segment that tells its run; name the run"});
  ask({"check", "made", "--remove-stale"});
  EXPECT_TRUE(segments().empty());
}

TEST_F(RemoveStale, FindsTheRunOfEachEpochByItself) {
  dead_launchers_run();
  // Of all that this user has, only ours is touched here: other tests may run beside this one.
  std::vector<EpochNames> all = launcher::list_epochs("");
  std::erase_if(all, [&](const EpochNames& epoch) { return epoch.run_id != run_id_; });
  ASSERT_EQ(all.size(), 1u);
  const int lock = open((run() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(remove_stale(all, "").removed.size(), 0u);
  close(lock);
  std::filesystem::remove_all(run());
  EXPECT_EQ(remove_stale(all, "").removed.size(), 4u) << "also when the run directory is gone";
  EXPECT_TRUE(segments().empty());
}

TEST_F(RemoveStale, LeavesNoLockBehind) {
  dead_launchers_run();
  std::ofstream(run() + "/lock") << "";
  ask({"check", "made", "--remove-stale"});
  const int lock = open((run() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  close(lock);
}

}  // namespace
}  // namespace datagen::tools::testing
