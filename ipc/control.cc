#include "ipc/control.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "ipc/slot_word.h"

namespace datagen::ipc {

namespace {

constexpr std::uint32_t kInFlightMax = 4096;

// Counts that a header may state. Within them control_bytes() cannot wrap.
bool are_possible(std::uint32_t cells, std::uint32_t in_flight_per_cell) {
  return cells > 0 && cells < SlotWord::kOwnerMax && in_flight_per_cell <= kInFlightMax;
}

}  // namespace

std::uint64_t control_bytes(std::uint64_t cells, std::uint64_t in_flight_per_cell) {
  return sizeof(ControlHeader) + cells * (sizeof(Cell) + in_flight_per_cell * sizeof(InFlight)) +
         sizeof(QuarantineTable);
}

Result<void> Control::create(const std::string& name, std::uint32_t cells, std::uint32_t in_flight_per_cell,
                             std::uint64_t epoch, const std::string& run_directory) {
  if (run_directory.size() >= sizeof(ControlHeader::run_directory)) {
    return Error("the run directory's path is longer than 1023 bytes: " + run_directory);
  }
  if (!are_possible(cells, in_flight_per_cell)) {
    return Error("a run has 1 to " + std::to_string(SlotWord::kOwnerMax - 1) + " workers of at most " +
                 std::to_string(kInFlightMax) + " threads, not " + std::to_string(cells) + " of " +
                 std::to_string(in_flight_per_cell));
  }
  DATAGEN_TRY(create_segment(name, round_up(control_bytes(cells, in_flight_per_cell), kPageBytes)));
  auto mapping = map_segment(name, Access::read_write);
  if (!mapping) {
    remove_segment(name);
    return std::move(mapping).as_failure();
  }
  std::byte* base = mapping.value().data();
  auto* header = new (base) ControlHeader{};
  header->version = kLayoutVersion;
  header->cells = cells;
  header->epoch = epoch;
  header->launcher_pid = static_cast<std::uint32_t>(getpid());
  header->in_flight_per_cell = in_flight_per_cell;
  std::memcpy(header->run_directory, run_directory.c_str(), run_directory.size() + 1);
  auto* cell = reinterpret_cast<Cell*>(base + sizeof(ControlHeader));
  auto* in_flight = reinterpret_cast<InFlight*>(cell + cells);
  for (std::uint32_t index = 0; index < cells; ++index) {
    new (&cell[index]) Cell{};
    sem_init(&cell[index].semaphore, 1, 0);  // cannot fail: the value is in range
    for (std::uint32_t thread = 0; thread < in_flight_per_cell; ++thread) {
      auto* entry = new (in_flight++) InFlight{};
      entry->frame.store(InFlight::kNothing, std::memory_order_relaxed);
    }
  }
  new (in_flight) QuarantineTable{};  // behind the last entry
  header->magic.store(kControlMagic, std::memory_order_release);
  return success();
}

Result<Control> Control::attach(const std::string& name, Access access) {
  Control control;
  DATAGEN_TRY(control.mapping_, map_segment(name, access));
  auto* header = reinterpret_cast<ControlHeader*>(control.mapping_.data());
  if (control.mapping_.size() < sizeof(ControlHeader) ||
      header->magic.load(std::memory_order_acquire) != kControlMagic) {
    return Error("shared memory " + name +
                 " is not a control segment, or its creation was not finished (wrong magic)");
  }
  if (header->version != kLayoutVersion) {
    return Error("control segment " + name + " has layout version " + std::to_string(header->version) +
                 "; this build knows " + std::to_string(kLayoutVersion));
  }
  control.header_ = header;
  control.cells_count_ = header->cells;
  control.in_flight_per_cell_ = header->in_flight_per_cell;
  if (!are_possible(control.cells_count_, control.in_flight_per_cell_) ||
      control_bytes(control.cells_count_, control.in_flight_per_cell_) > control.mapping_.size()) {
    return Error("control segment " + name + " is shorter than its header says");
  }
  control.cells_ = reinterpret_cast<Cell*>(control.mapping_.data() + sizeof(ControlHeader));
  control.in_flight_ = reinterpret_cast<InFlight*>(control.cells_ + control.cells_count_);
  const std::size_t entries = std::size_t{control.cells_count_} * control.in_flight_per_cell_;
  control.quarantine_ = reinterpret_cast<QuarantineTable*>(control.in_flight_ + entries);
  return control;
}

InFlight& Control::in_flight(std::uint32_t cell, std::uint32_t thread) const {
  DATAGEN_CHECK(cell < cells_count_ && thread < in_flight_per_cell_, "cell %u thread %u", cell, thread);
  return in_flight_[cell * in_flight_per_cell_ + thread];
}

std::vector<Begun> Control::begun(std::uint32_t cell) const {
  std::vector<Begun> found;
  for (std::uint32_t thread = 0; thread < in_flight_per_cell_; ++thread) {
    const InFlight& entry = in_flight(cell, thread);
    const std::uint64_t frame = entry.frame.load(std::memory_order_acquire);
    if (frame == InFlight::kNothing) continue;
    const auto load = [](const AtomicWord& word) { return word.load(std::memory_order_relaxed); };
    const Begun begun{thread,
                      frame,
                      load(entry.record),
                      load(entry.count),
                      load(entry.started_ns),
                      load(entry.row),
                      load(entry.path_hash)};
    // A living thread may have gone on to another record meanwhile; then this is of two records.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (load(entry.frame) == frame && load(entry.started_ns) == begun.started_ns) found.push_back(begun);
  }
  return found;
}

void store_written(Cell& cell, const WrittenState& state) {
  const std::uint64_t next = cell.written_version.load(std::memory_order_relaxed) + 1;
  Written& copy = cell.written[next % 2];
  copy.seq.store(state.seq, std::memory_order_relaxed);
  copy.bytes.store(state.bytes, std::memory_order_relaxed);
  copy.dead_bytes.store(state.dead_bytes, std::memory_order_relaxed);
  copy.journal.store(state.journal, std::memory_order_relaxed);
  cell.written_version.store(next, std::memory_order_release);
}

void store_committed(Cell& cell, std::uint64_t mark, std::uint64_t seq) {
  cell.committed_seq.store(seq, std::memory_order_relaxed);
  cell.committed_mark.store(mark, std::memory_order_release);
}

WrittenState load_written(const Cell& cell) {
  const Written& copy = cell.written[cell.written_version.load(std::memory_order_acquire) % 2];
  return {copy.seq.load(std::memory_order_relaxed), copy.bytes.load(std::memory_order_relaxed),
          copy.dead_bytes.load(std::memory_order_relaxed), copy.journal.load(std::memory_order_relaxed)};
}

namespace {
std::string segment_name(const std::string& run_id, std::uint32_t epoch, const std::string& part) {
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", epoch);
  return "datagen." + run_id + "." + hex + "." + part;
}
}  // namespace

std::string control_name(const std::string& run_id, std::uint32_t epoch) {
  return segment_name(run_id, epoch, "control");
}

std::string ring_name(const std::string& run_id, std::uint32_t epoch, std::uint32_t edge) {
  return segment_name(run_id, epoch, std::to_string(edge));
}

}  // namespace datagen::ipc
