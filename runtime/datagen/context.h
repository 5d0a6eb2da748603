// What a stage's operator can ask its surroundings for. One Context serves all threads of a worker.
#pragma once

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <datagen/parameters.h>
#include <datagen/usage.h>

namespace spdlog {
class logger;
}

namespace datagen {

class Ledger;
class SharedLimits;
struct CallLimits;
namespace detail {
class ContextState;
}

class Context {
 public:
  explicit Context(detail::ContextState& state) : state_(&state) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // The value of a declared parameter: T is bool, an integral, floating or string type.
  // Throws std::logic_error for a name that was not declared, or a value without T's kind.
  template <class T>
  T param(std::string_view name) const;
  // The parameter is declared, and has a value.
  bool has_param(std::string_view name) const;

  // Counts something under a name of the stage's own; shown in top, metrics and the report. Counts travel
  // with the frame, so a redo after a crash does not count twice.
  void count(std::string_view name, std::int64_t amount = 1);
  // One model call: tokens, and what it cost and where. Travels with the frame like counts. Report each call
  // that was billed when its record is finished, taken from the ledger or not, and no other.
  void report_usage(const CallUsage& call);
  void report_usage(std::string_view model, std::int64_t prompt_tokens, std::int64_t completion_tokens);
  // How far a long call within one record is (`datagen-ring stat` shows it). Plain memory: may be called
  // often.
  void progress(std::int64_t done, std::int64_t total);
  // The run is being stopped: a long call should return or throw soon. Nothing of the frame that its record
  // is in counts then; all of it is done again when the run goes on.
  bool cancelled() const;
  // A limit that the user has set is used up: the run ends with exit code 5, and can be gone on with
  // (`datagen resume RUN --set STAGE.budget_per_run=…`). Call it when all that was begun and must not be lost
  // is in the ledger; cancelled() is true from then on, and the frame in work is done again by the run that
  // goes on.
  void stop_at_limit(const std::string& message);
  // Where results of paid calls are kept: <datagen/ledger.h>. `cache`: a folder that runs share results in,
  // by what was asked; the first call decides. Throws std::runtime_error when there is no room for it; best
  // called in open().
  Ledger& ledger(const std::string& cache = {});
  // What all workers of the run may do together: <datagen/limits.h>. Those who give the same name share it,
  // in any stage; the limits themselves may differ from start to start of a run. Throws std::runtime_error
  // when there is no room for it; best called in open().
  SharedLimits& limits(const std::string& name, const CallLimits& limits);
  // The stage's own log file. Include <spdlog/spdlog.h> to use it.
  spdlog::logger& log();

  const std::string& stage() const;
  int worker() const;

 private:
  const ParameterValue& value(std::string_view name) const;
  [[noreturn]] static void throw_wrong_type(std::string_view name);
  [[noreturn]] static void throw_out_of_range(std::string_view name);
  detail::ContextState* state_;
};

template <class T>
T Context::param(std::string_view name) const {
  const ParameterValue& found = value(name);
  if constexpr (std::same_as<T, bool>) {
    if (const bool* given = std::get_if<bool>(&found)) return *given;
  } else if constexpr (std::integral<T>) {
    if (const std::int64_t* given = std::get_if<std::int64_t>(&found)) {
      if (!std::in_range<T>(*given)) throw_out_of_range(name);
      return static_cast<T>(*given);
    }
  } else if constexpr (std::floating_point<T>) {
    if (const double* given = std::get_if<double>(&found)) return static_cast<T>(*given);
    if (const std::int64_t* given = std::get_if<std::int64_t>(&found)) return static_cast<T>(*given);
  } else {
    if (const std::string* given = std::get_if<std::string>(&found)) return T(*given);
  }
  throw_wrong_type(name);
}

}  // namespace datagen
