// Context::log(), in a file of its own: only a stage that calls it is linked with spdlog and fmt, which are a
// fifth of what loading a stage takes.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>

#include "context_state.h"

namespace datagen {

spdlog::logger& Context::log() {
  detail::WorkerLog& log = *state_->log;
  std::call_once(log.made, [&] {
    // The worker's stderr is its log file; by hand it is the terminal.
    log.logger =
        std::make_shared<spdlog::logger>(state_->stage, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log.logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n: %v");
    log.logger->flush_on(spdlog::level::info);
  });
  return *log.logger;
}

}  // namespace datagen
