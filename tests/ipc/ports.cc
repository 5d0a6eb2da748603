// Workers around rings: claiming, waiting, waking, end of stream.
#include "ipc/ports.h"

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "rig.h"

namespace datagen::ipc {
namespace {

using testing::bytes_of;
using testing::must;
using testing::Rig;
using testing::Seat;
using testing::text_of;
using testing::tiny;

constexpr auto kFrame = Ports::Outcome::frame;
constexpr auto kEnd = Ports::Outcome::end;
constexpr auto kAny = Ports::Order::any;

void produce(Ports& ports, std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t seq = first; seq < end; ++seq) {
    ASSERT_EQ(ports.wait_for_room(seq), kFrame);
    must(ports.publish(seq, bytes_of("frame " + std::to_string(seq))));
  }
  ports.announce_end(end);
}

// A stage that passes frames on.
void pass(Ports& ports) {
  std::uint64_t seq = 0;
  while (ports.claim(seq) == kFrame) {
    const auto in = must(ports.read(0, seq));
    must(ports.publish(seq, in.bytes));
    ports.free(seq);
  }
  ports.announce_end(ports.input_end());
}

// Takes frames first … in order, on every in-edge, until the end; the number taken.
std::uint64_t consume(Ports& ports, std::uint64_t first) {
  std::uint64_t expected = first;
  for (std::uint64_t seq = 0; ports.claim(seq) == kFrame; ++expected) {
    EXPECT_EQ(seq, expected);
    EXPECT_EQ(text_of(must(ports.read(0, seq)).bytes), "frame " + std::to_string(seq));
    ports.free(seq);
  }
  return expected - first;
}

// The worker of a cell has said that it will sleep. (It may not sleep yet: whoever wakes must be right then,
// too.)
void wait_until_parked(const Control& control, std::uint32_t cell) {
  while (control.cell(cell).parked.load() == 0) std::this_thread::yield();
}

// source → stage (cells 1 …) → sink, with frames numbered from `first`.
void run_chain(std::uint32_t in_slots, std::uint32_t out_slots, std::uint32_t workers, std::uint64_t first,
               std::uint64_t frames) {
  SCOPED_TRACE(std::to_string(in_slots) + " to " + std::to_string(out_slots) + " slots, workers " +
               std::to_string(workers) + ", first frame " + std::to_string(first));
  Rig rig({tiny(in_slots), tiny(out_slots)}, workers + 2, first);
  const CellRange source{0, 1}, stage{1, workers}, sink{workers + 1, 1};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    Ports ports = rig.ports({{}, {{0, stage}}, 0, source});
    produce(ports, first, first + frames);
  });
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      Ports ports = rig.ports({{{0, source}}, {{1, sink}}, 1 + worker, stage, kAny});
      pass(ports);
    });
  }
  Ports ports = rig.ports({{{1, stage}}, {}, workers + 1, sink});
  EXPECT_EQ(consume(ports, first), frames);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(rig.ring(0).is_drained());
  EXPECT_TRUE(rig.ring(1).is_drained());
}

TEST(Ports, ChainKeepsOrderAndBytesWithAnyNumberOfSlotsAndWorkers) {
  for (const auto& [in, out] : {std::pair{2u, 2u}, {2u, 5u}, {5u, 2u}, {3u, 7u}, {64u, 61u}}) {
    for (const std::uint32_t workers : {1u, 2u, 3u}) run_chain(in, out, workers, 0, 3000);
  }
}

TEST(Ports, ResumedStreamBeginsWithItsOwnNumber) {
  run_chain(3, 2, 2, 10'000'019, 1000);
  run_chain(2, 5, 1, (std::uint64_t{1} << 46) + 1, 1000);
}

TEST(Ports, EmptyStreamEnds) {
  run_chain(2, 2, 3, 0, 0);
  run_chain(3, 3, 1, 12, 0);
}

TEST(Ports, EveryWorkerOfAStageLearnsOfTheEnd) {
  for (int round = 0; round < 200; ++round) run_chain(2, 3, 3, 0, 5);
}

TEST(Ports, LowestClaimableFrameIsTakenFirst) {
  Rig rig({tiny(5)}, 3);
  Ring ring = rig.ring(0);
  for (const std::uint64_t seq : {3u, 1u, 2u}) ring.publish(seq);
  Ports ports = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 2}, kAny});
  std::uint64_t seq = 0;
  for (const std::uint64_t expected : {1u, 2u, 3u}) {
    ASSERT_EQ(ports.claim(seq), kFrame);
    EXPECT_EQ(seq, expected);
  }
}

TEST(Ports, AReaderLagsForWhomAFrameWaits) {
  Rig rig({tiny(4)}, 2, 100);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  EXPECT_FALSE(source.readers_lag(100));
  for (std::uint64_t n = 100; n < 110; ++n) {
    must(source.publish(n, bytes_of("x")));
    EXPECT_TRUE(source.readers_lag(n + 1));
    std::uint64_t seq = 0;
    ASSERT_EQ(sink.claim(seq), kFrame);
    EXPECT_FALSE(source.readers_lag(n + 1)) << "it is in work, or held";
    sink.free(seq);
    EXPECT_FALSE(source.readers_lag(n + 1));
  }
}

TEST(Ports, SlowFrameDoesNotStopItsNeighbours) {
  Rig rig({tiny(4), tiny(4)}, 4);
  Ports source = rig.ports({{}, {{0, {1, 2}}}, 0, {0, 1}});
  produce(source, 0, 4);
  Ports slow = rig.ports({{{0, {0, 1}}}, {{1, {3, 1}}}, 1, {1, 2}, kAny});
  Ports quick = rig.ports({{{0, {0, 1}}}, {{1, {3, 1}}}, 2, {1, 2}, kAny});
  std::uint64_t held = 0, seq = 0;
  ASSERT_EQ(slow.claim(held), kFrame);
  for (std::uint64_t expected : {1u, 2u, 3u}) {
    ASSERT_EQ(quick.claim(seq), kFrame);
    EXPECT_EQ(seq, expected);
    must(quick.publish(seq, bytes_of("frame " + std::to_string(seq))));
    quick.free(seq);
  }
  EXPECT_EQ(rig.ring(1).word(0), SlotWord::free(0));
  must(slow.publish(held, bytes_of("frame 0")));
  slow.free(held);
  EXPECT_EQ(quick.claim(seq), kEnd);
  slow.announce_end(4);
  Ports sink = rig.ports({{{1, {1, 2}}}, {}, 3, {3, 1}});
  EXPECT_EQ(consume(sink, 0), 4u);
}

TEST(Ports, FrameWithoutRoomIsNotClaimedAndALaterOneWithRoomIs) {
  Rig rig({tiny(3), tiny(2)}, 3);
  Ring in = rig.ring(0), out = rig.ring(1);
  for (const std::uint64_t seq : {0u, 1u, 2u}) in.publish(seq);
  out.publish(0);  // frame 0's output is out already; frame 2 waits for that slot
  in.free(0);
  Ports ports = rig.ports({{{0, {0, 1}}}, {{1, {2, 1}}}, 1, {1, 1}, kAny});
  std::uint64_t seq = 0;
  ASSERT_EQ(ports.claim(seq), kFrame);
  EXPECT_EQ(seq, 1u);
  std::thread sleeper([&] { EXPECT_EQ(ports.claim(seq), kFrame); });
  const Control control = rig.control();
  wait_until_parked(control, 1);
  EXPECT_EQ(in.word(2), SlotWord::full(2));
  out.free(0);
  EXPECT_TRUE(control.wake(1));
  sleeper.join();
  EXPECT_EQ(seq, 2u);
}

TEST(Ports, FullRingParksTheProducerUntilThereIsRoom) {
  Rig rig({tiny(2)}, 2);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  const Control control = rig.control();
  must(source.publish(0, bytes_of("frame 0")));
  must(source.publish(1, bytes_of("frame 1")));
  std::thread producer([&] { produce(source, 2, 3); });
  wait_until_parked(control, 0);
  EXPECT_EQ(control.cell(0).state, WorkerState::waiting_for_room);
  EXPECT_EQ(consume(sink, 0), 3u);
  producer.join();
  EXPECT_GT(control.cell(0).counters.wait_room_ns, 0u);
}

TEST(Ports, ParkedWorkerUsesNoProcessorTime) {
  Rig rig({tiny(2)}, 2);
  testing::Child child([&] {
    Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
    std::uint64_t seq = 0;
    return sink.claim(seq) == kFrame && seq == 0 ? 0 : 1;
  });
  const Control control = rig.control();
  wait_until_parked(control, 1);
  const auto state = [&] {
    std::FILE* file = std::fopen(("/proc/" + std::to_string(child.pid()) + "/stat").c_str(), "r");
    char letter = '?';
    if (file == nullptr || std::fscanf(file, "%*d (%*[^)]) %c", &letter) != 1) letter = '?';
    if (file != nullptr) std::fclose(file);
    return letter;
  };
  while (state() != 'S') std::this_thread::yield();  // asleep in the kernel, not spinning
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  must(source.publish(0, bytes_of("frame 0")));
  EXPECT_TRUE(child.exits_with(0));
}

TEST(Ports, CancelledWorkerLeavesItsSleep) {
  Rig rig({tiny(2)}, 2);
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  const Control control = rig.control();
  std::uint64_t seq = 0;
  Ports::Outcome outcome = kFrame;
  std::thread sleeper([&] { outcome = sink.claim(seq); });
  wait_until_parked(control, 1);
  control.cell(1).cancel = 1;
  rouse(control, {1, 1});
  sleeper.join();
  EXPECT_EQ(outcome, Ports::Outcome::cancelled);
  EXPECT_TRUE(sink.is_cancelled());
  EXPECT_EQ(sink.claim(seq), Ports::Outcome::cancelled);
  EXPECT_EQ(sink.wait_for_room(0), Ports::Outcome::cancelled);
}

// A sink's committer gives up while the main thread goes to sleep and wakes again.
TEST(Ports, WhatAnotherThreadSaidOfGivingUpStands) {
  Rig rig({tiny(2)}, 2);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  const Control control = rig.control();
  control.cell(1).gave_up = 1;
  std::uint64_t seq = 0;
  std::thread sleeper([&] { EXPECT_EQ(sink.claim(seq), kFrame); });
  wait_until_parked(control, 1);
  must(source.publish(0, bytes_of("frame 0")));
  sleeper.join();
  EXPECT_EQ(control.cell(1).gave_up, 1U);
  clear_cell(control, 1);
  EXPECT_EQ(control.cell(1).gave_up, 0U) << "a successor has not";
}

TEST(Ports, TokensDoNotAddUp) {
  Rig rig({tiny(2), tiny(2)}, 3);
  run_chain(2, 2, 1, 0, 2000);
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  const Control control = rig.control();
  for (int token = 0; token < 100; ++token) sem_post(&control.cell(1).semaphore);
  std::uint64_t seq = 0;
  std::thread sleeper([&] { EXPECT_EQ(sink.claim(seq), kFrame); });
  wait_until_parked(control, 1);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  must(source.publish(0, bytes_of("frame 0")));
  sleeper.join();
  int value = -1;
  sem_getvalue(&control.cell(1).semaphore, &value);
  EXPECT_LE(value, 1);  // the post of a waker that was late
}

// A stateful stage sends one more frame, with a number behind its input's end, when its output may be full.
TEST(Ports, FrameBehindTheEndWaitsForRoomToo) {
  Rig rig({tiny(2), tiny(2)}, 3);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  Ports stage = rig.ports({{{0, {0, 1}}}, {{1, {2, 1}}}, 1, {1, 1}});
  produce(source, 0, 2);
  std::uint64_t seq = 0;
  while (stage.claim(seq) == kFrame) {
    must(stage.publish(seq, must(stage.read(0, seq)).bytes));
    stage.free(seq);
  }
  std::thread last([&] {
    EXPECT_EQ(stage.wait_for_room(2), kFrame);
    must(stage.publish(2, bytes_of("frame 2")));
    stage.announce_end(3);
  });
  wait_until_parked(rig.control(), 1);
  EXPECT_EQ(rig.ring(1).word(2), SlotWord::full(0));
  Ports sink = rig.ports({{{1, {1, 1}}}, {}, 2, {2, 1}});
  EXPECT_EQ(consume(sink, 0), 3u);
  last.join();
}

TEST(Ports, TeeAndAlignedJoinSeeEveryFrameOnce) {
  constexpr std::uint64_t kFrames = 4000, kFirst = 7;
  // source → (ring 0) tee: 2 workers → rings 1 and 2 → join: 2 workers → ring 3 → sink
  Rig rig({tiny(3), tiny(2), tiny(5), tiny(2)}, 6, kFirst);
  const CellRange source{0, 1}, tee{1, 2}, join{3, 2}, sink{5, 1};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    Ports ports = rig.ports({{}, {{0, tee}}, 0, source});
    produce(ports, kFirst, kFirst + kFrames);
  });
  for (const std::uint32_t worker : {0u, 1u}) {
    threads.emplace_back([&, worker] {
      Ports ports = rig.ports({{{0, source}}, {{1, join}, {2, join}}, tee.first + worker, tee, kAny});
      pass(ports);
    });
    threads.emplace_back([&, worker] {
      Ports ports = rig.ports({{{1, tee}, {2, tee}}, {{3, sink}}, join.first + worker, join, kAny});
      std::uint64_t seq = 0;
      while (ports.claim(seq) == kFrame) {
        const auto left = must(ports.read(0, seq));
        EXPECT_EQ(text_of(left.bytes), text_of(must(ports.read(1, seq)).bytes));
        must(ports.publish(seq, left.bytes));
        ports.free(seq);
      }
      ports.announce_end(ports.input_end());
    });
  }
  Ports ports = rig.ports({{{3, join}}, {}, 5, sink});
  EXPECT_EQ(consume(ports, kFirst), kFrames);
  for (std::thread& thread : threads) thread.join();
  for (std::size_t ring = 0; ring < 4; ++ring) EXPECT_TRUE(rig.ring(ring).is_drained());
}

TEST(Ports, DamagedFrameIsAnErrorAndNotDelivered) {
  Rig rig({tiny(2)}, 2);
  Ports source = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  must(source.publish(0, bytes_of("some bytes")));
  Ring ring = rig.ring(0);
  const auto error = [&] { return testing::error_of(sink.read(0, 0)); };
  EXPECT_EQ(error(), "no error");
  ring.frame_space(0)[3] ^= std::byte{1};
  EXPECT_NE(error().find("wrong checksum"), std::string::npos);
  ring.frame_space(0)[3] ^= std::byte{1};
  ring.block_header(0)->has_checksum = 0;
  EXPECT_NE(error().find("no checksum"), std::string::npos);
  ring.block_header(0)->has_checksum = 1;
  ring.block_header(0)->seq = 2;
  EXPECT_NE(error().find("another frame"), std::string::npos);
}

}  // namespace
}  // namespace datagen::ipc
