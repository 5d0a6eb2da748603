// The bytes of a ring segment. docs/ring_format.md describes them for readers in other languages; a change
// here changes kLayoutVersion and that document.
//
//   RingHeader | Slot[slots] | padding to a page | Block[slots], each block_bytes long
//
// Only fixed-width fields, no pointers. Slot words and header words are the only bytes written by more than
// one process; a block is written by the one producer that fills its slot, and by nobody once it is FULL.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace datagen::ipc {

constexpr std::uint64_t kRingMagic = 0x31676e6952474431;  // "1DGRing1"
constexpr std::uint32_t kLayoutVersion = 3;
// Fixed here, not taken from the compiler: the value is part of a format shared between builds.
constexpr std::size_t kCacheLine = 64;
constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};

using AtomicWord = std::atomic<std::uint64_t>;
static_assert(AtomicWord::is_always_lock_free && sizeof(AtomicWord) == 8);

struct alignas(kCacheLine) RingHeader {
  AtomicWord magic;  // stored last by the creator: a segment with it is complete
  std::uint32_t version;
  std::uint32_t slots;
  std::uint64_t block_bytes;
  std::uint64_t data_offset;
  std::uint64_t segment_bytes;
  std::uint64_t epoch;
  std::uint64_t first_seq;  // number of the first frame of this epoch
  std::uint64_t reserved0;
  alignas(kCacheLine) AtomicWord end_seq;  // one past the last frame; kNoEnd while the stream is open
};
static_assert(sizeof(RingHeader) == 2 * kCacheLine && offsetof(RingHeader, end_seq) == kCacheLine);

struct alignas(kCacheLine) Slot {
  AtomicWord word;  // SlotWord
};
static_assert(sizeof(Slot) == kCacheLine);

enum class Placement : std::uint32_t { block = 0, segment = 1, file = 2 };

// At the start of each block; written by the producer before the slot's word becomes FULL.
struct alignas(kCacheLine) BlockHeader {
  std::uint64_t seq;
  std::uint64_t frame_bytes;  // length of the frame, wherever it is placed
  std::uint64_t checksum;     // ipc/frame_checksum.h; 0 when checksums are off
  Placement placement;        // in this block, or in an overflow segment or file of the slot
  std::uint32_t has_checksum;
};
static_assert(sizeof(BlockHeader) == kCacheLine);

// Bytes behind a frame that may be read, though they mean nothing: simdjson reads in whole vectors.
constexpr std::uint64_t kReadPadding = 64;

// A bound for lengths that are read from shared memory, so that sums with them cannot wrap.
constexpr std::uint64_t kFrameBytesMax = std::uint64_t{1} << 40;

}  // namespace datagen::ipc
