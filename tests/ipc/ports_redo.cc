// What a successor does after a death at each point between the steps of a frame's life.
// tests/ipc/store_sweep.cc dies at every single store; here each rule is named.
#include "rig.h"

#include <cstring>
#include <functional>
#include <string>

namespace datagen::ipc {
namespace {

using testing::bytes_of;
using testing::must;
using testing::Rig;
using testing::Seat;
using testing::text_of;
using testing::tiny;

constexpr auto kFrame = Ports::Outcome::frame;
constexpr auto kAny = Ports::Order::any;

// Runs `steps` in a process that kills itself behind them; dead and reaped on return.
void die_after(const Rig& rig, const Seat& seat, const std::function<void(Ports&)>& steps) {
  testing::Child worker([&] {
    Ports ports = rig.ports(seat);
    steps(ports);
    raise(SIGKILL);
    return 1;
  });
  const int status = worker.wait();
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

std::uint64_t claimed(Ports& ports) {
  std::uint64_t seq = ~std::uint64_t{0};
  if (ports.claim(seq) != kFrame) return ~std::uint64_t{0};
  return seq;
}

// source → ring 0 → tee (cells 1, 2) → rings 1, 2 → join (cells 3, 4) → ring 3 → sink (cell 5)
struct Redo : ::testing::Test {
  static constexpr std::uint64_t kFirst = 3;
  Rig rig{{tiny(2), tiny(2), tiny(3), tiny(2)}, 6, kFirst};
  const CellRange source_cells{0, 1}, tee_cells{1, 2}, join_cells{3, 2}, sink_cells{5, 1};
  const Seat source{{}, {{0, tee_cells}}, 0, source_cells};
  const Seat tee{{{0, source_cells}}, {{1, join_cells}, {2, join_cells}}, 1, tee_cells, kAny};
  const Seat join{{{1, tee_cells}, {2, tee_cells}}, {{3, sink_cells}}, 3, join_cells, kAny};
  const Seat sink{{{3, join_cells}}, {}, 5, sink_cells};

  void put(const Seat& seat, std::uint64_t seq, const std::string& text) const {
    must(rig.ports(seat).publish(seq, bytes_of(text)));
  }
  std::string text(std::size_t ring, std::uint64_t seq) const {
    return text_of(must(read_frame(rig.ring(ring), seq, rig.policy, Checksums::required)).bytes);
  }
};

TEST_F(Redo, ClaimWithoutPublishRunsAgain) {
  put(source, kFirst, "in");
  die_after(rig, tee, [](Ports& ports) { claimed(ports); });
  EXPECT_EQ(must(rig.recover(tee)), 1u);
  Ports successor = rig.ports(tee);
  EXPECT_EQ(claimed(successor), kFirst);
  EXPECT_FALSE(successor.is_published(kFirst));
}

TEST_F(Redo, HalfWrittenBlockIsWrittenAgain) {
  put(source, kFirst, "in");
  die_after(rig, tee, [](Ports& ports) { std::memset(ports.space(claimed(ports)).data(), 'x', 100); });
  EXPECT_EQ(must(rig.recover(tee)), 1u);
  Ports successor = rig.ports(tee);
  const std::uint64_t seq = claimed(successor);
  must(successor.publish(seq, bytes_of("second version")));
  EXPECT_EQ(text(1, kFirst), "second version");
  EXPECT_EQ(text(2, kFirst), "second version");
}

TEST_F(Redo, FrameBetweenTheStoresOfATeeKeepsItsOneVersion) {
  put(source, kFirst, "in");
  // Both blocks are written, the decision is made, the further store is missing.
  Ring left = rig.ring(1), right = rig.ring(2), in = rig.ring(0);
  ASSERT_TRUE(in.claim(kFirst, 2));
  Rig spare({tiny(2), tiny(3)}, 1, kFirst);
  must(spare.ports({{}, {{0, {0, 1}}, {1, {0, 1}}}, 0, {0, 1}}).publish(kFirst, bytes_of("first version")));
  std::memcpy(left.block_header(kFirst), spare.ring(0).block_header(kFirst), kPageBytes);
  std::memcpy(right.block_header(kFirst), spare.ring(1).block_header(kFirst), kPageBytes);
  left.publish(kFirst);
  EXPECT_EQ(must(rig.recover(tee)), 1u);
  Ports successor = rig.ports(tee);
  ASSERT_EQ(claimed(successor), kFirst);
  ASSERT_TRUE(successor.is_published(kFirst));
  successor.complete_publish(kFirst);
  successor.free(kFirst);
  EXPECT_EQ(text(1, kFirst), "first version");
  EXPECT_EQ(text(2, kFirst), "first version");
  EXPECT_EQ(in.word(kFirst), SlotWord::free(kFirst + 2));
}

TEST_F(Redo, PublishedFrameIsClaimableWhereAFreshOneWouldLackRoom) {
  put(source, kFirst, "in");
  die_after(rig, tee, [](Ports& ports) { must(ports.publish(claimed(ports), bytes_of("out"))); });
  EXPECT_EQ(must(rig.recover(tee)), 1u);
  // The consumers have taken it, and the slots wait for later frames.
  for (const std::size_t ring : {1, 2}) rig.ring(ring).free(kFirst);
  Ports successor = rig.ports(tee);
  ASSERT_EQ(claimed(successor), kFirst);
  EXPECT_TRUE(successor.is_published(kFirst));
  successor.complete_publish(kFirst);
  successor.free(kFirst);
  EXPECT_EQ(rig.ring(1).word(kFirst), SlotWord::free(kFirst + 2));
  EXPECT_EQ(rig.ring(2).word(kFirst), SlotWord::free(kFirst + 3));
}

TEST_F(Redo, JoinThatDiedBetweenItsFreesIsClaimedAgain) {
  put(tee, kFirst, "in");
  die_after(rig, join, [&](Ports& ports) {
    must(ports.publish(claimed(ports), bytes_of("out")));
    rig.ring(2, Ring::Role::consumer).free(kFirst);  // the further in-edge, before the claimed one
  });
  EXPECT_EQ(must(rig.recover(join)), 1u);
  Ports successor = rig.ports(join);
  ASSERT_EQ(claimed(successor), kFirst);
  ASSERT_TRUE(successor.is_published(kFirst));
  successor.complete_publish(kFirst);
  successor.free(kFirst);
  EXPECT_EQ(rig.ring(1).word(kFirst), SlotWord::free(kFirst + 2));
  EXPECT_EQ(rig.ring(2).word(kFirst), SlotWord::free(kFirst + 3));
}

TEST_F(Redo, JoinWaitsForAllItsInputs) {
  Ring left = rig.ring(1), right = rig.ring(2);
  put({{}, {{1, join_cells}}, 1, tee_cells}, kFirst, "left");
  put({{}, {{1, join_cells}}, 1, tee_cells}, kFirst + 1, "left");
  put({{}, {{2, join_cells}}, 1, tee_cells}, kFirst + 1, "right");
  Ports worker = rig.ports(join);
  EXPECT_EQ(claimed(worker), kFirst + 1);
  EXPECT_EQ(left.word(kFirst), SlotWord::full(kFirst));
}

TEST_F(Redo, SuccessorOfASinkBeginsBehindWhatIsFreed) {
  put(join, kFirst, "a");
  put(join, kFirst + 1, "b");
  die_after(rig, sink, [](Ports& ports) {
    ports.free(claimed(ports));
    claimed(ports);
  });
  EXPECT_EQ(must(rig.recover(sink)), 1u);
  Ports successor = rig.ports(sink);
  EXPECT_EQ(claimed(successor), kFirst + 1);
}

TEST_F(Redo, SuccessorOfASinkFreesWhatWasWritten) {
  put(join, kFirst, "a");
  put(join, kFirst + 1, "b");
  die_after(rig, sink, [&](Ports& ports) {
    claimed(ports);
    claimed(ports);
    store_written(ports.cell(), {kFirst + 1, 1, 0, 0});
  });
  EXPECT_EQ(must(rig.recover(sink)), 2u);
  Ports successor = rig.ports(sink);
  successor.free_below(load_written(successor.cell()).seq);
  EXPECT_EQ(rig.ring(3).word(kFirst), SlotWord::free(kFirst + 2));
  EXPECT_EQ(claimed(successor), kFirst + 1);
}

TEST_F(Redo, SuccessorOfASinkThatHadFinishedSeesTheEnd) {
  put(join, kFirst, "a");
  rig.ports(join).announce_end(kFirst + 1);
  die_after(rig, sink, [](Ports& ports) { ports.free(claimed(ports)); });
  EXPECT_EQ(must(rig.recover(sink)), 0u);
  Ports successor = rig.ports(sink);
  std::uint64_t seq = 0;
  EXPECT_EQ(successor.claim(seq), Ports::Outcome::end);
}

TEST_F(Redo, SuccessorOfASourceGoesOnBehindItsLastFrame) {
  die_after(rig, source, [](Ports& ports) {
    must(ports.publish(kFirst, bytes_of("a")));
    must(ports.publish(kFirst + 1, bytes_of("b")));
  });
  EXPECT_EQ(must(rig.recover(source)), 0u);
  EXPECT_EQ(rig.ports(source).next_output(), kFirst + 2);
  Ports worker = rig.ports(tee);
  worker.free(claimed(worker));
  EXPECT_EQ(rig.ports(source).next_output(), kFirst + 2);
  EXPECT_EQ(rig.ports(source).wait_for_room(kFirst + 2), kFrame);
}

TEST_F(Redo, WorkerThatDiedAfterTheLastFreeAnnouncesTheEndAgain) {
  put(source, kFirst, "in");
  rig.ports(source).announce_end(kFirst + 1);
  die_after(rig, tee, [](Ports& ports) {
    const std::uint64_t seq = claimed(ports);
    must(ports.publish(seq, bytes_of("out")));
    ports.free(seq);
  });
  const auto in = rig.edges(tee.in, Ring::Role::consumer);
  const auto out = rig.edges(tee.out, Ring::Role::consumer);
  EXPECT_FALSE(has_finished(in, out));
  EXPECT_EQ(must(rig.recover(tee)), 0u);
  Ports successor = rig.ports(tee);
  std::uint64_t seq = 0;
  ASSERT_EQ(successor.claim(seq), Ports::Outcome::end);
  successor.announce_end(successor.input_end());
  EXPECT_TRUE(has_finished(in, out));
}

}  // namespace
}  // namespace datagen::ipc
