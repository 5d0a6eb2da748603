// Where a frame goes that is too large for its slot's block: a shared-memory segment of its own, or, when
// the limit for those is reached or /dev/shm is full, a file in the run directory.
//
// Owner: the producer writes it before it publishes the slot; the consumer removes it before it frees the
// slot. The name follows from ring and slot, so whoever cleans up after a run knows all names. The block
// header's `placement` is stored before the object is made and stays when it is removed: the slot's next
// producer that needs no overflow finds it there and removes what a dead predecessor may have left.
//
// The limit counts frames that are published; those that sibling workers are writing at this moment come on
// top, one per worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "ipc/ring.h"

namespace datagen::ipc {

struct OverflowPolicy {
  std::string directory;                        // for files; created when first needed
  std::uint64_t segment_bytes_max = 256 << 20;  // over all slots of a ring
};

// Writes `frame` for slot seq and fills the slot's block header. Never waits for room.
// Errors: neither /dev/shm nor the directory can take it.
Result<void> write_overflow(Ring& ring, std::uint64_t seq, std::span<const std::byte> frame,
                            const OverflowPolicy& policy);

// Maps the overflow of a claimed slot, read-only, with kReadPadding readable bytes behind it.
Result<Mapping> map_overflow(const Ring& ring, std::uint64_t seq, Placement placement,
                             std::uint64_t frame_bytes, const OverflowPolicy& policy);

// Removes the overflow of a slot, in whichever place it is, if there is one. May be repeated.
void remove_overflow(const Ring& ring, std::uint64_t seq, const OverflowPolicy& policy) noexcept;

}  // namespace datagen::ipc
