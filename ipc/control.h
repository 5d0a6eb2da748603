// The control segment of a run: one cell per worker, with its identity, what it is doing, its counters for
// display, and its parking place.
//
// Owner: the launcher creates the segment and removes its name; each worker writes its own cell; neighbours
// only exchange `parked` and post the semaphore. After a death the launcher clears the cell, and wakes
// whoever might have waited for the dead one. Counters are for display only: what counts travels with frames.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ipc/layout.h"
#include "ipc/quarantine.h"
#include "ipc/result.h"
#include "ipc/segment.h"

namespace datagen::ipc {

constexpr std::uint64_t kControlMagic = 0x316c727443474431;  // "1DGCtrl1"

enum class WorkerState : std::uint32_t {
  absent = 0,
  starting,
  running,
  waiting_for_input,
  waiting_for_room,
  finished
};

// Counters that grow while a worker runs. Display only.
struct Counters {
  AtomicWord records_in, records_out, bytes_in, bytes_out, dropped, dead, errors, retries;
  AtomicWord prompt_tokens, completion_tokens, wait_input_ns, wait_room_ns;
  AtomicWord cost_nano;   // of model calls, in billionths of the currency of the user's prices
  AtomicWord input_read;  // by a source: bytes of its inputs, as they lie in storage; 0: it does not say
};

// What a thread of an operator has in its hands. Written by that thread: `frame` becomes kNothing, the rest
// is filled, `frame` is stored with release. So whoever reads the entry of a dead worker sees one record that
// was really begun, or none; never the row of one record with the index of another.
struct alignas(kCacheLine) InFlight {
  static constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  AtomicWord frame;       // kNothing: idle
  AtomicWord record;      // index in the frame of the first record of the call
  AtomicWord count;       // records of the call: 1, or those of a batch
  AtomicWord started_ns;  // CLOCK_MONOTONIC_COARSE: some milliseconds exact
  AtomicWord row;         // of the first record
  AtomicWord path_hash;   // XXH3-64 of its path's text; 0 for the empty path
  AtomicWord done,
      total;  // as the operator reports it (Context::progress); total 0: it does not. Display only
};

// An entry that is not idle, as it was read.
struct Begun {
  std::uint32_t thread = 0;
  std::uint64_t frame = 0;
  std::uint64_t record = 0;
  std::uint64_t count = 1;
  std::uint64_t started_ns = 0;
  std::uint64_t row = 0;
  std::uint64_t path_hash = 0;
  friend bool operator==(const Begun&, const Begun&) = default;
};

// One of the two copies of what a sink has written; see Cell::written.
struct Written {
  AtomicWord seq;  // frames below it are written
  AtomicWord bytes;
  AtomicWord dead_bytes;  // length of the dead-letter file
  AtomicWord journal;     // where its accounts stand: runtime/sink_journal.h
};

struct alignas(kCacheLine) Cell {
  // Parking. `parked` is set by the owner and taken by whoever wakes it.
  std::atomic<std::uint32_t> parked;
  std::uint32_t reserved;
  sem_t semaphore;

  alignas(kCacheLine) std::atomic<std::uint32_t> pid;
  std::atomic<WorkerState> state;
  std::atomic<std::uint32_t> cancel;  // set by the launcher: end soon, without finishing
  std::uint32_t threads;
  AtomicWord start_ticks;  // field 22 of /proc/PID/stat: tells a reused pid
  AtomicWord heartbeat_ns;
  AtomicWord current_frame;
  // 1: the worker ends by its own will, and its exit code is one of ipc/worker_exit.h. Apart from `state`,
  // which the main thread goes on writing while another thread (a sink's committer) gives up.
  std::atomic<std::uint32_t> gave_up;

  alignas(kCacheLine) Counters counters;

  // A sink's progress, in two copies: the one that `written_version` does not name is filled, then the
  // version is stored. So a sink that dies between two stores leaves one whole copy.
  alignas(kCacheLine) Written written[2];
  AtomicWord written_version;
  AtomicWord committed_mark;  // by a committer: the newest mark whose line in its .done file is durable
  AtomicWord committed_seq;   // frames below it are in that commit; stored before the mark

  // Of a source, for its part of the graph (what its rings connect).
  AtomicWord issued_mark;      // by the source, behind the publish: its newest commit point
  AtomicWord checkpoint_mark;  // by the launcher: the newest that every committer of the part holds

  // Hints for the source, by a stage or sink; 0: not known yet. See runtime/pace.h.
  AtomicWord frame_ns;     // how long its frames take
  AtomicWord rows_wanted;  // rows of the input that it wants in a frame
  // A hint, too, by the launcher: when a worker of this cell died last, CLOCK_MONOTONIC. 0: none did.
  AtomicWord died_ns;
};

// As a mark: the stream has ended, and all of it is committed.
constexpr std::uint64_t kEndMark = ~std::uint64_t{0};

static_assert(sizeof(InFlight) == kCacheLine && sizeof(Counters) == 112 && sizeof(Cell) == 6 * kCacheLine);
static_assert(offsetof(Cell, semaphore) == 8 && offsetof(Cell, pid) == 64 && offsetof(Cell, gave_up) == 104 &&
              offsetof(Cell, counters) == 128 && offsetof(Cell, written) == 256 &&
              offsetof(Cell, written_version) == 320 && offsetof(Cell, committed_mark) == 328 &&
              offsetof(Cell, committed_seq) == 336 && offsetof(Cell, issued_mark) == 344 &&
              offsetof(Cell, checkpoint_mark) == 352 && offsetof(Cell, frame_ns) == 360 &&
              offsetof(Cell, rows_wanted) == 368 && offsetof(Cell, died_ns) == 376);

struct alignas(kCacheLine) ControlHeader {
  AtomicWord magic;
  std::uint32_t version;
  std::uint32_t cells;
  std::uint64_t epoch;
  std::uint32_t launcher_pid;
  std::uint32_t in_flight_per_cell;
  char run_directory[1024];  // absolute, NUL-terminated: tells whose segments these are
};

static_assert(sizeof(ControlHeader) == 17 * kCacheLine);

// The cells of a stage's workers.
struct CellRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

// What a sink has written, as its successor may trust it.
struct WrittenState {
  std::uint64_t seq = 0;
  std::uint64_t bytes = 0;
  std::uint64_t dead_bytes = 0;
  std::uint64_t journal = 0;
  friend bool operator==(const WrittenState&, const WrittenState&) = default;
};
// By the sink only, after write() took the bytes and before it frees the slots below `seq`; first of all at
// its start, with what it found in its files. Dies between any two stores: the copy that the version names is
// whole.
void store_written(Cell& cell, const WrittenState& state);
// By a committer: the commit of `mark` is durable. Who sees the mark sees the sequence number too.
void store_committed(Cell& cell, std::uint64_t mark, std::uint64_t seq);
// By a successor, or by the launcher after the death.
WrittenState load_written(const Cell& cell);

class Control {
 public:
  // Creates the segment with `cells` cells, each with `in_flight_per_cell` entries. Leaves nothing behind
  // when it fails. Errors: those of create_segment; too many cells or entries.
  static Result<void> create(const std::string& name, std::uint32_t cells, std::uint32_t in_flight_per_cell,
                             std::uint64_t epoch, const std::string& run_directory);
  // Errors: no such segment, wrong magic or version, sizes that cannot be or that exceed the segment's.
  static Result<Control> attach(const std::string& name, Access access);

  const ControlHeader& header() const { return *header_; }
  std::uint32_t size() const { return cells_count_; }
  Cell& cell(std::uint32_t index) const;
  InFlight& in_flight(std::uint32_t cell, std::uint32_t thread) const;
  // What the worker of the cell has begun and not ended. Exact when it is dead; of a living one only a hint.
  std::vector<Begun> begun(std::uint32_t cell) const;
  QuarantineTable& quarantine() const { return *quarantine_; }

  std::uint32_t in_flight_per_cell() const { return in_flight_per_cell_; }

  // Wakes the worker of a cell if it is parked; false if it was not. A waker that dies between its two steps
  // leaves a sleeper that no longer looks parked: see rouse() in ipc/recovery.h.
  bool wake(std::uint32_t cell) const;

 private:
  Mapping mapping_;
  ControlHeader* header_ = nullptr;
  // Read once from the header and checked against the segment's size.
  std::uint32_t cells_count_ = 0;
  std::uint32_t in_flight_per_cell_ = 0;
  Cell* cells_ = nullptr;
  InFlight* in_flight_ = nullptr;
  QuarantineTable* quarantine_ = nullptr;
};

// Inline: what each hand-over of a frame calls.

inline Cell& Control::cell(std::uint32_t index) const {
  DATAGEN_CHECK(index < cells_count_, "cell %u of %u", index, cells_count_);
  return cells_[index];
}

inline bool Control::wake(std::uint32_t index) const {
  Cell& target = cell(index);
  // The load keeps the common case (nobody is parked) free of a locked instruction.
  if (target.parked.load(std::memory_order_relaxed) == 0) return false;
  if (target.parked.exchange(0, std::memory_order_acq_rel) == 0) return false;
  sem_post(&target.semaphore);
  return true;
}

// Length of the control segment, before it is rounded up to a page.
std::uint64_t control_bytes(std::uint64_t cells, std::uint64_t in_flight_per_cell);

// Names of a run's objects in /dev/shm, without the leading slash.
std::string control_name(const std::string& run_id, std::uint32_t epoch);
std::string ring_name(const std::string& run_id, std::uint32_t epoch, std::uint32_t edge);

}  // namespace datagen::ipc
