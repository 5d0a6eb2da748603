// The checksum of a frame: the same however it is taken, and another for another frame.
#include "ipc/frame_checksum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace datagen::ipc {
namespace {

constexpr std::size_t kPiece = FrameChecksum::kPieceBytes;
constexpr std::size_t kSizes[] = {0,          1,          64,         kPiece - 1,     kPiece,
                                  kPiece + 1, 2 * kPiece, 3 * kPiece, 5 * kPiece + 77};

std::vector<std::byte> random_frame(std::size_t bytes) {
  std::mt19937_64 random(bytes);
  std::vector<std::byte> frame(bytes);
  for (std::byte& byte : frame) byte = static_cast<std::byte>(random());
  return frame;
}

TEST(FrameChecksum, IsWhatTheRingFormatSays) {
  const auto small = random_frame(1000);
  EXPECT_EQ(frame_checksum(small, 7), XXH3_64bits_withSeed(small.data(), small.size(), 7));
  const auto frame = random_frame(2 * kPiece + 5);
  const auto second = XXH3_64bits_withSeed(frame.data() + kPiece, kPiece, 7);
  const auto third = XXH3_64bits_withSeed(frame.data() + 2 * kPiece, 5, second);
  EXPECT_EQ(frame_checksum(frame, 7), XXH3_64bits_withSeed(frame.data(), kPiece, third));
}

TEST(FrameChecksum, IsTheSameInSteps) {
  for (const std::size_t size : kSizes) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{353}, kPiece, 3 * kPiece}) {
      auto frame = random_frame(size);
      FrameChecksum sum(9);
      for (std::size_t end = 0; end < size; end += step) sum.advance(frame.data(), end);
      if (size > 0) frame[0] = std::byte{1};  // as a header, which is written last
      EXPECT_EQ(sum.finish(frame), frame_checksum(frame, 9)) << size << " in steps of " << step;
    }
  }
}

TEST(FrameChecksum, IsTheSameForWhatIsCopied) {
  for (const std::size_t size : kSizes) {
    const auto frame = random_frame(size);
    for (const std::size_t known : {std::size_t{0}, size / 2, size}) {
      FrameChecksum sum(3);
      sum.advance(frame.data(), known);
      std::vector<std::byte> copy(size);
      EXPECT_EQ(copy_frame(copy.data(), frame, sum), frame_checksum(frame, 3)) << size << ", " << known;
      EXPECT_EQ(copy, frame);
    }
  }
}

TEST(FrameChecksum, TellsFramesApart) {
  for (const std::size_t size : kSizes) {
    auto frame = random_frame(size);
    std::set<std::uint64_t> seen;
    std::size_t frames = 0;
    const auto see = [&](std::span<const std::byte> bytes, std::uint64_t seq) {
      seen.insert(frame_checksum(bytes, seq));
      EXPECT_EQ(seen.size(), ++frames) << size << " bytes, frame " << seq;
    };
    for (std::uint64_t seq = 0; seq < 100; ++seq) see(frame, seq);
    for (std::size_t at = 0; at < size; at += 997) {  // one bit
      const auto before = frame[at];
      frame[at] ^= static_cast<std::byte>(1 << at % 8);
      see(frame, 0);
      frame[at] = before;
    }
    if (size > 0) see(std::span(frame).first(size - 1), 0);
    if (size >= 3 * kPiece) {  // pieces in another order
      std::swap_ranges(frame.begin() + kPiece, frame.begin() + 2 * kPiece, frame.begin() + 2 * kPiece);
      see(frame, 0);
    }
  }
}

// A block whose producer wrote only a part of it anew.
TEST(FrameChecksum, TellsATornFrame) {
  const auto before = random_frame(4 * kPiece);
  auto frame = random_frame(4 * kPiece + 1);
  frame.pop_back();
  const std::uint64_t sum = frame_checksum(frame, 5);
  for (std::size_t cut = 64; cut < frame.size(); cut += 64) {
    auto torn = frame;
    std::copy(before.begin() + static_cast<std::ptrdiff_t>(cut), before.end(),
              torn.begin() + static_cast<std::ptrdiff_t>(cut));
    ASSERT_NE(frame_checksum(torn, 5), sum) << cut;
  }
}

}  // namespace
}  // namespace datagen::ipc
