#include "launcher/run_state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "ipc/clock.h"
#include "launcher/process_facts.h"

namespace datagen::launcher {

namespace {

// Since a moment that another process wrote; nothing when it wrote none.
std::optional<double> age(std::uint64_t since_ns, std::int64_t now) {
  if (since_ns == 0) return {};
  return std::max(0.0, static_cast<double>(now - static_cast<std::int64_t>(since_ns)) / 1e9);
}

std::uint64_t read(const ipc::AtomicWord& word) { return word.load(std::memory_order_relaxed); }

WorkerState look_at_worker(const ipc::Control& control, std::uint32_t index, std::int64_t now) {
  const ipc::Cell& cell = control.cell(index);
  WorkerState worker;
  worker.cell = index;
  worker.pid = cell.pid.load(std::memory_order_relaxed);
  if (const auto facts = read_process(static_cast<pid_t>(worker.pid));
      facts && (read(cell.start_ticks) == 0 || facts->start_ticks == read(cell.start_ticks))) {
    worker.alive = true;
    worker.process_state = facts->state;
    worker.cpu_seconds = facts->cpu_seconds;
    worker.rss_bytes = facts->rss_bytes;
  }
  worker.state = cell.state.load(std::memory_order_relaxed);
  worker.frame = read(cell.current_frame);
  worker.heartbeat_age = age(read(cell.heartbeat_ns), now);
  const ipc::Counters& counters = cell.counters;
  worker.records_in = read(counters.records_in);
  worker.records_out = read(counters.records_out);
  worker.bytes_in = read(counters.bytes_in);
  worker.bytes_out = read(counters.bytes_out);
  worker.dropped = read(counters.dropped);
  worker.dead = read(counters.dead);
  worker.errors = read(counters.errors);
  worker.retries = read(counters.retries);
  worker.prompt_tokens = read(counters.prompt_tokens);
  worker.completion_tokens = read(counters.completion_tokens);
  worker.cost_nano = read(counters.cost_nano);
  worker.input_read = read(counters.input_read);
  worker.wait_input_ns = read(counters.wait_input_ns);
  worker.wait_room_ns = read(counters.wait_room_ns);
  if (worker.alive && worker.is_waiting() && worker.heartbeat_age) {
    const bool for_input = worker.state == ipc::WorkerState::waiting_for_input;
    (for_input ? worker.wait_input_ns : worker.wait_room_ns) +=
        static_cast<std::uint64_t>(*worker.heartbeat_age * 1e9);
  }
  for (std::uint32_t thread = 0; thread < control.in_flight_per_cell(); ++thread) {
    const ipc::InFlight& entry = control.in_flight(index, thread);
    const std::uint64_t frame = entry.frame.load(std::memory_order_acquire);
    if (frame == ipc::InFlight::kNothing) continue;
    worker.in_flight.push_back({thread, frame, read(entry.record), age(read(entry.started_ns), now),
                                read(entry.done), read(entry.total)});
  }
  return worker;
}

void look_at_ring(const ipc::Ring& ring, EdgeState& edge) {
  edge.slots = ring.capacity();
  edge.block_bytes = ring.geometry().block_bytes;
  edge.first_seq = ring.first_seq();
  edge.oldest = ring.oldest_unfreed();
  edge.next = ring.first_unpublished();
  if (const std::uint64_t end = ring.end_seq(); end != ipc::kNoEnd) edge.end = end;
  for (std::uint32_t index = 0; index < ring.capacity(); ++index) {
    const ipc::SlotWord word = ring.word(index);
    if (word.state() == ipc::SlotState::free) {
      ++edge.free;
      continue;
    }
    (word.state() == ipc::SlotState::full ? edge.full : edge.claimed) += 1;
    const ipc::BlockHeader header = ring.read_block_header(index);
    std::atomic_thread_fence(std::memory_order_acquire);
    // Freed meanwhile: the header may be the next frame's.
    if (ring.word(index).seq() == word.seq()) edge.bytes += std::min(header.frame_bytes, ipc::kFrameBytesMax);
  }
}

// The workers at one end: how many, how many live, and whether and how long one has been in `waiting`.
struct Crew {
  std::uint32_t count = 0, alive = 0;
  bool waits = false;
  double wait_seconds = 0;
};
Crew crew_of(const std::vector<WorkerState>& workers, std::uint32_t stage, ipc::WorkerState waiting) {
  Crew crew;
  for (const WorkerState& worker : workers) {
    if (worker.stage != stage) continue;
    ++crew.count;
    crew.alive += worker.alive ? 1 : 0;
    if (worker.state != waiting) continue;
    crew.waits = true;
    crew.wait_seconds = std::max(crew.wait_seconds, worker.heartbeat_age.value_or(0));
  }
  return crew;
}

EdgeState look_at_edge(const RunView& view, const EpochNames& epoch, std::uint32_t index,
                       const std::vector<WorkerState>& workers) {
  EdgeState edge;
  edge.index = index;
  const PlannedEdge& planned = view.plan().edges[index];
  const Crew producers = crew_of(workers, planned.from, ipc::WorkerState::waiting_for_room);
  const Crew consumers = crew_of(workers, planned.to, ipc::WorkerState::waiting_for_input);
  edge.producers = producers.count;
  edge.producers_alive = producers.alive;
  edge.consumers = consumers.count;
  edge.consumers_alive = consumers.alive;
  const auto ring = ipc::Ring::observe(epoch.ring_name(index));
  if (!ring) {
    edge.error = ring.error().message();
    return edge;
  }
  look_at_ring(ring.value(), edge);
  // Who waits may wait at another edge of its stage: only for what this ring does not have.
  edge.producers_wait = producers.waits && edge.free == 0;
  edge.consumers_wait = consumers.waits && edge.full == 0;
  if (edge.producers_wait) edge.wait_seconds = producers.wait_seconds;
  if (edge.consumers_wait) edge.wait_seconds = consumers.wait_seconds;
  return edge;
}

}  // namespace

RunState look_at(const RunView& view, std::optional<std::uint32_t> only) {
  RunState state;
  state.taken_ns = static_cast<std::int64_t>(ipc::monotonic_ns());
  if (view.epochs.empty()) return state;
  const EpochNames& epoch = view.epochs.front();
  state.epoch = epoch.hex();
  for (std::size_t index = 1; index < view.epochs.size(); ++index)
    state.older_epochs.push_back(view.epochs[index].hex());
  const auto control = ipc::Control::attach(epoch.control_name(), ipc::Access::read_only);
  if (!control) {
    state.control_error = control.error().message();
  } else {
    state.launcher_pid = control.value().header().launcher_pid;
    const auto pid = static_cast<pid_t>(state.launcher_pid);
    // The launcher itself need not ask, four times a second: the list of locks costs 10 ms.
    state.launcher_alive = pid == getpid() || (is_alive(pid, 0) && holds_lock(view.directory, pid));
    for (std::uint32_t stage = 0; stage < view.plan().stages.size(); ++stage) {
      const ipc::CellRange cells = view.cells_of(stage);
      for (std::uint32_t worker = 0; worker < cells.count && cells.first + worker < control.value().size();
           ++worker) {
        state.workers.push_back(look_at_worker(control.value(), cells.first + worker, state.taken_ns));
        state.workers.back().stage = stage;
        state.workers.back().index = worker;
      }
    }
  }
  for (std::uint32_t edge = 0; edge < view.plan().edges.size(); ++edge) {
    if (!only || *only == edge) state.edges.push_back(look_at_edge(view, epoch, edge, state.workers));
  }
  return state;
}

std::optional<std::string> hung(const WorkerState& worker) {
  if (!worker.alive) return {};
  if (worker.process_state == 'T') return "stopped";
  if (worker.process_state == 't') return "held by a debugger";
  const bool holds_record = std::ranges::any_of(worker.in_flight, [](const InFlightState& entry) {
    return entry.seconds.value_or(kHungSeconds) >= kHungSeconds;
  });
  const double silent = worker.heartbeat_age.value_or(0);
  if (worker.state != ipc::WorkerState::running || !holds_record || silent < kHungSeconds) return {};
  return fmt::format("no sign of life for {:.0f} s", silent);
}

const char* name_of(ipc::WorkerState state) {
  switch (state) {
    case ipc::WorkerState::absent:
      return "absent";
    case ipc::WorkerState::starting:
      return "starting";
    case ipc::WorkerState::running:
      return "running";
    case ipc::WorkerState::waiting_for_input:
      return "waiting for input";
    case ipc::WorkerState::waiting_for_room:
      return "waiting for room";
    case ipc::WorkerState::finished:
      return "finished";
  }
  return "unknown";
}

}  // namespace datagen::launcher
