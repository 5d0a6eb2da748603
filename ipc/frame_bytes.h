// The bytes of a published frame, wherever its producer placed them.
//
// Owner: the producer until the slot's word is FULL; then nobody writes them, and whoever holds the claim (or
// the launcher, while the word stands still) may read. The mapping of an overflow lives as long as
// FrameBytes; bytes in a block are valid until the slot is freed.
#pragma once

#include <cstddef>
#include <span>

#include "ipc/overflow.h"
#include "ipc/ring.h"

namespace datagen::ipc {

struct FrameBytes {
  std::span<const std::byte> bytes;
  Mapping overflow;  // keeps `bytes` mapped when they are not in the block
};

enum class Checksums { required, if_present };

// Frame `seq`, with every length checked against this process's own geometry, and its checksum.
// Errors: the block holds another frame, its header cannot be true, the bytes do not have the checksum (or,
// when `required`, have none), the overflow is gone or too short. All of them mean a damaged ring.
Result<FrameBytes> read_frame(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy,
                              Checksums checksums);

}  // namespace datagen::ipc
