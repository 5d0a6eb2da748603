// One edge of the graph: a ring of slots in shared memory, each holding one frame (see ipc/layout.h).
//
// Owner: the launcher creates the segment and removes its name; producers and consumers map it. A producer
// that dies before its one store leaves a FREE slot, and its half-written block is never looked at. A
// consumer that dies leaves CLAIMED slots, which the launcher turns back to FULL once the death is reaped.
//
// Lock-free; every method is safe to call from many processes. Slot words are the truth: whoever waits for a
// change re-reads them (see ipc/ports.h for waiting).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ipc/layout.h"
#include "ipc/result.h"
#include "ipc/segment.h"
#include "ipc/slot_word.h"

namespace datagen::ipc {

// GCC makes a fetch for reading of __builtin_prefetch(line, 1), unless it may count on this instruction;
// where a processor does not know it, it does nothing.
inline void fetch_line_to_write(const void* line) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1);
#endif
}

struct RingGeometry {
  std::uint32_t slots = 64;
  std::uint64_t block_bytes = 256 * 1024;  // a multiple of the page size, header and padding included

  // Errors: fewer than 2 slots, more than 65,536, blocks that are no multiple of a page or over 1 GiB.
  Result<void> check() const;
  std::uint64_t data_offset() const {
    return round_up(sizeof(RingHeader) + std::uint64_t{slots} * sizeof(Slot), kPageBytes);
  }
  std::uint64_t segment_bytes() const { return data_offset() + slots * block_bytes; }
  // Bytes of a frame that fit into a block.
  std::uint64_t frame_capacity() const { return block_bytes - sizeof(BlockHeader) - kReadPadding; }
  friend bool operator==(const RingGeometry&, const RingGeometry&) = default;
};

class Ring {
 public:
  // A consumer's mapping of the data is read-only; an observer's is read-only altogether.
  enum class Role { producer, consumer, observer };

  // Creates and initialises a segment whose first frame is `first_seq`; magic is stored last. Leaves nothing
  // behind when it fails. Errors: those of create_segment; a geometry or a number that cannot be.
  static Result<void> create(const std::string& name, const RingGeometry& geometry, std::uint64_t epoch,
                             std::uint64_t first_seq);

  // Maps an existing ring. Errors: wrong magic or version, or a header that differs from `expected`.
  static Result<Ring> attach(const std::string& name, const RingGeometry& expected, std::uint64_t epoch,
                             Role role);

  // Maps a ring as an observer, with the geometry read from its own header and checked against its size.
  static Result<Ring> observe(const std::string& name);

  const std::string& name() const { return name_; }
  const RingGeometry& geometry() const { return geometry_; }
  std::uint64_t epoch() const { return header_->epoch; }
  std::uint64_t first_seq() const { return first_seq_; }
  std::uint32_t capacity() const { return geometry_.slots; }

  SlotWord word(std::uint64_t seq) const { return SlotWord(slot(seq).word.load(std::memory_order_acquire)); }

  // A hint: asks for what a publish is going to write, all lines at once. The other side read or wrote them
  // last, and stores wait for their lines one after the other.
  void fetch_to_write(std::uint64_t seq) const {
    fetch_line_to_write(block_header(seq));
    fetch_line_to_write(block_header(seq) + 1);
    fetch_line_to_write(&slot(seq));
  }
  // FULL(seq) → CLAIMED(seq, owner). False when another was faster or the frame is not there.
  bool claim(std::uint64_t seq, std::uint32_t owner);
  // CLAIMED(seq, owner) → FULL(seq), for an owner that is proven dead (launcher only). False if it has moved
  // on.
  bool take_back(std::uint64_t seq, std::uint32_t owner);
  // FREE(seq) → FULL(seq): the one store that makes the frame visible. Block and header are written before.
  void publish(std::uint64_t seq);
  // FULL or CLAIMED(seq) → FREE(seq + capacity). Without effect when that has happened already (redo).
  void free(std::uint64_t seq);

  // End of stream: one past the last frame, or kNoEnd.
  std::uint64_t end_seq() const { return header_->end_seq.load(std::memory_order_acquire); }
  void set_end_seq(std::uint64_t seq) { header_->end_seq.store(seq, std::memory_order_seq_cst); }
  // All frames below end_seq are freed.
  bool is_drained() const;

  // Where a successor goes on: the lowest frame that is not freed, and the lowest that is not published (that
  // of a producer which publishes in order). From the slot words alone, so true after any death.
  std::uint64_t oldest_unfreed() const;
  std::uint64_t first_unpublished() const;

  // The slot's block: header, then frame_capacity() bytes, then padding.
  BlockHeader* block_header(std::uint64_t seq) const {
    return reinterpret_cast<BlockHeader*>(data_.data() + index(seq) * geometry_.block_bytes);
  }
  // A copy, each field read once: what was checked is what is used.
  BlockHeader read_block_header(std::uint64_t seq) const;
  std::span<std::byte> frame_space(std::uint64_t seq) const {
    return {reinterpret_cast<std::byte*>(block_header(seq) + 1), geometry_.frame_capacity()};
  }

  // Words that no correct process makes (malformed, a frame of another slot or before the first or behind the
  // end), as text; empty when all are sound. Read, check, read again: a word that changes in between was
  // written by a living process and is skipped.
  std::string unsound_words() const;

 private:
  // Of the frame's slot. Rings of a power of two of them, which most are, are spared some ten divisions at
  // each hand-over.
  std::uint64_t index(std::uint64_t seq) const { return mask_ != 0 ? seq & mask_ : seq % geometry_.slots; }
  Slot& slot(std::uint64_t seq) const { return slots_[index(seq)]; }

  std::string name_;
  RingGeometry geometry_;
  std::uint64_t mask_ = 0;  // slots - 1, where that is a mask
  std::uint64_t first_seq_ = 0;
  Mapping control_;  // header and slots
  Mapping data_;     // blocks
  RingHeader* header_ = nullptr;
  Slot* slots_ = nullptr;
};

// Inline: what each hand-over of a frame calls.

inline bool Ring::claim(std::uint64_t seq, std::uint32_t owner) {
  // What is read next comes while the word is waited for.
  __builtin_prefetch(block_header(seq));
  __builtin_prefetch(block_header(seq) + 1);
  std::uint64_t expected = SlotWord::full(seq).bits();
  return slot(seq).word.compare_exchange_strong(expected, SlotWord::claimed(seq, owner).bits(),
                                                std::memory_order_acq_rel, std::memory_order_relaxed);
}

inline void Ring::publish(std::uint64_t seq) {
  const SlotWord before = word(seq);
  DATAGEN_CHECK(before == SlotWord::free(seq), "ring %s seq %llu word %llx", name_.c_str(),
                static_cast<unsigned long long>(seq), static_cast<unsigned long long>(before.bits()));
  slot(seq).word.store(SlotWord::full(seq).bits(), std::memory_order_release);
}

inline void Ring::free(std::uint64_t seq) {
  const SlotWord before = word(seq);
  if (before.seq() > seq) return;  // a worker that died after this very store did it
  DATAGEN_CHECK(before.seq() == seq && before.state() != SlotState::free, "ring %s seq %llu word %llx",
                name_.c_str(), static_cast<unsigned long long>(seq),
                static_cast<unsigned long long>(before.bits()));
  slot(seq).word.store(SlotWord::free(seq + geometry_.slots).bits(), std::memory_order_release);
}

inline BlockHeader Ring::read_block_header(std::uint64_t seq) const {
  // volatile: the compiler may neither read a field twice nor take it from memory again later.
  const volatile BlockHeader* header = block_header(seq);
  BlockHeader copy{};
  copy.seq = header->seq;
  copy.frame_bytes = header->frame_bytes;
  copy.checksum = header->checksum;
  copy.placement = header->placement;
  copy.has_checksum = header->has_checksum;
  return copy;
}

}  // namespace datagen::ipc
