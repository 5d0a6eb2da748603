#include "ipc/recovery.h"

#include <algorithm>
#include <atomic>

#include "ipc/clock.h"

namespace datagen::ipc {

std::uint32_t take_back_claims(Ring& ring, std::uint32_t owner) {
  std::uint32_t count = 0;
  for (std::uint32_t index = 0; index < ring.capacity(); ++index) {
    const SlotWord word = ring.word(index);
    // Only the owner moves a CLAIMED word, and it is dead: the CAS cannot lose. It releases what this process
    // saw of the dead one's stores to the next claimer.
    if (word.is_claimed_by(owner) && ring.take_back(word.seq(), owner)) ++count;
  }
  return count;
}

void clear_cell(const Control& control, std::uint32_t index) {
  Cell& cell = control.cell(index);
  // A neighbour that took `parked` before this exchange spent its wake here; what it published is visible to
  // this process from now on, and rouse() hands it to a sibling. One that comes later finds 0 and goes to a
  // sibling.
  cell.parked.exchange(0, std::memory_order_seq_cst);
  // Nobody waits on it. A neighbour may post at this moment: its token is lost or stays, and both are
  // harmless to a replacement, which looks before it sleeps. Made anew rather than drained, for what a wild
  // write left.
  sem_init(&cell.semaphore, 1, 0);
  cell.pid.store(0, std::memory_order_relaxed);
  cell.state.store(WorkerState::absent, std::memory_order_relaxed);
  cell.gave_up.store(0, std::memory_order_relaxed);
}

void clear_in_flight(const Control& control, std::uint32_t cell) {
  for (std::uint32_t thread = 0; thread < control.in_flight_per_cell(); ++thread) {
    control.in_flight(cell, thread).frame.store(InFlight::kNothing, std::memory_order_release);
  }
}

void rouse(const Control& control, const CellRange& cells) {
  // After the words that were taken back; pairs with the fence of a worker on its way to sleep.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::uint32_t index = 0; index < cells.count; ++index) {
    Cell& cell = control.cell(cells.first + index);
    cell.parked.exchange(0, std::memory_order_acq_rel);
    sem_post(&cell.semaphore);
  }
}

namespace {

// Empty, or what is wrong with the frame of a slot.
std::string check_frame(const Ring& ring, SlotWord word, const OverflowPolicy& overflow,
                        Checksums checksums) {
  const auto frame = read_frame(ring, word.seq(), overflow, checksums);
  if (frame) return {};
  // A consumer unlinks an overflow before it frees the slot, so one that is gone is no damage: whoever still
  // needs it will say so.
  const BlockHeader header = ring.read_block_header(word.seq());
  const bool is_elsewhere = (header.placement == Placement::segment || header.placement == Placement::file) &&
                            header.seq == word.seq() && header.frame_bytes > ring.geometry().frame_capacity();
  if (is_elsewhere && !map_overflow(ring, word.seq(), header.placement, 0, overflow)) return {};
  return frame.error().message() + "; ";
}

bool is_owner_of(SlotWord word, const CellRange& consumers) {
  return word.owner() > consumers.first && word.owner() <= consumers.first + consumers.count;
}

}  // namespace

std::string check_words(const Ring& ring, const CellRange& consumers) {
  std::string report = ring.unsound_words();
  if (!report.empty()) return "ring " + ring.name() + ": " + report;
  for (std::uint32_t index = 0; index < ring.capacity(); ++index) {
    const SlotWord word = ring.word(index);
    if (word.state() != SlotState::claimed || is_owner_of(word, consumers) || ring.word(index) != word)
      continue;
    report += "ring " + ring.name() + ", frame " + std::to_string(word.seq()) + ": claimed by worker cell " +
              std::to_string(word.owner() - 1) + ", which does not read this ring; ";
  }
  return report;
}

std::string check_ring(const Ring& ring, const CellRange& consumers, const OverflowPolicy& overflow,
                       Checksums checksums) {
  std::string report = check_words(ring, consumers);
  for (std::uint32_t index = 0; report.empty() && index < ring.capacity(); ++index) {
    const SlotWord word = ring.word(index);
    if (word.state() == SlotState::free || !word.is_well_formed()) continue;
    const std::string problem = check_frame(ring, word, overflow, checksums);
    if (problem.empty()) continue;
    // A word never comes back to an earlier value but by the launcher's own hand; so one that stands still
    // was there all the time, and while it is no producer writes the block. The fence keeps the reads of the
    // block before this one.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (ring.word(index) == word) report = problem;
  }
  return report;
}

Result<std::uint32_t> recover_worker(const Control& control, std::uint32_t cell, const CellRange& siblings,
                                     std::span<Edge> in, std::span<Edge> out, const OverflowPolicy& overflow,
                                     Checksums checksums) {
  clear_cell(control, cell);
  control.cell(cell).died_ns.store(monotonic_ns(), std::memory_order_relaxed);
  std::string report;
  // It had the frames that it read mapped read-only: of these rings only the words can be damaged.
  for (const Edge& edge : in) report += check_words(edge.ring, siblings);
  for (const Edge& edge : out) report += check_ring(edge.ring, edge.peers, overflow, checksums);
  if (!report.empty()) return Error("shared memory is damaged: " + report);
  const std::uint32_t count = in.empty() ? 0 : take_back_claims(in.front().ring, cell + 1);
  for (const Edge& edge : in) rouse(control, edge.peers);
  for (const Edge& edge : out) rouse(control, edge.peers);
  rouse(control, siblings);
  // The siblings include the dead worker's cell: its replacement begins without a token.
  clear_cell(control, cell);
  return count;
}

bool has_finished(std::span<const Edge> in, std::span<const Edge> out) {
  return std::all_of(in.begin(), in.end(), [](const Edge& edge) { return edge.ring.is_drained(); }) &&
         std::all_of(out.begin(), out.end(), [](const Edge& edge) { return edge.ring.end_seq() != kNoEnd; });
}

}  // namespace datagen::ipc
