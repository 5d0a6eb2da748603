// The checksum of a frame, taken piece by piece, so that who builds a frame hashes what is final of it while
// it is still in the nearest cache, instead of all of it once more at the end.
//
// The pieces are hashed in their order, but the first one last, because a frame's header stands there and is
// written when all else is known. The hash of each is the seed of the next, and the frame's number that of
// the first to be hashed: so it is also the checksum of the order, and an older frame of the same slot does
// not pass for this one. A frame of one piece is hashed at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ipc/result.h"

namespace datagen::ipc {

class FrameChecksum {
 public:
  // Part of the ring format. Two of them, where one is copied to the other, fit the nearest cache.
  static constexpr std::size_t kPieceBytes = 16 * 1024;

  // Of frame `seq`, of which nothing is final yet.
  explicit FrameChecksum(std::uint64_t seq = 0) : sum_(seq) {}

  // What stands before `end` stays as it is from here on, but for the first piece.
  void advance(const std::byte* frame, std::size_t end) {
    while (end >= done_ + kPieceBytes) add(frame, done_ + kPieceBytes);
  }
  // Of the whole frame, which may be another from where advance() has not been yet.
  std::uint64_t finish(std::span<const std::byte> frame) const;

 private:
  void add(const std::byte* frame, std::size_t end);

  std::uint64_t sum_;
  std::size_t done_ = kPieceBytes;  // everything before it but the first piece is in the sum
};

// Of a frame that is there as a whole.
std::uint64_t frame_checksum(std::span<const std::byte> frame, std::uint64_t seq);

// What was known of a frame's checksum at each of its pieces: for another frame of that number which begins
// with the same bytes, but for those in the first piece.
class FrameSteps {
 public:
  void begin(const FrameChecksum& nothing) { steps_.assign(1, nothing); }
  void add(const FrameChecksum& sum) { steps_.push_back(sum); }
  // Of what stands before `end`.
  const FrameChecksum& before(std::size_t end) const {
    DATAGEN_CHECK(!steps_.empty(), "nothing was hashed before %zu", end);
    return steps_[std::min(std::max<std::size_t>(end / FrameChecksum::kPieceBytes, 1), steps_.size()) - 1];
  }

 private:
  std::vector<FrameChecksum> steps_;
};

// Copies a frame to `to`, piece by piece; the checksum of the copy, taken while each piece is near. `sum` may
// know a part of it. `steps`, when given, gets the sum as it was behind each whole piece.
std::uint64_t copy_frame(std::byte* to, std::span<const std::byte> frame, FrameChecksum sum,
                         FrameSteps* steps = nullptr);

}  // namespace datagen::ipc
