// What the launcher does after a death: claims, cells, wakes, and the check of what the dead one could write.
#include "ipc/recovery.h"

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "rig.h"

namespace datagen::ipc {
namespace {

using testing::bytes_of;
using testing::must;
using testing::Rig;
using testing::Seat;
using testing::tiny;

constexpr auto kFrame = Ports::Outcome::frame;

int tokens(const Control& control, std::uint32_t cell) {
  int value = 0;
  sem_getvalue(&control.cell(cell).semaphore, &value);
  return value;
}

TEST(Recovery, TakesBackTheClaimsOfTheDeadWorkerOnly) {
  Rig rig({tiny(5)}, 3);
  Ring ring = rig.ring(0);
  for (std::uint64_t seq = 0; seq < 4; ++seq) ring.publish(seq);
  ASSERT_TRUE(ring.claim(0, 2) && ring.claim(1, 3) && ring.claim(3, 2));
  EXPECT_EQ(take_back_claims(ring, 2), 2u);
  EXPECT_EQ(ring.word(0), SlotWord::full(0));
  EXPECT_EQ(ring.word(1), SlotWord::claimed(1, 3));
  EXPECT_EQ(ring.word(2), SlotWord::full(2));
  EXPECT_EQ(ring.word(3), SlotWord::full(3));
  EXPECT_EQ(take_back_claims(ring, 2), 0u);
}

TEST(Ring, FrameOfDeadWriterIsClaimedAgain) {
  Rig rig({tiny(2)}, 3);
  rig.ring(0).publish(0);
  const Seat dead{{{0, {0, 1}}}, {}, 1, {1, 2}, Ports::Order::any};
  testing::Child worker([&] {
    Ports ports = rig.ports(dead);
    std::uint64_t seq = 0;
    if (ports.claim(seq) != kFrame) return 1;
    raise(SIGKILL);
    return 2;
  });
  const int status = worker.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(rig.ring(0).word(0), SlotWord::claimed(0, 2));
  auto in = rig.edges(dead.in, Ring::Role::consumer);
  EXPECT_EQ(must(recover_worker(rig.control(), 1, {1, 2}, in, {}, rig.policy, Checksums::if_present)), 1u);
  Ports sibling = rig.ports({dead.in, {}, 2, {1, 2}, Ports::Order::any});
  std::uint64_t seq = 9;
  EXPECT_EQ(sibling.claim(seq), kFrame);
  EXPECT_EQ(seq, 0u);
}

// A waker takes the flag and dies before it posts: nobody else will post, for the sleeper does not look
// parked.
TEST(Recovery, RousesASleeperWhoseWakerDiedBetweenFlagAndPost) {
  Rig rig({tiny(2)}, 2);
  const Seat source{{}, {{0, {1, 1}}}, 0, {0, 1}};
  Ports sink = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  const Control control = rig.control();
  std::uint64_t seq = 9;
  std::thread sleeper([&] { EXPECT_EQ(sink.claim(seq), kFrame); });
  while (control.cell(1).parked.exchange(0) == 0) std::this_thread::yield();
  {
    Ring ring = rig.ring(0);
    ring.block_header(0)->seq = 0;
    ring.publish(0);
  }
  EXPECT_FALSE(control.wake(1));
  auto out = rig.edges(source.out, Ring::Role::consumer);
  EXPECT_EQ(must(recover_worker(control, 0, {0, 1}, {}, out, rig.policy, Checksums::if_present)), 0u);
  sleeper.join();
  EXPECT_EQ(seq, 0u);
}

// A worker dies in its sleep, and its wake with it.
TEST(Recovery, HandsTheWakeOfADeadSleeperToItsSibling) {
  Rig rig({tiny(2)}, 3);
  const CellRange stage{1, 2};
  const Seat first{{{0, {0, 1}}}, {}, 1, stage, Ports::Order::any};
  const Seat second{{{0, {0, 1}}}, {}, 2, stage, Ports::Order::any};
  const Control control = rig.control();
  testing::Child dead([&] {
    Ports ports = rig.ports(first);
    std::uint64_t seq = 0;
    ports.claim(seq);
    return 0;
  });
  while (control.cell(1).parked == 0) std::this_thread::yield();
  dead.kill();
  std::uint64_t seq = 9;
  std::thread sleeper([&] {
    Ports ports = rig.ports(second);
    EXPECT_EQ(ports.claim(seq), kFrame);
  });
  while (control.cell(2).parked == 0) std::this_thread::yield();
  Ports source = rig.ports({{}, {{0, stage}}, 0, {0, 1}});
  must(source.publish(0, bytes_of("frame")));
  EXPECT_EQ(control.cell(1).parked, 0u);  // the wake went to the dead one
  EXPECT_EQ(control.cell(2).parked, 1u);
  EXPECT_EQ(must(rig.recover(first)), 0u);
  sleeper.join();
  EXPECT_EQ(seq, 0u);
  EXPECT_EQ(tokens(control, 1), 0);
}

struct DamagedRing : ::testing::Test {
  Rig rig{{tiny(4)}, 3};
  const Seat source{{}, {{0, {1, 2}}}, 0, {0, 1}};
  Ports producer = rig.ports(source);
  Ring ring = rig.ring(0);
  void SetUp() override {
    for (std::uint64_t seq = 0; seq < 3; ++seq)
      must(producer.publish(seq, bytes_of("frame " + std::to_string(seq))));
    ASSERT_TRUE(ring.claim(1, 2));
    EXPECT_EQ(report(), "");
  }
  std::string report() const { return check_ring(rig.ring(0, Ring::Role::observer), {1, 2}, rig.policy); }
};

TEST_F(DamagedRing, IsNotRecovered) {
  ring.frame_space(0)[0] ^= std::byte{1};
  const auto done = rig.recover(source);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("shared memory is damaged: "), std::string::npos);
  EXPECT_NE(done.error().message().find("frame 0: wrong checksum"), std::string::npos);
}

TEST_F(DamagedRing, EveryFlippedBitOfAVisibleFrameIsFound) {
  const std::size_t bytes = sizeof(std::uint64_t) * 3 + 8 + std::string("frame 0").size();
  for (const std::uint64_t seq : {0u, 1u, 2u}) {
    auto* base = reinterpret_cast<std::byte*>(ring.block_header(seq));
    for (std::size_t bit = 0; bit < bytes * 8; ++bit) {
      // Header fields, then the frame; the header's padding means nothing.
      const std::size_t at = bit / 8 < 32 ? bit / 8 : sizeof(BlockHeader) + bit / 8 - 32;
      base[at] ^= std::byte(1u << bit % 8);
      // A flag for the checksum with another value than 1 still says that there is one.
      const bool is_harmless = at < sizeof(BlockHeader) && (at > 28 || (at == 28 && bit % 8 != 0));
      if (!is_harmless) {
        EXPECT_NE(report(), "") << "frame " << seq << " byte " << at << " bit " << bit % 8;
      }
      base[at] ^= std::byte(1u << bit % 8);
    }
  }
  EXPECT_EQ(report(), "");
}

TEST_F(DamagedRing, ClaimOfAWorkerThatIsNoConsumerIsFound) {
  ASSERT_TRUE(ring.claim(2, 1));
  EXPECT_NE(report().find("frame 2: claimed by worker cell 0, which does not read this ring"),
            std::string::npos);
  EXPECT_TRUE(ring.take_back(2, 1) && ring.claim(2, 4));
  EXPECT_NE(report().find("claimed by worker cell 3"), std::string::npos);
  EXPECT_TRUE(ring.take_back(2, 4) && ring.claim(2, 3));
  EXPECT_EQ(report(), "");
}

TEST_F(DamagedRing, WhatIsNotVisibleYetIsNotDamage) {
  std::memset(ring.block_header(3), 0xee, kPageBytes);
  EXPECT_EQ(report(), "");
}

TEST_F(DamagedRing, RemovedOverflowIsNoDamageAndAShortOneIs) {
  must(producer.publish(3, bytes_of(std::string(2 * kPageBytes, 'x'))));
  EXPECT_EQ(report(), "");
  ASSERT_EQ(truncate(segment_path(rig.ring_name(0) + ".o3").c_str(), kPageBytes), 0);
  EXPECT_NE(report().find("too few"), std::string::npos);
  remove_overflow(ring, 3, rig.policy);
  EXPECT_EQ(report(), "");
}

// The check runs while others write: it must not take their work for damage.
TEST(Recovery, CheckOfALivelyRingFindsNothing) {
  Rig rig({tiny(3)}, 2);
  std::atomic<bool> over = false;
  std::thread source([&] {
    Ports ports = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
    for (std::uint64_t seq = 0; seq < 20'000; ++seq) {
      ASSERT_EQ(ports.wait_for_room(seq), kFrame);
      // Some of them overflow, so that their objects come and go as well.
      must(ports.publish(
          seq, bytes_of(std::string(seq % 64 == 0 ? 2 * kPageBytes : 300, static_cast<char>(seq)))));
    }
    ports.announce_end(20'000);
  });
  std::thread sink([&] {
    Ports ports = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
    std::uint64_t seq = 0;
    while (ports.claim(seq) == kFrame) {
      EXPECT_EQ(must(ports.read(0, seq)).bytes.front(), static_cast<std::byte>(seq));
      ports.free(seq);
    }
    over = true;
  });
  const Ring ring = rig.ring(0, Ring::Role::observer);
  std::uint64_t checks = 0;
  while (!over) {
    ASSERT_EQ(check_ring(ring, {1, 1}, rig.policy), "") << "after " << checks << " checks";
    ++checks;
  }
  source.join();
  sink.join();
  EXPECT_GT(checks, 0u);
}

TEST(Recovery, StageHasFinishedWhenItsInputIsDrainedAndItsEndAnnounced) {
  Rig rig({tiny(2), tiny(2)}, 1, 5);
  const auto in = rig.edges({{0, {0, 1}}}, Ring::Role::consumer);
  const auto out = rig.edges({{1, {0, 1}}}, Ring::Role::producer);
  EXPECT_FALSE(has_finished(in, out));
  rig.ring(0).set_end_seq(5);
  EXPECT_FALSE(has_finished(in, out));
  EXPECT_TRUE(has_finished(in, {}));
  rig.ring(1).set_end_seq(5);
  EXPECT_TRUE(has_finished(in, out));
}

}  // namespace
}  // namespace datagen::ipc
