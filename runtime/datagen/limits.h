// Limits that all workers of a run keep together: requests, tokens and money per minute, day and run.
//
//   datagen::SharedLimits& limits = context.limits("gpt", {.requests_per_minute = 600, .cost_per_run = 20});
//   const auto wait = limits.acquire(tokens_estimate, cost_estimate);
//   if (wait == wait.zero()) …send it, and when it has ended: limits.settle(tokens, cost);
//   else if (limits.is_exhausted()) context.stop_at_limit("the budget of 20 is used up");
//   else …ask again after `wait`
//
// They stand in shared memory (a mapped file of the run directory), without locks: a worker that dies at any
// point leaves nothing locked, and what it held is given back. docs/paid_calls.md argues it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace datagen {

namespace detail {
class LimitsState;
}

// 0: no limit. Money is in the currency of the price table. A day is one of UTC.
struct CallLimits {
  std::int64_t requests_per_minute = 0, tokens_per_minute = 0, requests_per_day = 0, tokens_per_day = 0;
  double cost_per_minute = 0, cost_per_day = 0, cost_per_run = 0;
  std::int64_t tokens_per_run = 0, requests_per_run = 0;
  std::chrono::nanoseconds minute = std::chrono::minutes(1);  // shorter for tests
};

// Thread-safe. Got from Context::limits().
class SharedLimits {
 public:
  explicit SharedLimits(std::unique_ptr<detail::LimitsState> state);
  ~SharedLimits();
  SharedLimits(const SharedLimits&) = delete;
  SharedLimits& operator=(const SharedLimits&) = delete;

  // Takes one request, with an estimate of its tokens and cost. Zero: go, and settle() it. Else nothing was
  // taken: wait so long, and ask again. What is granted is never over a limit in any window of a minute (an
  // estimate above a whole limit counts as all of it), and never more than is left of the day and the run,
  // counting what was settled and the estimates of what is under way.
  std::chrono::nanoseconds acquire(std::int64_t tokens_estimate, double cost_estimate);
  // What the request came to; once for each that was acquired, with 0 if it was not billed. Give the
  // estimates it was acquired with, or the mean of those under way is taken for them.
  void settle(std::int64_t tokens, double cost);
  void settle(std::int64_t tokens, double cost, std::int64_t tokens_estimate, double cost_estimate);
  // The server said so (Retry-After, x-ratelimit-remaining: 0): no worker sends before.
  void hold_back(std::chrono::nanoseconds time);
  // A limit of the run is used up: acquire() found too little left, and nothing under way that may give back.
  bool is_exhausted() const;

 private:
  std::unique_ptr<detail::LimitsState> state_;
};

}  // namespace datagen
