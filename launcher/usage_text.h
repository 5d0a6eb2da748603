// The words for what model calls have come to. Pure.
#pragma once

#include <string>

#include "launcher/usage_books.h"

namespace datagen::launcher {

// "tokens 1,234 in, 567 out, cost 1.20, 3 calls again, 2 wasted"
std::string spent_text(const Spent& spent);
// A line for each stage, model, endpoint and kind, under a head; many of a stage are cut short. Empty: no
// model was called.
std::string calls_table(const Plan& plan, const UsageBooks& books);
// A line for each stage whose operator counts something: "llm_chat: failed_calls 12".
std::string counters_text(const Plan& plan, const UsageBooks& books);

// [{"model": …, "endpoint": …, "kind": …, "calls": …, "prompt_tokens": …, "completion_tokens": …, "cost": …},
// …]
std::string calls_json(const UsageByKey& usage);
// The amounts alone, without braces.
std::string amounts_json(const Usage& usage);

}  // namespace datagen::launcher
