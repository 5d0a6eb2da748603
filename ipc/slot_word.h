// The 64-bit word of a ring slot: which frame is in it, in which state, and who holds it.
//
//   FREE(n) --producer writes the block, one store--> FULL(n) --consumer's CAS--> CLAIMED(n, owner)
//      ^                                                ^                              |
//      |                                                +---- owner proven dead -------+
//      +--------- FREE(n + capacity) <---- output n published on every out-edge -------+
#pragma once

#include <cstdint>

namespace datagen::ipc {

enum class SlotState : std::uint8_t { free = 0, full = 1, claimed = 2 };

// Bits: 0-1 state, 2-15 owner (worker cell + 1; 0 unless claimed), 16-63 seq.
class SlotWord {
 public:
  static constexpr std::uint64_t kSeqMax = (std::uint64_t{1} << 48) - 1;
  static constexpr std::uint32_t kOwnerMax = (1u << 14) - 1;

  constexpr SlotWord() = default;
  constexpr explicit SlotWord(std::uint64_t bits) : bits_(bits) {}
  static constexpr SlotWord free(std::uint64_t seq) { return SlotWord(seq << 16); }
  static constexpr SlotWord full(std::uint64_t seq) { return SlotWord(seq << 16 | 1); }
  static constexpr SlotWord claimed(std::uint64_t seq, std::uint32_t owner) {
    return SlotWord(seq << 16 | std::uint64_t{owner} << 2 | 2);
  }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::uint64_t seq() const { return bits_ >> 16; }
  constexpr std::uint32_t owner() const { return (bits_ >> 2) & kOwnerMax; }
  constexpr SlotState state() const { return static_cast<SlotState>(bits_ & 3); }
  constexpr bool is_full(std::uint64_t seq) const { return bits_ == full(seq).bits_; }
  constexpr bool is_claimed_by(std::uint32_t owner) const {
    return state() == SlotState::claimed && this->owner() == owner;
  }

  // Frame n has been published here, whether it is still in the slot or already consumed.
  constexpr bool has_published(std::uint64_t n) const {
    return seq() > n || (seq() == n && state() != SlotState::free);
  }
  // A worker holding frame n may go on to publish: there is room, or n is published already. Asking for
  // FREE(n) only would deadlock after a death between publishing n and freeing its input.
  constexpr bool has_room_for(std::uint64_t n) const { return seq() >= n; }

  // Words that no correct writer makes: state 3, or an owner where there can be none.
  constexpr bool is_well_formed() const {
    return (bits_ & 3) != 3 && ((state() == SlotState::claimed) == (owner() != 0));
  }
  friend constexpr bool operator==(SlotWord, SlotWord) = default;

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace datagen::ipc
