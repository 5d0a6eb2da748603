// A run as someone finds it who looks from outside: the plan in its directory, and what it has in shared
// memory, live or left behind.
//
// Owner: the run's launcher and workers. Who looks maps all of it read-only and holds no lock (but see
// tools/ring_check.h for removal), so it changes nothing for anyone, whenever it dies.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ipc/control.h"
#include "ipc/overflow.h"
#include "ipc/ring.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

// The objects of one start of a graph: datagen.<run_id>.<epoch>.*
struct EpochNames {
  std::string run_id;
  std::uint32_t number = 0;
  std::int64_t made_ns = 0;  // of the newest among the control segment and the rings
  std::vector<std::string> names;

  std::string hex() const;
  bool has(const std::string& name) const;
  std::string control_name() const { return ipc::control_name(run_id, number); }
  std::string ring_name(std::uint32_t edge) const { return ipc::ring_name(run_id, number, edge); }
};

// Of one run, or with an empty `run_id` all of this user's; newest first.
std::vector<EpochNames> list_epochs(const std::string& run_id);

struct RunView {
  std::string directory;
  RuntimeFile runtime;
  std::vector<EpochNames> epochs;  // newest first; empty when the run has ended in order

  const Plan& plan() const { return runtime.plan; }
  ipc::CellRange cells_of(std::uint32_t stage) const;
  ipc::OverflowPolicy overflow() const { return {directory + "/overflow", runtime.plan.overflow_bytes}; }
  std::string edge_name(std::uint32_t edge) const;  // "source → clean_text"
  // "0", or "source:clean_text". Errors: no such edge, with those that there are.
  Result<std::uint32_t> find_edge(const std::string& text) const;
};

// Errors: those of find_run and read_runtime_file.
Result<RunView> open_run(const std::string& name_or_empty, const std::string& working_directory);

// Looks again into /dev/shm.
void refresh(RunView& view);

// A process of this pid runs, and, unless `start_ticks` is 0, is the one that began then.
bool is_alive(pid_t pid, std::uint64_t start_ticks);

// Whether the process holds the run's lock, from the kernel's list: taking the lock to find out would make a
// launcher that starts at this moment refuse.
bool holds_lock(const std::string& run_directory, pid_t pid);

}  // namespace datagen::launcher
