// Where events of a run go: files, descriptors and commands that the graph names under `hooks`.
//
// A hook never holds the run up: what it does not take at once waits in the launcher, up to kWaitingBytesMax;
// beyond that events are lost, counted, and the hook is told how many as soon as it reads again. One that has
// died loses all that follow. Neither changes what the run writes, or how it ends.
//
// Owner: the launcher, one thread. When the launcher dies, a command dies with it, and what waited is lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/result.h"
#include "launcher/hook_events.h"
#include "launcher/plan.h"

namespace datagen::launcher {

class Hook;

class Hooks {
 public:
  // Opens files and starts commands; their logs are `log_folder`/hook.0.log, …
  // Errors: one cannot be opened or started.
  static Result<Hooks> open(const Plan& plan, const std::string& run_id, const std::string& log_folder);
  Hooks(Hooks&&) noexcept;
  Hooks& operator=(Hooks&&) = delete;
  ~Hooks();  // kills the commands that still run

  // Some hook wants events of this name: else it need not be made.
  bool want(std::string_view event) const;
  void tell(const HookEvent& event);
  // Writes what waits, as far as that is taken. To be called often.
  void flush();
  // Writes what waits and waits for the commands to end, at most so long. What went wrong with hooks, for
  // people.
  std::vector<std::string> close(std::chrono::milliseconds patience);

 private:
  Hooks(std::string pipeline, std::string run_id);
  std::string pipeline_, run_id_;
  std::vector<std::unique_ptr<Hook>> hooks_;
};

}  // namespace datagen::launcher
