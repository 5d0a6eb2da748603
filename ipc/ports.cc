#include "ipc/ports.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/clock.h"

namespace datagen::ipc {

namespace {

// Long enough to catch a neighbour that is just about to publish, short enough not to take a core from it.
constexpr int kSpins = 64;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

Ports::Ports(std::vector<Edge> in, std::vector<Edge> out, Control control, std::uint32_t cell,
             CellRange siblings, Order order, std::uint64_t first_seq, OverflowPolicy overflow,
             bool checksums)
    : in_(std::move(in)),
      out_(std::move(out)),
      control_(std::move(control)),
      cell_index_(cell),
      cell_(&control_.cell(cell)),
      siblings_(siblings),
      order_(order),
      scan_from_(first_seq),
      overflow_(std::move(overflow)),
      checksums_(checksums) {
  DATAGEN_CHECK(cell + 1 <= SlotWord::kOwnerMax, "cell %u", cell);
  // A successor begins where its predecessor stopped, not at the first frame of the epoch.
  if (!in_.empty()) scan_from_ = std::max(scan_from_, in_.front().ring.oldest_unfreed());
}

bool Ports::has_room(std::uint64_t seq) const {
  for (const Edge& edge : out_) {
    if (!edge.ring.word(seq).has_room_for(seq)) return false;
  }
  return true;
}

bool Ports::is_ready(std::uint64_t seq) const {
  if (!in_.front().ring.word(seq).is_full(seq)) return false;
  // Taken back from a worker that died after the decision: it may have freed further in-edges, which then
  // never show the frame again. Only its remaining stores are to be made.
  if (is_published(seq)) return true;
  for (const Edge& edge : std::span(in_).subspan(1)) {
    if (!edge.ring.word(seq).is_full(seq)) return false;
  }
  return has_room(seq);
}

bool Ports::is_published(std::uint64_t seq) const {
  return !out_.empty() && out_.front().ring.word(seq).has_published(seq);
}

bool Ports::readers_lag(std::uint64_t seq) const {
  const Ring& ring = out_.front().ring;
  return seq > ring.first_seq() && ring.word(seq - 1).is_full(seq - 1);
}

bool Ports::try_claim(std::uint64_t& seq) {
  if (order_ == Order::any) return try_claim_lowest(seq);
  if (!is_ready(scan_from_) || !in_.front().ring.claim(scan_from_, cell_index_ + 1)) return false;
  seq = scan_from_++;
  return true;
}

bool Ports::try_claim_lowest(std::uint64_t& seq) {
  Ring& ring = in_.front().ring;
  const std::uint64_t end = ring.end_seq();
  for (std::uint64_t n = scan_from_; n < scan_from_ + ring.capacity() && n < end; ++n) {
    const SlotWord word = ring.word(n);
    if (word.seq() > n) {
      if (n == scan_from_) ++scan_from_;
      continue;
    }
    if (word.is_full(n) && is_ready(n) && ring.claim(n, cell_index_ + 1)) {
      seq = n;
      return true;
    }
  }
  return false;
}

bool Ports::is_another_ready() const {
  const Ring& ring = in_.front().ring;
  for (std::uint64_t n = scan_from_; n < scan_from_ + ring.capacity(); ++n) {
    if (is_ready(n)) return true;
  }
  return false;
}

bool Ports::has_ended() const {
  const Ring& ring = in_.front().ring;
  const std::uint64_t end = ring.end_seq();
  if (end == kNoEnd) return false;
  return order_ == Order::strict ? scan_from_ >= end : ring.is_drained();
}

bool Ports::input_is_missing() const {
  if (in_.empty()) return false;
  const Ring& ring = in_.front().ring;
  if (order_ == Order::strict) return !ring.word(scan_from_).is_full(scan_from_);
  for (std::uint64_t n = scan_from_; n < scan_from_ + ring.capacity(); ++n) {
    if (ring.word(n).is_full(n)) return false;
  }
  return true;
}

// `attempt` gives an outcome, or nothing while there is none.
template <class Attempt>
std::optional<Ports::Outcome> Ports::spin(Attempt attempt) const {
  for (int round = 0; round < kSpins; ++round) {
    if (const auto outcome = attempt()) return outcome;
    relax();
  }
  return std::nullopt;
}

template <class Attempt>
Ports::Outcome Ports::park(Attempt attempt, bool for_input) {
  const std::uint64_t began = monotonic_ns();
  cell_->heartbeat_ns.store(began, std::memory_order_relaxed);  // so it tells how long this one waits
  cell_->state.store(for_input ? WorkerState::waiting_for_input : WorkerState::waiting_for_room,
                     std::memory_order_relaxed);
  std::optional<Outcome> outcome;
  for (;;) {
    cell_->parked.store(1, std::memory_order_relaxed);
    // Pairs with the fence in wake_one: either the waker sees `parked`, or this attempt sees its store.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if ((outcome = attempt())) break;
    while (sem_wait(&cell_->semaphore) != 0 && errno == EINTR) {
    }
  }
  leave_parking();
  cell_->state.store(WorkerState::running, std::memory_order_relaxed);
  AtomicWord& waited = for_input ? cell_->counters.wait_input_ns : cell_->counters.wait_room_ns;
  const std::uint64_t now = monotonic_ns();
  cell_->heartbeat_ns.store(now, std::memory_order_relaxed);
  waited.fetch_add(now - began, std::memory_order_relaxed);
  return *outcome;
}

void Ports::leave_parking() {
  // An exchange, not a store: if a waker took the flag since, what it had stored before is visible from here
  // on, so that claim() can pass its wake on; if it did not, it finds 0 and goes on to a sibling.
  cell_->parked.exchange(0, std::memory_order_seq_cst);
  // Tokens are hints, and an awake worker needs none: it looks at all edges before it sleeps again. Dropped,
  // so that they do not add up over a long run.
  while (sem_trywait(&cell_->semaphore) == 0) {
  }
}

Ports::Outcome Ports::claim(std::uint64_t& seq) {
  const auto attempt = [&]() -> std::optional<Outcome> {
    if (is_cancelled()) return Outcome::cancelled;
    if (try_claim(seq)) return Outcome::frame;
    if (has_ended()) return Outcome::end;
    return std::nullopt;
  };
  if (const auto outcome = spin(attempt)) return *outcome;
  const Outcome outcome = park(attempt, input_is_missing());
  // The post that woke this worker may have stood for another frame than the one it took: pass it on.
  if (outcome == Outcome::frame && siblings_.count > 1 && is_another_ready()) wake_one(siblings_);
  return outcome;
}

Ports::Outcome Ports::wait_for_room(std::uint64_t seq) {
  const auto attempt = [&]() -> std::optional<Outcome> {
    if (is_cancelled()) return Outcome::cancelled;
    if (is_published(seq) || has_room(seq)) return Outcome::frame;
    return std::nullopt;
  };
  if (const auto outcome = spin(attempt)) return *outcome;
  return park(attempt, false);
}

Result<FrameBytes> Ports::read(std::size_t in_edge, std::uint64_t seq) const {
  return read_frame(in_[in_edge].ring, seq, overflow_, wanted_checksums());
}

Result<std::span<std::byte>> Ports::copy(std::size_t in_edge, std::uint64_t seq, std::span<std::byte> to,
                                         FrameSteps* steps) const {
  return read_copy(in_[in_edge].ring, seq, overflow_, wanted_checksums(), to, steps);
}

Result<FrameBytes> Ports::read_published(std::uint64_t seq) const {
  return read_frame(out_.front().ring, seq, overflow_, wanted_checksums());
}

// Gives the checksum.
std::uint64_t Ports::write_block(Edge& edge, std::uint64_t seq, std::span<const std::byte> frame,
                                 const FrameChecksum& begun) {
  BlockHeader* header = edge.ring.block_header(seq);
  // What an earlier attempt at this frame left, larger and dead before its publish; or an overflow that was
  // consumed long ago: then there is nothing to remove.
  if (header->placement != Placement::block) remove_overflow(edge.ring, seq, overflow_);
  std::byte* block = edge.ring.frame_space(seq).data();
  header->seq = seq;
  header->frame_bytes = frame.size();
  header->placement = Placement::block;
  if (frame.data() == block) return checksums_ ? begun.finish(frame) : 0;
  if (checksums_) return copy_frame(block, frame, begun);
  if (!frame.empty()) std::memcpy(block, frame.data(), frame.size());
  return 0;
}

// All of a frame but the store that publishes it.
Result<void> Ports::write_frame(Edge& edge, std::uint64_t seq, std::span<const std::byte> frame,
                                const FrameChecksum& begun) {
  edge.ring.fetch_to_write(seq);
  const SlotWord before = edge.ring.word(seq);
  DATAGEN_CHECK(before == SlotWord::free(seq), "ring %s seq %llu word %llx", edge.ring.name().c_str(),
                static_cast<unsigned long long>(seq), static_cast<unsigned long long>(before.bits()));
  std::uint64_t checksum = 0;
  if (frame.size() > edge.ring.frame_space(seq).size()) {
    DATAGEN_TRY(write_overflow(edge.ring, seq, frame, overflow_));
    if (checksums_) checksum = begun.finish(frame);
  } else {
    checksum = write_block(edge, seq, frame, begun);
  }
  BlockHeader* header = edge.ring.block_header(seq);
  header->checksum = checksum;
  header->has_checksum = checksums_ ? 1 : 0;
  return success();
}

Result<void> Ports::publish(std::uint64_t seq, std::span<const std::byte> frame,
                            std::span<const std::byte> others, const FrameChecksum& begun) {
  DATAGEN_TRY(write_frame(out_.front(), seq, frame, begun));
  for (Edge& edge : std::span(out_).subspan(1)) DATAGEN_TRY(write_frame(edge, seq, others, begun));
  for (Edge& edge : out_) {
    edge.ring.publish(seq);
    wake_one(edge.peers);
  }
  return success();
}

void Ports::complete_publish(std::uint64_t seq) {
  // All blocks were written before the first store, which has happened.
  for (Edge& edge : out_) {
    if (edge.ring.word(seq) == SlotWord::free(seq)) edge.ring.publish(seq);
    wake_one(edge.peers);
  }
}

void Ports::free(std::uint64_t seq) {
  for (std::size_t index = in_.size(); index-- > 0;) {
    Ring& ring = in_[index].ring;
    if (ring.word(seq).seq() == seq) {
      if (ring.block_header(seq)->placement != Placement::block) remove_overflow(ring, seq, overflow_);
      ring.free(seq);
    }
    wake_one(in_[index].peers);
  }
  // The last frame of the stream: siblings that wait for it learn that all is done, and so does the thread of
  // this worker that waits for one more.
  if (in_.front().ring.end_seq() != kNoEnd && in_.front().ring.is_drained()) {
    wake_all(siblings_);
    control_.wake(cell_index_);
  }
}

void Ports::free_below(std::uint64_t end) {
  for (; scan_from_ < end; ++scan_from_) free(scan_from_);
}

void Ports::announce_end(std::uint64_t end) {
  for (Edge& edge : out_) {
    edge.ring.set_end_seq(end);
    wake_all(edge.peers);
  }
}

void Ports::wake_one(const CellRange& cells) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::uint32_t index = 0; index < cells.count; ++index) {
    const std::uint32_t target = cells.first + index;
    if (target != cell_index_ && control_.wake(target)) return;
  }
}

void Ports::wake_all(const CellRange& cells) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::uint32_t index = 0; index < cells.count; ++index) {
    const std::uint32_t target = cells.first + index;
    if (target != cell_index_) control_.wake(target);
  }
}

}  // namespace datagen::ipc
