// What calls may cost: limits that all workers of the run keep together, and prices.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <datagen/context.h>
#include <datagen/ledger.h>
#include <datagen/limits.h>
#include <datagen/prices.h>

namespace datagen::llm {

class CallBudget {
 public:
  struct Estimate {
    std::int64_t tokens = 0;
    double cost = 0;
  };

  static void describe(Parameters& parameters);
  explicit CallBudget(Context& context);

  // Before a call, of a request of so many bytes, for an answer of so many tokens.
  Estimate estimate(std::string_view model, std::size_t request_bytes, std::int64_t completion_tokens) const;
  // Zero: go, and settle() it; else wait so long and ask again.
  std::chrono::nanoseconds acquire(const Estimate& estimate);
  void settle(const Estimate& estimate, std::int64_t tokens, double cost);
  // A server said that nobody should send for so long.
  void hold_back(std::chrono::nanoseconds time);
  // What to tell the user when a limit of the run is used up; empty: none is.
  std::string exhausted() const;

  double cost_of(std::string_view model, std::int64_t prompt_tokens, std::int64_t completion_tokens) const {
    return prices_.cost_of(model, prompt_tokens, completion_tokens);
  }
  Bill bill(std::string_view model, std::int64_t prompt_tokens, std::int64_t completion_tokens) const {
    return {limits_ == nullptr ? std::string() : name_, prompt_tokens + completion_tokens,
            cost_of(model, prompt_tokens, completion_tokens)};
  }

 private:
  Prices prices_;
  std::string stage_, name_;
  SharedLimits* limits_ = nullptr;  // null: none were given
};

}  // namespace datagen::llm
