// Frames that are copied out of a ring and checked in that pass: what arrives is the frame, or an error,
// whatever byte of it is damaged.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "ipc/frame_checksum.h"
#include "tests/ipc/rig.h"

namespace datagen::ipc {
namespace {

using testing::error_of;
using testing::must;
using testing::Rig;

constexpr std::size_t kPiece = FrameChecksum::kPieceBytes;
constexpr RingGeometry kBlocks{2, 20 * kPageBytes};
const std::size_t kCapacity = kBlocks.frame_capacity();

std::vector<std::byte> random_frame(std::size_t bytes) {
  std::mt19937_64 random(bytes);
  std::vector<std::byte> frame(bytes);
  for (std::byte& byte : frame) byte = static_cast<std::byte>(random());
  return frame;
}

// One frame in a ring, which can be damaged, and its reader.
class OneFrame {
 public:
  explicit OneFrame(std::span<const std::byte> frame, bool checksums = true) : rig_({kBlocks}, 2) {
    rig_.checksums = checksums;
    Ports source = rig_.ports({{}, {{0, {1, 1}}}, 0, {0, 1}});
    must(source.publish(0, frame));
    sink_.emplace(rig_.ports({{{0, {0, 1}}}, {}, 1, {1, 1}}));
    ring_.emplace(rig_.ring(0));
  }
  Result<std::span<std::byte>> copy(std::span<std::byte> to, FrameSteps* steps = nullptr) {
    return sink_->copy(0, 0, to, steps);
  }
  bool fits(std::span<const std::byte> to) const { return sink_->fits(0, 0, to); }
  BlockHeader& header() { return *ring_->block_header(0); }
  std::byte& at(std::size_t position) { return ring_->frame_space(0)[position]; }

 private:
  Rig rig_;
  std::optional<Ports> sink_;
  std::optional<Ring> ring_;
};

TEST(FrameCopy, IsTheFrame) {
  for (const bool checksums : {true, false}) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, 2 * kPiece, kCapacity,
          kCapacity + 1, 9 * kPiece + 7}) {  // the last two in an overflow
      const auto frame = random_frame(size);
      OneFrame one(frame, checksums);
      std::vector<std::byte> to(size + 3, std::byte{0x5a});
      const auto copy = must(one.copy(to));
      ASSERT_EQ(copy.data(), to.data());
      EXPECT_TRUE(std::ranges::equal(copy, frame)) << size;
      for (std::size_t behind = size; behind < to.size(); ++behind) EXPECT_EQ(to[behind], std::byte{0x5a});
      EXPECT_TRUE(one.fits(std::span(to).first(size)));
    }
  }
}

TEST(FrameCopy, EveryDamagedByteOfASmallFrameIsSeen) {
  const auto frame = random_frame(300);
  OneFrame one(frame);
  std::vector<std::byte> to(kCapacity);
  for (std::size_t position = 0; position < frame.size(); ++position) {
    for (const int bit : {0, 7}) {
      const auto flip = static_cast<std::byte>(1 << bit);
      one.at(position) ^= flip;
      EXPECT_NE(error_of(one.copy(to)).find("wrong checksum"), std::string::npos) << position;
      one.at(position) ^= flip;
    }
  }
  EXPECT_TRUE(one.copy(to));
}

TEST(FrameCopy, DamageAtTheEdgesOfPiecesIsSeen) {
  for (const std::size_t size : {3 * kPiece, 3 * kPiece + 1, 4 * kPiece - 1}) {
    OneFrame one(random_frame(size));
    std::vector<std::byte> to(kCapacity);
    for (std::size_t edge = 0; edge <= size; edge += kPiece) {
      for (std::size_t position = edge < 65 ? 0 : edge - 65; position < std::min(edge + 65, size);
           ++position) {
        one.at(position) ^= std::byte{16};
        ASSERT_FALSE(one.copy(to)) << position << " of " << size;
        one.at(position) ^= std::byte{16};
      }
    }
    EXPECT_TRUE(one.copy(to));
  }
}

TEST(FrameCopy, WhatItsHeaderSaysIsBounded) {
  const auto frame = random_frame(2 * kPiece);
  OneFrame one(frame);
  std::vector<std::byte> to(kCapacity + 64, std::byte{0x5a});
  const auto room = std::span(to).first(kCapacity);
  const auto with = [&](const std::function<void(BlockHeader&)>& change) {
    const BlockHeader before = one.header();
    change(one.header());
    const std::string error = error_of(one.copy(room));
    one.header() = before;
    return error;
  };
  EXPECT_NE(with([](auto& header) { header.frame_bytes = kCapacity + 1; }).find("longer than its block"),
            std::string::npos);
  EXPECT_NE(with([](auto& header) { header.frame_bytes = ~std::uint64_t{0}; }).find("longer"),
            std::string::npos);
  EXPECT_NE(with([](auto& header) { header.frame_bytes -= 1; }).find("wrong checksum"), std::string::npos);
  EXPECT_NE(with([](auto& header) { header.frame_bytes = 0; }).find("wrong checksum"), std::string::npos);
  EXPECT_NE(with([](auto& header) { header.frame_bytes = kCapacity; }).find("wrong checksum"),
            std::string::npos);
  EXPECT_NE(with([](auto& header) { header.seq = 2; }).find("another frame"), std::string::npos);
  EXPECT_NE(with([](auto& header) { header.checksum ^= 1; }).find("wrong checksum"), std::string::npos);
  EXPECT_NE(with([](auto& header) { header.has_checksum = 0; }).find("no checksum"), std::string::npos);
  EXPECT_NE(with([](auto& header) { header.placement = Placement::segment; }).find("fits its block"),
            std::string::npos);
  for (std::size_t behind = kCapacity; behind < to.size(); ++behind) EXPECT_EQ(to[behind], std::byte{0x5a});
}

TEST(FrameCopy, NothingIsCopiedWhereThereIsNoRoom) {
  const auto frame = random_frame(2 * kPiece);
  OneFrame one(frame);
  std::vector<std::byte> to(frame.size(), std::byte{0x5a});
  const auto room = std::span(to).first(frame.size() - 1);
  EXPECT_FALSE(one.fits(room));
  EXPECT_NE(error_of(one.copy(room)).find("longer than the room"), std::string::npos);
  EXPECT_EQ(to, std::vector<std::byte>(frame.size(), std::byte{0x5a}));
}

// A frame of the same number that differs in its first piece, and behind `end`.
TEST(FrameCopy, ItsStepsAreThoseOfAFrameThatBeginsAlike) {
  const auto frame = random_frame(4 * kPiece + 100);
  OneFrame one(frame);
  std::vector<std::byte> to(kCapacity);
  FrameSteps steps;
  must(one.copy(to, &steps));
  for (std::size_t end = 0; end <= frame.size(); end += end < 3 ? 1 : kPiece / 2 - 1) {
    auto other = frame;
    other.front() ^= std::byte{1};
    for (std::size_t behind = std::max<std::size_t>(end, 1); behind < other.size(); behind += 50)
      other[behind] ^= std::byte{2};
    other.resize(other.size() + 500);
    EXPECT_EQ(steps.before(end).finish(other), frame_checksum(other, 0)) << end;
  }
}

}  // namespace
}  // namespace datagen::ipc
