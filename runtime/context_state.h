// What stands behind a Context: one for each frame in work, shared by the threads that work on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "datagen/context.h"
#include "datagen/ledger.h"
#include "ledger_files.h"
#include "limits_state.h"
#include "side_section.h"

namespace spdlog {
class logger;
}

namespace datagen::detail {

class ContextState {
 public:
  ContextState(std::string stage, int worker, ParameterValues parameters);
  ~ContextState();
  // For a thread of the same worker that works on a frame of its own.
  std::unique_ptr<ContextState> for_another_frame();

  // Of all but a worker's first: the first, whose are the ledger and the limits, and who tells why the worker
  // ends.
  ContextState* first = nullptr;
  std::string stage;
  int worker;
  ParameterValues parameters;
  std::shared_ptr<spdlog::logger> logger;
  // Set by the launcher in the worker's cell; null when there is no launcher.
  const std::atomic<std::uint32_t>* cancel = nullptr;
  // An operator, or whoever would try it again, was told to stop: the frame in work is not whole.
  std::atomic<bool> was_told_to_stop{false};
  // How far the calling thread is within its record; none when there is no launcher.
  std::function<void(std::int64_t done, std::int64_t total)> show_progress;

  // This worker ends by its own will, with a code of ipc/worker_exit.h; the first call counts. The frame in
  // work is not published.
  void give_up(int code, const std::string& message);
  struct GivenUp {
    int code;
    std::string message;
  };
  std::optional<GivenUp> given_up();

  Ledger& ledger(const std::string& cache);  // opened by the first call
  LedgerPlace ledger_place;              // filled in before; without a folder it stands in a temporary one
  std::atomic<std::uint64_t> claims{0};  // frames that this worker has claimed

  // Opened at the first call for a name. Throws std::runtime_error.
  SharedLimits& limits(const std::string& name, const CallLimits& given);
  LimitsPlace limits_place;  // filled in before; without a folder this process alone keeps them

  std::mutex mutex;             // guards what follows
  StageNotes* notes = nullptr;  // of the frame in work

 private:
  std::optional<GivenUp> given_up_;
  std::once_flag ledger_once_;
  std::string temporary_folder_;
  std::unique_ptr<Ledger> ledger_;
  std::mutex limits_mutex_;
  std::map<std::string, std::unique_ptr<SharedLimits>> limits_;
};

}  // namespace datagen::detail
