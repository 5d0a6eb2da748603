// A call that was paid for, for the accounts.
#pragma once

#include <cstdint>
#include <string>

#include <datagen/context.h>

namespace datagen::llm {

struct CallNote {
  std::string model, endpoint;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  double cost = 0;
  std::int64_t calls = 1;          // 0: a part of one, which another record counts
  bool is_used = false;            // some of its answer is
  bool is_from_elsewhere = false;  // another run has paid

  // `is_answered`: the record has got what it asked for, in the end.
  void report(bool is_answered, Context& context) const {
    const UsageKind kind = is_from_elsewhere ? UsageKind::reused
                           : is_used         ? UsageKind::kept
                           : is_answered     ? UsageKind::retry
                                             : UsageKind::waste;
    context.report_usage(
        {model, endpoint, prompt_tokens, completion_tokens, is_from_elsewhere ? 0 : cost, kind, calls});
  }
};

}  // namespace datagen::llm
