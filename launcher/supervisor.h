// Decides what happens when a worker ends: a pure state machine, without processes, clocks or files of its
// own. Whoever drives it (launcher/session.cc) tells what happened and carries out the actions.
//
//   running --a death--> running (in place)  --ring damaged, stateful, or asked for--> replacing --all
//   ended--> running
//      |                                                                                   |
//      +-- all finished, a signal, a failure --> stopping (cancel, then kill) --all ended--+--> ended
//
// Owner: the launcher, one thread. When the launcher dies, every worker dies with it; nothing here outlives
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace datagen::launcher {

using Time = std::chrono::steady_clock::time_point;

// How a worker ended, and what is known about it by then.
struct Ending {
  bool signalled = false;
  int code = 0;                    // exit code, or number of the signal
  bool finished = false;           // all that its stage has to do is done, and it said so
  bool is_attributed = false;      // to a record: does not count towards restart intensity
  bool gave_up = false;            // it ended by its own will: the exit code is one of ipc/worker_exit.h
  bool was_out_of_memory = false;  // its control group counts a kill
  bool was_killed_here = false;    // by this launcher, which had a reason to
  bool rings_are_sound = true;
  std::uint64_t progress = 0;  // frames of its stage that are done, over the whole run
  std::string message;         // its own last words, for people
};

struct Action {
  enum class Kind : std::uint8_t { spawn, cancel_all, kill_all, begin_epoch, end };
  Kind kind;
  std::uint32_t cell = 0;  // of spawn
  friend bool operator==(const Action&, const Action&) = default;
};

struct Verdict {
  enum class Kind : std::uint8_t { complete, failed, stopped };
  Kind kind = Kind::complete;
  int signal = 0;            // stopped: by which; 0: by a limit or by `datagen stop`
  std::string stage;         // failed: which
  std::string message;       // failed or stopped: why
  std::uint32_t worker = 0;  // of the stage, whose end it was
};

// "complete", "failed", "stopped".
const char* name_of(Verdict::Kind kind);

class Supervisor {
 public:
  struct StageInfo {
    std::string id;
    std::uint32_t first_cell = 0;
    std::uint32_t workers = 1;
    bool restarts_in_place = true;  // false: its death needs a new epoch
  };
  struct Options {
    std::size_t deaths_max = 5;  // of a stage, without progress, within the window: then the run stops
    std::chrono::seconds window{60};
    std::chrono::milliseconds grace{600};  // between cancel and kill
  };

  Supervisor(std::vector<StageInfo> stages, Options options);

  // The first epoch, or (after begin_epoch) the next. `done`: by stage, those that have nothing left to do;
  // none when empty.
  std::vector<Action> start(const std::vector<bool>& done = {});
  std::vector<Action> on_exit(std::uint32_t cell, const Ending& ending, Time now);
  // A worker could not be started at all.
  std::vector<Action> on_spawn_failed(std::uint32_t cell, const std::string& message, Time now);
  // Ends the run early. A second call kills at once.
  std::vector<Action> on_stop(const Verdict& why, Time now);
  std::vector<Action> on_tick(Time now);

  const Verdict& verdict() const { return verdict_; }
  bool is_stopping() const { return phase_ == Phase::stopping; }
  bool is_running() const { return phase_ == Phase::running; }
  // How long workers may take to end by themselves, from the next stop on.
  void set_grace(std::chrono::milliseconds grace) { options_.grace = grace; }
  std::size_t restarts(std::size_t stage) const { return states_[stage].restarts; }
  std::size_t epochs() const { return epochs_; }

 private:
  enum class Phase : std::uint8_t { idle, running, replacing, stopping, ended };
  enum class Worker : std::uint8_t { absent, alive, finished };
  struct StageState {
    std::deque<Time> deaths;  // without progress since the first of them
    std::uint64_t progress = 0;
    std::size_t restarts = 0;
  };

  std::size_t stage_of(std::uint32_t cell) const;
  std::vector<Action> on_death(std::uint32_t cell, const Ending& ending, Time now);
  std::vector<Action> fail(std::uint32_t cell, const std::string& message, Time now);
  bool is_too_often(StageState& state, const Ending& ending, Time now) const;
  bool is_any_alive() const;
  std::vector<Action> after_last();

  std::vector<StageInfo> stages_;
  Options options_;
  std::vector<StageState> states_;
  std::vector<Worker> workers_;  // by cell
  Phase phase_ = Phase::idle;
  Verdict verdict_;
  Time kill_at_{};
  bool killed_ = false;
  std::size_t epochs_ = 0;
};

// "was ended by SIGSEGV", "ended with exit code 3".
std::string describe_ending(const Ending& ending);

}  // namespace datagen::launcher
