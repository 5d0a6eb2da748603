#include "ipc/frame_bytes.h"

#include <string>

#include "ipc/frame_checksum.h"

namespace datagen::ipc {

Result<FrameBytes> read_frame(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                              Checksums checksums) {
  const BlockHeader header = ring.read_block_header(seq);
  const auto damaged = [&](const char* what) {
    return Error("ring " + ring.name() + ", frame " + std::to_string(seq) + ": " + what);
  };
  if (header.seq != seq) return damaged("the block holds another frame");
  FrameBytes frame;
  if (header.placement == Placement::block) {
    if (header.frame_bytes > ring.geometry().frame_capacity()) return damaged("longer than its block");
    frame.bytes = ring.frame_space(seq).first(header.frame_bytes);
  } else if (header.placement == Placement::segment || header.placement == Placement::file) {
    if (header.frame_bytes > kFrameBytesMax) return damaged("longer than any frame may be");
    if (header.frame_bytes <= ring.geometry().frame_capacity())
      return damaged("elsewhere, though it fits its block");
    DATAGEN_TRY(frame.overflow, map_overflow(ring, seq, header.placement, header.frame_bytes, policy));
    frame.bytes = std::span<const std::byte>(frame.overflow.data(), header.frame_bytes);
  } else {
    return damaged("unknown placement");
  }
  if (header.has_checksum == 0 && checksums == Checksums::required) return damaged("no checksum");
  if (header.has_checksum != 0 && frame_checksum(frame.bytes, seq) != header.checksum) {
    return damaged("wrong checksum");
  }
  return frame;
}

}  // namespace datagen::ipc
