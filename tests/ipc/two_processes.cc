// Two processes, one ring, a lot of bytes, every one of them checked.
#include <chrono>
#include <cstring>
#include <functional>
#include <span>

#include "rig.h"

namespace datagen::ipc {
namespace {

using testing::must;
using testing::Rig;

constexpr std::uint64_t kFraction = testing::kIsInstrumented ? 50 : 1;

// Word `index` of frame `seq`: a counter, mixed so that neighbours, slots and frames differ in many bits.
std::uint64_t content(std::uint64_t key, std::uint64_t index) {
  const std::uint64_t counter = key + index * 0x9e3779b97f4a7c15;
  return counter ^ counter >> 32;
}
std::uint64_t key_of(std::uint64_t seq) { return (seq + 1) * 0xd1b54a32d192ed03; }

void fill(std::byte* to, std::size_t bytes, std::uint64_t seq) {
  const std::uint64_t key = key_of(seq);
  std::size_t index = 0;
  for (; (index + 1) * 8 <= bytes; ++index) {
    const std::uint64_t word = content(key, index);
    std::memcpy(to + index * 8, &word, 8);
  }
  const std::uint64_t last = content(key, index);
  std::memcpy(to + index * 8, &last, bytes % 8);
}

bool is_intact(std::span<const std::byte> frame, std::uint64_t seq) {
  const std::uint64_t key = key_of(seq);
  std::uint64_t difference = 0;
  std::size_t index = 0;
  for (; (index + 1) * 8 <= frame.size(); ++index) {
    std::uint64_t word = 0;
    std::memcpy(&word, frame.data() + index * 8, 8);
    difference |= word ^ content(key, index);
  }
  const std::uint64_t last = content(key, index);
  return difference == 0 && std::memcmp(frame.data() + index * 8, &last, frame.size() % 8) == 0;
}

// Sizes vary with the frame's number, so that a frame of another one does not pass.
std::size_t small_size(std::uint64_t seq) { return 16 + seq % 97; }

void move(const RingGeometry& geometry, std::uint64_t frames,
          const std::function<std::size_t(std::uint64_t)>& size) {
  constexpr std::uint64_t kFirst = 1'000'000'007;
  Rig rig({geometry}, 2, kFirst);
  const auto began = std::chrono::steady_clock::now();
  testing::Child writer([&] {
    Ports ports = rig.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
    for (std::uint64_t seq = kFirst; seq < kFirst + frames; ++seq) {
      if (ports.wait_for_room(seq) != Ports::Outcome::frame) return 1;
      const std::size_t bytes = size(seq);
      fill(ports.space(seq).data(), bytes, seq);
      must(ports.publish(seq, ports.space(seq).first(bytes)));
    }
    ports.announce_end(kFirst + frames);
    return 0;
  });
  Ports ports = rig.ports({{{0, {0, 1}}}, {}, 1, {1, 1}});
  std::uint64_t seq = 0, expected = kFirst, bytes = 0;
  for (; ports.claim(seq) == Ports::Outcome::frame; ++expected) {
    ASSERT_EQ(seq, expected);
    const auto frame = must(ports.read(0, seq));
    ASSERT_EQ(frame.bytes.size(), size(seq));
    ASSERT_TRUE(is_intact(frame.bytes, seq)) << "frame " << seq;
    bytes += frame.bytes.size();
    ports.free(seq);
  }
  EXPECT_EQ(expected, kFirst + frames);
  EXPECT_TRUE(writer.exits_with(0));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("  %.2f s, %.2f million frames/s, %.2f GB/s\n", seconds,
              static_cast<double>(frames) / seconds / 1e6, static_cast<double>(bytes) / seconds / 1e9);
}

TEST(TwoProcesses, MoveTenMillionSmallFrames) { move({64, kPageBytes}, 10'000'000 / kFraction, small_size); }

TEST(TwoProcesses, MoveTenGigabytesInLargeFrames) {
  const RingGeometry geometry{64, 256 * 1024};
  const std::size_t largest = geometry.frame_capacity();
  const std::uint64_t frames = 10'000'000'000 / (largest - 3) / kFraction + 1;
  move(geometry, frames, [largest](std::uint64_t seq) { return largest - seq % 7; });
}

TEST(TwoProcesses, MoveFramesThroughTheSmallestRing) {
  move({2, kPageBytes}, 300'000 / kFraction, small_size);
}

}  // namespace
}  // namespace datagen::ipc
