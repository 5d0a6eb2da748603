// What stands behind a Context: one for each frame in work, shared by the threads that work on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "datagen/context.h"
#include "side_section.h"

namespace spdlog {
class logger;
}

namespace datagen::detail {

class PaidWork;

// Made by the first who asks for it: see context_log.cc.
struct WorkerLog {
  std::once_flag made;
  std::shared_ptr<spdlog::logger> logger;
};

class ContextState {
 public:
  ContextState(std::string stage, int worker, ParameterValues parameters);
  ~ContextState();
  // For a thread of the same worker that works on a frame of its own.
  std::unique_ptr<ContextState> for_another_frame() const;

  std::string stage;
  int worker;
  ParameterValues parameters;
  std::shared_ptr<WorkerLog> log;       // of the worker
  std::shared_ptr<PaidWork> paid_work;  // of the worker
  // Set by the launcher in the worker's cell; null when there is no launcher.
  const std::atomic<std::uint32_t>* cancel = nullptr;
  // An operator, or whoever would try it again, was told to stop: the frame in work is not whole.
  std::atomic<bool> was_told_to_stop{false};
  // How far the calling thread is within its record; none when there is no launcher.
  std::function<void(std::int64_t done, std::int64_t total)> show_progress;

  // The frame in work must not be published: its operator was told to stop, or the worker has given up.
  bool is_ending() const;

  std::mutex mutex;             // guards what follows
  StageNotes* notes = nullptr;  // of the frame in work
};

}  // namespace datagen::detail
