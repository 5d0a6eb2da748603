// One look at the rings and cells of an epoch, as plain values: taken without stopping anyone, so numbers of
// different slots may be of different moments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/run_view.h"

namespace datagen::launcher {

struct EdgeState {
  std::uint32_t index = 0;
  std::string error;  // when it cannot be looked into; then all below is empty
  std::uint32_t slots = 0, free = 0, full = 0, claimed = 0;
  std::uint64_t block_bytes = 0;
  std::uint64_t first_seq = 0;  // of this epoch
  std::uint64_t oldest = 0;     // lowest frame that is not freed
  std::uint64_t next = 0;       // lowest frame that is not published
  std::optional<std::uint64_t> end;
  std::uint64_t bytes = 0;  // of the frames that are in it, overflow included
  std::uint32_t producers = 0, producers_alive = 0, consumers = 0, consumers_alive = 0;
  bool producers_wait = false;         // for room
  bool consumers_wait = false;         // for a frame
  std::optional<double> wait_seconds;  // of who has waited longest, where one waits

  // Share of its slots that hold a frame.
  double fill() const { return slots == 0 ? 0 : static_cast<double>(full + claimed) / slots; }
};

struct InFlightState {
  std::uint32_t thread = 0;
  std::uint64_t frame = 0, record = 0;
  std::optional<double> seconds;      // since it was begun, where that is known
  std::uint64_t done = 0, total = 0;  // as its operator reports; total 0: it does not
};

struct WorkerState {
  std::uint32_t cell = 0, stage = 0, index = 0;
  std::uint32_t pid = 0;
  bool alive = false;
  ipc::WorkerState state = ipc::WorkerState::absent;
  std::uint64_t frame = 0;
  // Seconds since it last took a frame, or since it began to wait.
  std::optional<double> heartbeat_age;
  char process_state = '?';  // as /proc tells it; 'T': stopped
  double cpu_seconds = 0;
  std::uint64_t rss_bytes = 0;
  std::vector<InFlightState> in_flight;
  std::uint64_t records_in = 0, records_out = 0, bytes_in = 0, bytes_out = 0, dropped = 0, dead = 0,
                errors = 0, retries = 0;
  // Waiting times include the wait that is not over yet.
  std::uint64_t prompt_tokens = 0, completion_tokens = 0, cost_nano = 0, wait_input_ns = 0, wait_room_ns = 0;
  std::uint64_t input_read = 0;  // bytes, of a source that says so

  bool is_waiting() const {
    return state == ipc::WorkerState::waiting_for_input || state == ipc::WorkerState::waiting_for_room;
  }
};

// Seconds without a sign of life after which a worker that holds a record counts as hung.
constexpr double kHungSeconds = 5;
// Why a worker counts as hung: "stopped", "no sign of life for 12 s"; nothing when it does not.
std::optional<std::string> hung(const WorkerState& worker);

struct RunState {
  std::string epoch;                      // empty: nothing is in shared memory
  std::vector<std::string> older_epochs;  // left behind
  std::uint32_t launcher_pid = 0;
  bool launcher_alive = false;
  std::string control_error;
  std::vector<EdgeState> edges;
  std::vector<WorkerState> workers;
  std::int64_t taken_ns = 0;  // CLOCK_MONOTONIC
};

// The newest epoch; of one edge only when given.
RunState look_at(const RunView& view, std::optional<std::uint32_t> edge);

const char* name_of(ipc::WorkerState state);

}  // namespace datagen::launcher
