#include "ipc/ring.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace datagen::ipc {

namespace {
// Half of what a slot word can number: no run comes near the wrap.
constexpr std::uint64_t kFirstSeqMax = SlotWord::kSeqMax / 2;
}  // namespace

Result<void> RingGeometry::check() const {
  if (slots < 2 || slots > 65536) {
    return Error("a ring has 2 to 65536 slots, not " + std::to_string(slots));
  }
  if (block_bytes == 0 || block_bytes % kPageBytes != 0 || block_bytes > (std::uint64_t{1} << 30)) {
    return Error("a ring's block is a multiple of 4096 bytes and at most 1 GiB, not " +
                 std::to_string(block_bytes));
  }
  return success();
}

Result<void> Ring::create(const std::string& name, const RingGeometry& geometry, std::uint64_t epoch,
                          std::uint64_t first_seq) {
  DATAGEN_TRY(geometry.check());
  if (first_seq > kFirstSeqMax) return Error("a ring cannot begin with frame " + std::to_string(first_seq));
  DATAGEN_TRY(create_segment(name, geometry.segment_bytes()));
  auto mapping = map_segment(name, Access::read_write, 0, geometry.data_offset());
  if (!mapping) {
    remove_segment(name);
    return std::move(mapping).as_failure();
  }
  std::byte* base = mapping.value().data();
  auto* header = new (base) RingHeader{};
  header->version = kLayoutVersion;
  header->slots = geometry.slots;
  header->block_bytes = geometry.block_bytes;
  header->data_offset = geometry.data_offset();
  header->segment_bytes = geometry.segment_bytes();
  header->epoch = epoch;
  header->first_seq = first_seq;
  header->end_seq.store(kNoEnd, std::memory_order_relaxed);
  auto* slots = new (base + sizeof(RingHeader)) Slot[geometry.slots];
  for (std::uint64_t seq = first_seq; seq < first_seq + geometry.slots; ++seq) {
    slots[seq % geometry.slots].word.store(SlotWord::free(seq).bits(), std::memory_order_relaxed);
  }
  header->magic.store(kRingMagic, std::memory_order_release);
  return success();
}

namespace {

// The header's own idea of the geometry; checked before anything else of the segment is touched.
Result<RingGeometry> read_geometry(const RingHeader& header, const std::string& name) {
  if (header.magic.load(std::memory_order_acquire) != kRingMagic) {
    return Error("shared memory " + name + " is not a ring, or its creation was not finished (wrong magic)");
  }
  if (header.version != kLayoutVersion) {
    return Error("ring " + name + " has layout version " + std::to_string(header.version) +
                 "; this build knows " + std::to_string(kLayoutVersion));
  }
  RingGeometry geometry{header.slots, header.block_bytes};
  DATAGEN_TRY(geometry.check());
  if (header.data_offset != geometry.data_offset() || header.segment_bytes != geometry.segment_bytes()) {
    return Error("ring " + name + " contradicts itself about its sizes");
  }
  if (header.first_seq > kFirstSeqMax) return Error("ring " + name + " states an impossible first frame");
  return geometry;
}

}  // namespace

Result<Ring> Ring::attach(const std::string& name, const RingGeometry& expected, std::uint64_t epoch,
                          Role role) {
  DATAGEN_TRY(expected.check());
  DATAGEN_TRY(const std::uint64_t bytes, segment_size(name));
  if (bytes != expected.segment_bytes()) {
    return Error("ring " + name + " has " + std::to_string(bytes) + " bytes, expected " +
                 std::to_string(expected.segment_bytes()));
  }
  Ring ring;
  ring.name_ = name;
  ring.geometry_ = expected;
  ring.mask_ = std::has_single_bit(expected.slots) ? expected.slots - 1 : 0;
  const auto control_access = role == Role::observer ? Access::read_only : Access::read_write;
  const auto data_access = role == Role::producer ? Access::read_write : Access::read_only;
  DATAGEN_TRY(ring.control_, map_segment(name, control_access, 0, expected.data_offset()));
  ring.header_ = reinterpret_cast<RingHeader*>(ring.control_.data());
  DATAGEN_TRY(const RingGeometry stated, read_geometry(*ring.header_, name));
  if (stated != expected) return Error("ring " + name + " has another geometry than the plan says");
  if (ring.header_->epoch != epoch) return Error("ring " + name + " belongs to another epoch of the run");
  DATAGEN_TRY(ring.data_, map_segment(name, data_access, expected.data_offset(),
                                      expected.segment_bytes() - expected.data_offset()));
  ring.slots_ = reinterpret_cast<Slot*>(ring.control_.data() + sizeof(RingHeader));
  ring.first_seq_ = ring.header_->first_seq;
  return ring;
}

Result<Ring> Ring::observe(const std::string& name) {
  DATAGEN_TRY(const std::uint64_t bytes, segment_size(name));
  if (bytes < sizeof(RingHeader)) return Error("shared memory " + name + " is too short for a ring");
  DATAGEN_TRY(auto&& mapping, map_segment(name, Access::read_only, 0, sizeof(RingHeader)));
  const auto* header = reinterpret_cast<const RingHeader*>(mapping.data());
  DATAGEN_TRY(const RingGeometry geometry, read_geometry(*header, name));
  return attach(name, geometry, header->epoch, Role::observer);
}

bool Ring::take_back(std::uint64_t seq, std::uint32_t owner) {
  std::uint64_t expected = SlotWord::claimed(seq, owner).bits();
  return slot(seq).word.compare_exchange_strong(expected, SlotWord::full(seq).bits(),
                                                std::memory_order_acq_rel, std::memory_order_relaxed);
}

bool Ring::is_drained() const {
  const std::uint64_t end = end_seq();
  if (end == kNoEnd) return false;
  for (std::uint32_t index = 0; index < geometry_.slots; ++index) {
    if (word(index).seq() < end) return false;
  }
  return true;
}

std::uint64_t Ring::oldest_unfreed() const {
  // Slot i with number s holds frame s or waits for it; the frames of that slot below s are freed.
  std::uint64_t oldest = SlotWord::kSeqMax;
  for (std::uint32_t index = 0; index < geometry_.slots; ++index)
    oldest = std::min(oldest, word(index).seq());
  return oldest;
}

std::uint64_t Ring::first_unpublished() const {
  std::uint64_t first = SlotWord::kSeqMax;
  for (std::uint32_t index = 0; index < geometry_.slots; ++index) {
    const SlotWord now = word(index);
    first = std::min(first, now.state() == SlotState::free ? now.seq() : now.seq() + geometry_.slots);
  }
  return first;
}

std::string Ring::unsound_words() const {
  std::string report;
  for (std::uint64_t index = 0; index < geometry_.slots; ++index) {
    const SlotWord before = word(index);
    // Read after the word: the end is announced after the last frame was published, and never changes then.
    const std::uint64_t end = end_seq();
    const bool sound = before.is_well_formed() && before.seq() % geometry_.slots == index &&
                       before.seq() >= first_seq_ && end >= first_seq_ &&
                       (before.state() == SlotState::free || before.seq() < end);
    if (sound || word(index) != before) continue;
    report += "slot " + std::to_string(index) + " holds " + std::to_string(before.bits()) + "; ";
  }
  return report;
}

}  // namespace datagen::ipc
