// The bytes of a published frame, wherever its producer placed them.
//
// Owner: the producer until the slot's word is FULL; then nobody writes them, and whoever holds the claim (or
// the launcher, while the word stands still) may read. The mapping of an overflow lives as long as
// FrameBytes; bytes in a block are valid until the slot is freed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "ipc/frame_checksum.h"
#include "ipc/overflow.h"
#include "ipc/ring.h"

namespace datagen::ipc {

struct FrameBytes {
  std::span<const std::byte> bytes;
  // Keeps `bytes` mapped when they are not in the block. A pointer, so that a frame that is there, as nearly
  // all are, moves cheaply to whoever reads it.
  std::unique_ptr<Mapping> overflow;
};

enum class Checksums { required, if_present };

// Frame `seq`, with every length checked against this process's own geometry, and its checksum.
// Errors: the block holds another frame, its header cannot be true, the bytes do not have the checksum (or,
// when `required`, have none), the overflow is gone or too short. All of them mean a damaged ring.
Result<FrameBytes> read_frame(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                              Checksums checksums);

// Copies frame `seq` to the beginning of `to` and checks the copy in the same pass, piece by piece: the frame
// comes from the other processor once, and is hashed when it is near. For who wants a copy anyway.
//
// Before it is checked nothing of the frame decides anything but its length, which is bounded by the block
// (or kFrameBytesMax) and by `to`. Until this has returned what stands in `to` means nothing, and when it
// fails it never will. What was checked is what is used: a wild write to the ring afterwards does not reach
// the copy. Errors: those of read_frame; longer than `to`, which is no damage, so ask frame_length() where
// that can be.
Result<std::span<std::byte>> read_copy(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                                       Checksums checksums, std::span<std::byte> to, FrameSteps* steps);

// What the header of frame `seq` says; not checked.
std::uint64_t frame_length(const Ring& ring, std::uint64_t seq);

}  // namespace datagen::ipc
