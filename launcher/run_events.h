// Tells a run's hooks what happens to it (docs/hooks.md): turns what the session sees, and what commits say,
// into events. Costs nothing without hooks.
//
// Owner: the launcher, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ipc/control.h"
#include "launcher/hooks.h"
#include "launcher/report.h"
#include "launcher/runtime_file.h"
#include "launcher/supervisor.h"

namespace datagen::launcher {

class RunEvents {
 public:
  RunEvents(Hooks& hooks, const std::string& run_directory, const RuntimeFile& runtime);

  void run_start();
  // The graph begins: the first time, or again from its newest commit.
  void graph_start(bool is_again);
  void worker_restart(const PlannedStage& stage, std::uint32_t worker, pid_t pid);
  void worker_death(const PlannedStage& stage, std::uint32_t worker, pid_t pid, const Ending& ending);
  void stage_finish(const PlannedStage& stage);
  // The supervisor has decided to end the run early.
  void run_stop(const Verdict& why);
  // Every committer holds the mark: what it says, and usage and dead letters up to it.
  void commit(std::uint32_t part, std::uint64_t mark);
  // Called often: progress once a second, and dead letters that were committed, some at a time.
  void tick(const ipc::Control& control, std::size_t restarts);
  // The run is over and audited. The last commit's events first.
  void run_end(const RunEnd& end, int exit_code);

 private:
  // A sink's dead letters, told up to `position`.
  struct Letters {
    std::string path;
    std::uint64_t position = 0;
    std::uint64_t committed = 0;
  };

  std::uint64_t newest_common_mark(std::uint32_t part) const;
  // At most about this many bytes of each file. False: there are more.
  bool tell_letters(std::uint64_t bytes_max);
  void tell_usage(const std::map<std::pair<std::string, std::string>, Usage>& usage);

  Hooks& hooks_;
  const std::string run_directory_;
  const RuntimeFile& runtime_;
  std::map<std::string, Letters> letters_;                             // by sink
  std::map<std::pair<std::string, std::string>, std::uint64_t> used_;  // calls told, by stage and model
  std::chrono::steady_clock::time_point progress_at_ = std::chrono::steady_clock::now();
  bool has_stopped_ = false;
};

}  // namespace datagen::launcher
