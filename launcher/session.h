// A run while it runs: starts the workers, watches them, carries out what the supervisor decides.
//
// Owner: the launcher, one thread (PR_SET_PDEATHSIG follows the thread that forks). When it dies, the kernel
// ends every worker, and `datagen resume` goes on from the commits.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "launcher/blame.h"
#include "launcher/epoch.h"
#include "launcher/memory_group.h"
#include "launcher/process.h"
#include "launcher/run_directory.h"
#include "launcher/run_events.h"
#include "launcher/running_time.h"
#include "launcher/runtime_file.h"
#include "launcher/signals.h"
#include "launcher/successors.h"
#include "launcher/supervisor.h"
#include "launcher/symbols.h"
#include "launcher/watch.h"
#include "launcher/worker_log.h"

namespace datagen::launcher {

class Session {
 public:
  Session(const RunDirectory& directory, RuntimeFile& runtime, const Signals& signals, Watch& eye,
          RunEvents& events);
  ~Session();

  // Until the run is over, one way or the other. Error: it could not even be started.
  Result<Verdict> run();
  std::size_t restarts() const;
  std::size_t epochs() const { return supervisor_.epochs(); }

 private:
  struct Worker {
    std::uint32_t stage = 0;  // index in the plan
    std::uint32_t index = 0;  // in its stage
    std::unique_ptr<Process> process;
    std::unique_ptr<Successors> successors;  // of one that has died in this epoch
    bool tries_again = false;                // a record that killed it: its next death is near
    std::size_t death_epoch = 0;             // in which it died last, of Supervisor::epochs()
    std::uint64_t log_bytes = 0;             // of its log when it was started, or 0 since it begins anew
    bool was_killed_here = false;
    std::vector<ipc::Begun> overdue;  // records for which this launcher killed it
  };

  Result<void> begin_epoch();
  Result<void> carry_out(std::vector<Action> actions);
  std::vector<Action> spawn(std::uint32_t cell);
  SpawnOptions options_of(const Worker& worker) const;
  void prepare_successors(Worker& worker) const;
  bool is_any_alive(const PlannedStage& stage) const;
  void kill_all();
  std::vector<Action> reap(std::uint32_t cell);
  bool has_kernel_killed();
  // Finds out what the worker died of, and writes what follows from it for those who come after.
  std::vector<Action> investigate(std::uint32_t cell, Ending& ending, const WorkerLog& log);
  std::vector<Action> tick();
  void kill_overdue();
  void rotate_logs();
  std::vector<Action> on_signal(int number);
  void begin_part(std::uint32_t part);
  void retire(std::uint32_t part, std::uint64_t seq);
  void advance_checkpoint(std::uint32_t part);
  std::atomic<std::uint64_t>& checkpoint_of(std::uint32_t part) const;
  std::vector<bool> sealed_stages() const;
  std::vector<Action> check_limits();

  const RunDirectory& directory_;
  RuntimeFile& runtime_;
  const Signals& signals_;
  Watch& watch_;
  Progress& progress_;
  RunEvents& events_;
  Supervisor supervisor_;
  Blame blame_;
  Symbols symbols_;
  std::unique_ptr<Epoch> epoch_;
  std::vector<Worker> workers_;            // by cell
  RunningTime running_time_;               // time-outs are measured in it
  std::uint64_t oom_kills_ = oom_kills();  // when last asked
  Time logs_looked_at_;
  int epoll_ = -1;
  int timer_ = -1;
  bool is_over_ = false;
};

}  // namespace datagen::launcher
