#include "ipc/frame_bytes.h"

#include <cstring>
#include <string>

namespace datagen::ipc {

namespace {

Error damaged(const Ring& ring, std::uint64_t seq, const char* what) {
  return Error("ring " + ring.name() + ", frame " + std::to_string(seq) + ": " + what);
}

// Where the frame lies, not looked at yet. Errors: those of read_frame, but for the checksum that is wrong.
Result<FrameBytes> find_frame(const Ring& ring, std::uint64_t seq, const BlockHeader& header,
                              const OverflowPolicy& policy, Checksums checksums) {
  if (header.seq != seq) return damaged(ring, seq, "the block holds another frame");
  FrameBytes frame;
  if (header.placement == Placement::block) {
    if (header.frame_bytes > ring.geometry().frame_capacity())
      return damaged(ring, seq, "longer than its block");
    frame.bytes = ring.frame_space(seq).first(header.frame_bytes);
  } else if (header.placement == Placement::segment || header.placement == Placement::file) {
    if (header.frame_bytes > kFrameBytesMax) return damaged(ring, seq, "longer than any frame may be");
    if (header.frame_bytes <= ring.geometry().frame_capacity())
      return damaged(ring, seq, "elsewhere, though it fits its block");
    DATAGEN_TRY(frame.overflow, map_overflow(ring, seq, header.placement, header.frame_bytes, policy));
    frame.bytes = std::span<const std::byte>(frame.overflow.data(), header.frame_bytes);
  } else {
    return damaged(ring, seq, "unknown placement");
  }
  if (header.has_checksum == 0 && checksums == Checksums::required) return damaged(ring, seq, "no checksum");
  return frame;
}

}  // namespace

Result<FrameBytes> read_frame(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                              Checksums checksums) {
  const BlockHeader header = ring.read_block_header(seq);
  auto frame = find_frame(ring, seq, header, policy, checksums);
  if (frame && header.has_checksum != 0 && frame_checksum(frame.assume_value().bytes, seq) != header.checksum)
    return damaged(ring, seq, "wrong checksum");
  return frame;
}

Result<std::span<std::byte>> read_copy(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                                       Checksums checksums, std::span<std::byte> to, FrameSteps* steps) {
  const BlockHeader header = ring.read_block_header(seq);
  DATAGEN_TRY(const FrameBytes frame, find_frame(ring, seq, header, policy, checksums));
  const std::span<const std::byte> bytes = frame.bytes;
  if (bytes.size() > to.size()) return damaged(ring, seq, "longer than the room that it is to be copied to");
  if (header.has_checksum == 0) {
    if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
  } else if (copy_frame(to.data(), bytes, FrameChecksum(seq), steps) != header.checksum) {
    return damaged(ring, seq, "wrong checksum");
  }
  return to.first(bytes.size());
}

std::uint64_t frame_length(const Ring& ring, std::uint64_t seq) {
  return ring.read_block_header(seq).frame_bytes;
}

}  // namespace datagen::ipc
