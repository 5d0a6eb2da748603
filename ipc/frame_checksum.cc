#include "ipc/frame_checksum.h"

#include <algorithm>
#include <cstring>

#include "ipc/checksum.h"

namespace datagen::ipc {

void FrameChecksum::add(const std::byte* frame, std::size_t end) {
  sum_ = checksum64(frame + done_, end - done_, sum_);
  done_ = end;
}

std::uint64_t FrameChecksum::finish(std::span<const std::byte> frame) const {
  if (frame.size() <= kPieceBytes) return checksum64(frame.data(), frame.size(), sum_);
  FrameChecksum all = *this;
  all.advance(frame.data(), frame.size());
  if (all.done_ < frame.size()) all.add(frame.data(), frame.size());
  return checksum64(frame.data(), kPieceBytes, all.sum_);
}

std::uint64_t frame_checksum(std::span<const std::byte> frame, std::uint64_t seq) {
  return FrameChecksum(seq).finish(frame);
}

std::uint64_t copy_frame(std::byte* to, std::span<const std::byte> frame, FrameChecksum sum,
                         FrameSteps* steps) {
  if (steps != nullptr) steps->begin(sum);
  const std::size_t first = std::min(frame.size(), FrameChecksum::kPieceBytes);
  for (std::size_t done = first; done < frame.size();) {
    const std::size_t piece = std::min(frame.size() - done, FrameChecksum::kPieceBytes);
    std::memcpy(to + done, frame.data() + done, piece);
    done += piece;
    // The copy, not the original: what is near, and what is going to be used.
    sum.advance(to, done);
    if (steps != nullptr && piece == FrameChecksum::kPieceBytes) steps->add(sum);
  }
  if (first > 0) std::memcpy(to, frame.data(), first);
  return sum.finish({to, frame.size()});
}

}  // namespace datagen::ipc
