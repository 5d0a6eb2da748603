#include "datagen/context.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>

#include "context_state.h"
#include "ipc/worker_exit.h"

namespace datagen {

namespace detail {

ContextState::ContextState(std::string stage_name, int worker_index, ParameterValues values)
    : stage(std::move(stage_name)), worker(worker_index), parameters(std::move(values)) {
  // The worker's stderr is its log file; by hand it is the terminal.
  logger = std::make_shared<spdlog::logger>(stage, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %n: %v");
  logger->flush_on(spdlog::level::info);
}

ContextState::~ContextState() {
  ledger_.reset();
  std::error_code error;
  if (!temporary_folder_.empty()) std::filesystem::remove_all(temporary_folder_, error);
}

SharedLimits& ContextState::limits(const std::string& name, const CallLimits& given) {
  if (first != nullptr) return first->limits(name, given);
  const std::lock_guard lock(limits_mutex_);
  std::unique_ptr<SharedLimits>& limits = limits_[name];
  if (limits == nullptr) {
    LimitsPlace place = limits_place;
    place.name = name;
    auto state = LimitsState::open(place, given);
    if (!state) throw std::runtime_error(state.error().message());
    limits = std::make_unique<SharedLimits>(std::move(state).value());
  }
  return *limits;
}

void ContextState::give_up(int code, const std::string& text) {
  if (first != nullptr) {
    first->give_up(code, text);
  } else {
    const std::lock_guard lock(mutex);
    if (!given_up_) given_up_ = {code, text};
  }
  was_told_to_stop.store(true, std::memory_order_relaxed);
}

std::optional<ContextState::GivenUp> ContextState::given_up() {
  if (first != nullptr) return first->given_up();
  const std::lock_guard lock(mutex);
  return given_up_;
}

Ledger& ContextState::ledger(const std::string& cache) {
  if (first != nullptr) return first->ledger(cache);
  std::call_once(ledger_once_, [&] {
    if (ledger_place.folder.empty()) {
      temporary_folder_ = (std::filesystem::temp_directory_path() / "datagen-ledger.XXXXXX").string();
      if (mkdtemp(temporary_folder_.data()) == nullptr)
        throw std::runtime_error("cannot make a folder " + temporary_folder_);
      ledger_place.folder = temporary_folder_;
    }
    ledger_place.cache = cache;
    ledger_place.claims = &claims;
    ledger_place.on_failure = [this](const std::string& text) { give_up(kWorkerStop, text); };
    ledger_ = std::make_unique<Ledger>(std::make_unique<LedgerFiles>(ledger_place));
  });
  return *ledger_;
}

std::unique_ptr<ContextState> ContextState::for_another_frame() {
  auto other = std::make_unique<ContextState>(stage, worker, parameters);
  other->first = this;
  other->logger = logger;
  other->cancel = cancel;
  other->show_progress = show_progress;
  return other;
}

}  // namespace detail

const ParameterValue& Context::value(std::string_view name) const {
  const auto found = state_->parameters.find(name);
  if (found == state_->parameters.end()) {
    throw std::logic_error("parameter '" + std::string(name) + "' was not declared, or has no value");
  }
  return found->second;
}

void Context::throw_wrong_type(std::string_view name) {
  throw std::logic_error("parameter '" + std::string(name) +
                         "' was declared with another type than it is asked for");
}

void Context::throw_out_of_range(std::string_view name) {
  throw std::logic_error("parameter '" + std::string(name) +
                         "' has a value that the type asked for cannot hold (give it a min and max)");
}

bool Context::has_param(std::string_view name) const { return state_->parameters.contains(name); }

void Context::count(std::string_view name, std::int64_t amount) {
  const std::lock_guard lock(state_->mutex);
  if (state_->notes == nullptr) return;
  auto& counters = state_->notes->counters;
  const auto found = counters.find(name);
  if (found != counters.end()) {
    found->second += amount;
  } else {
    counters.emplace(name, amount);
  }
}

void Context::report_usage(std::string_view model, std::int64_t prompt_tokens,
                           std::int64_t completion_tokens) {
  report_usage(CallUsage{model, {}, prompt_tokens, completion_tokens});
}

void Context::report_usage(const CallUsage& call) {
  const std::lock_guard lock(state_->mutex);
  if (state_->notes == nullptr) return;
  const UsageKey key{std::string(call.model), std::string(call.endpoint), call.kind};
  state_->notes->usage[key] +=
      Usage{1, static_cast<std::uint64_t>(call.prompt_tokens),
            static_cast<std::uint64_t>(call.completion_tokens), std::llround(call.cost * 1e9)};
}

void Context::progress(std::int64_t done, std::int64_t total) {
  if (state_->show_progress) state_->show_progress(done, total);
}

bool Context::cancelled() const {
  if (state_->was_told_to_stop.load(std::memory_order_relaxed)) return true;
  const bool is_told = state_->cancel != nullptr && state_->cancel->load(std::memory_order_relaxed) != 0;
  const bool is_worker_ending =
      state_->first != nullptr && state_->first->was_told_to_stop.load(std::memory_order_relaxed);
  if (!is_told && !is_worker_ending) return false;
  state_->was_told_to_stop.store(true, std::memory_order_relaxed);
  return true;
}

void Context::stop_at_limit(const std::string& message) { state_->give_up(kWorkerAtLimit, message); }

Ledger& Context::ledger(const std::string& cache) { return state_->ledger(cache); }

SharedLimits& Context::limits(const std::string& name, const CallLimits& limits) {
  return state_->limits(name, limits);
}

spdlog::logger& Context::log() { return *state_->logger; }
const std::string& Context::stage() const { return state_->stage; }
int Context::worker() const { return state_->worker; }

}  // namespace datagen
