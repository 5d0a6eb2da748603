// What stands behind a Context: one per worker, shared by its threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "datagen/context.h"
#include "side_section.h"

namespace spdlog {
class logger;
}

namespace datagen::detail {

class ContextState {
 public:
  ContextState(std::string stage, int worker, ParameterValues parameters);
  ~ContextState();

  std::string stage;
  int worker;
  ParameterValues parameters;
  std::shared_ptr<spdlog::logger> logger;
  // Set by the launcher in the worker's cell; null when there is no launcher.
  const std::atomic<std::uint32_t>* cancel = nullptr;

  std::mutex mutex;             // guards what follows
  StageNotes* notes = nullptr;  // of the frame in work
};

}  // namespace datagen::detail
