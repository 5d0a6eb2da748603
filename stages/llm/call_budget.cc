#include "llm/call_budget.h"

#include <stdexcept>

namespace datagen::llm {

namespace {

constexpr std::int64_t kBytesOfToken = 4;

}  // namespace

void CallBudget::describe(Parameters& p) {
  for (const char* name : {"requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day",
                           "requests_per_run", "tokens_per_run"})
    p.integer(name, 0).min(0).running().help("limit for all workers together; 0: none");
  for (const char* name : {"cost_per_minute", "cost_per_day", "cost_per_run"})
    p.number(name, 0).min(0).running().help("limit in the currency of 'prices', for all workers; 0: none");
  p.text("limits").running().help("name of the limits, for stages that share them (default: the stage's id)");
  p.json("prices")
      .running()
      .path()
      .checked_by([](std::string_view text) { Prices::parse(text); })
      .help("{model: {prompt: 2.5, completion: 10}} per million tokens, or a file with that");
}

CallBudget::CallBudget(Context& c) : stage_(c.stage()) {
  if (c.has_param("prices")) prices_ = Prices::parse(c.param<std::string>("prices"));
  const auto whole = [&](const char* name) { return c.param<std::int64_t>(name); };
  CallLimits limits;
  limits.requests_per_minute = whole("requests_per_minute");
  limits.tokens_per_minute = whole("tokens_per_minute");
  limits.requests_per_day = whole("requests_per_day");
  limits.tokens_per_day = whole("tokens_per_day");
  limits.requests_per_run = whole("requests_per_run");
  limits.tokens_per_run = whole("tokens_per_run");
  limits.cost_per_minute = c.param<double>("cost_per_minute");
  limits.cost_per_day = c.param<double>("cost_per_day");
  limits.cost_per_run = c.param<double>("cost_per_run");
  const bool has_costs = limits.cost_per_minute > 0 || limits.cost_per_day > 0 || limits.cost_per_run > 0;
  if (has_costs && prices_.empty()) throw std::invalid_argument("a limit of cost needs 'prices'");
  const bool has_any = has_costs || limits.requests_per_minute > 0 || limits.tokens_per_minute > 0 ||
                       limits.requests_per_day > 0 || limits.tokens_per_day > 0 ||
                       limits.requests_per_run > 0 || limits.tokens_per_run > 0 || c.has_param("limits");
  name_ = c.has_param("limits") ? c.param<std::string>("limits") : stage_;
  if (has_any) limits_ = &c.limits(name_, limits);
}

CallBudget::Estimate CallBudget::estimate(std::string_view model, std::size_t request_bytes,
                                          std::int64_t completion_tokens) const {
  const auto prompt = static_cast<std::int64_t>(request_bytes) / kBytesOfToken + 1;
  return {prompt + completion_tokens, prices_.cost_of(model, prompt, completion_tokens)};
}

std::chrono::nanoseconds CallBudget::acquire(const Estimate& estimate) {
  return limits_ == nullptr ? std::chrono::nanoseconds(0) : limits_->acquire(estimate.tokens, estimate.cost);
}

void CallBudget::settle(const Estimate& estimate, std::int64_t tokens, double cost) {
  if (limits_ != nullptr) limits_->settle(tokens, cost, estimate.tokens, estimate.cost);
}

void CallBudget::hold_back(std::chrono::nanoseconds time) {
  if (limits_ != nullptr) limits_->hold_back(time);
}

std::string CallBudget::exhausted() const {
  if (limits_ == nullptr || !limits_->is_exhausted()) return {};
  return "a limit of stage '" + stage_ +
         "' for the run is used up: raise requests_per_run, tokens_per_run or cost_per_run";
}

}  // namespace datagen::llm
