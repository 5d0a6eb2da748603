#include "datagen/context.h"

#include <cmath>
#include <memory>
#include <mutex>

#include "context_state.h"
#include "ipc/worker_exit.h"
#include "paid_work.h"

namespace datagen {

namespace detail {

ContextState::ContextState(std::string stage_name, int worker_index, ParameterValues values)
    : stage(std::move(stage_name)),
      worker(worker_index),
      parameters(std::move(values)),
      log(std::make_shared<WorkerLog>()),
      paid_work(std::make_shared<PaidWork>()) {}

ContextState::~ContextState() = default;

bool ContextState::is_ending() const {
  return was_told_to_stop.load(std::memory_order_relaxed) || paid_work->has_given_up();
}

std::unique_ptr<ContextState> ContextState::for_another_frame() const {
  auto other = std::make_unique<ContextState>(stage, worker, parameters);
  other->log = log;
  other->paid_work = paid_work;
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
      Usage{static_cast<std::uint64_t>(call.calls), static_cast<std::uint64_t>(call.prompt_tokens),
            static_cast<std::uint64_t>(call.completion_tokens), std::llround(call.cost * 1e9)};
}

void Context::progress(std::int64_t done, std::int64_t total) {
  if (state_->show_progress) state_->show_progress(done, total);
}

bool Context::cancelled() const {
  if (state_->is_ending()) return true;
  if (state_->cancel == nullptr || state_->cancel->load(std::memory_order_relaxed) == 0) return false;
  state_->was_told_to_stop.store(true, std::memory_order_relaxed);
  return true;
}

void Context::stop_at_limit(const std::string& message) {
  state_->paid_work->give_up(kWorkerAtLimit, message);
}

Ledger& Context::ledger(const std::string& cache) { return state_->paid_work->ledger(cache); }

SharedLimits& Context::limits(const std::string& name, const CallLimits& limits) {
  return state_->paid_work->limits(name, limits);
}

const std::string& Context::stage() const { return state_->stage; }
int Context::worker() const { return state_->worker; }

}  // namespace datagen
