#include "ipc/frame_bytes.h"

#include <cstring>
#include <string>
#include <utility>

namespace datagen::ipc {

namespace {

Error damaged(const Ring& ring, std::uint64_t seq, const char* what) {
  return Error("ring " + ring.name() + ", frame " + std::to_string(seq) + ": " + what);
}

// Nothing, or what cannot be true of what the header says.
const char* find_damage(const Ring& ring, std::uint64_t seq, const BlockHeader& header, Checksums checksums) {
  if (header.seq != seq) return "the block holds another frame";
  const bool fits = header.frame_bytes <= ring.geometry().frame_capacity();
  if (header.placement == Placement::block) {
    if (!fits) return "longer than its block";
  } else if (header.placement == Placement::segment || header.placement == Placement::file) {
    if (header.frame_bytes > kFrameBytesMax) return "longer than any frame may be";
    if (fits) return "elsewhere, though it fits its block";
  } else {
    return "unknown placement";
  }
  return header.has_checksum == 0 && checksums == Checksums::required ? "no checksum" : nullptr;
}

// The bytes that a header names that was found to be sound; they are not looked at.
Result<FrameBytes> map_frame(const Ring& ring, std::uint64_t seq, const BlockHeader& header,
                             const OverflowPolicy& policy) {
  DATAGEN_TRY(auto mapping, map_overflow(ring, seq, header.placement, header.frame_bytes, policy));
  FrameBytes frame;
  frame.overflow = std::make_unique<Mapping>(std::move(mapping));
  frame.bytes = std::span<const std::byte>(frame.overflow->data(), header.frame_bytes);
  return frame;
}

std::span<const std::byte> in_block(const Ring& ring, std::uint64_t seq, const BlockHeader& header) {
  return {ring.frame_space(seq).data(), header.frame_bytes};
}

}  // namespace

Result<FrameBytes> read_frame(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                              Checksums checksums) {
  const BlockHeader header = ring.read_block_header(seq);
  if (const char* damage = find_damage(ring, seq, header, checksums)) return damaged(ring, seq, damage);
  FrameBytes frame;
  if (header.placement == Placement::block) {
    frame.bytes = in_block(ring, seq, header);
  } else {
    DATAGEN_TRY(frame, map_frame(ring, seq, header, policy));
  }
  if (header.has_checksum != 0 && frame_checksum(frame.bytes, seq) != header.checksum)
    return damaged(ring, seq, "wrong checksum");
  return frame;
}

Result<std::span<std::byte>> read_copy(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                                       Checksums checksums, std::span<std::byte> to, FrameSteps* steps) {
  const BlockHeader header = ring.read_block_header(seq);
  if (const char* damage = find_damage(ring, seq, header, checksums)) return damaged(ring, seq, damage);
  if (header.frame_bytes > to.size())
    return damaged(ring, seq, "longer than the room that it is to be copied to");
  FrameBytes frame;
  if (header.placement == Placement::block) {
    frame.bytes = in_block(ring, seq, header);
  } else {
    DATAGEN_TRY(frame, map_frame(ring, seq, header, policy));
  }
  const std::span<const std::byte> bytes = frame.bytes;
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
