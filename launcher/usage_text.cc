#include "launcher/usage_text.h"

#include <fmt/format.h>

#include "launcher/json_text.h"
#include "launcher/progress_text.h"
#include "launcher/text_table.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kRowsOfStage = 12;

}  // namespace

std::string spent_text(const Spent& spent) {
  std::string text = fmt::format("tokens {} in, {} out", show_count(spent.paid.prompt_tokens),
                                 show_count(spent.paid.completion_tokens));
  if (spent.paid.cost_nano > 0) text += ", cost " + show_cost(spent.paid.cost());
  if (spent.again.calls > 0) text += fmt::format(", {} calls again", show_count(spent.again.calls));
  if (spent.wasted.calls > 0) text += fmt::format(", {} wasted", show_count(spent.wasted.calls));
  return text;
}

std::string calls_table(const Plan& plan, const UsageBooks& books) {
  if (books.empty()) return {};
  TextTable table({"calls of", "model", "endpoint", "kind", "calls", "tokens in", "tokens out", "cost"});
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const std::string& id = plan.stages[stage].id;
    std::size_t rows = 0;
    Usage others;
    for (const auto& [key, used] : books.stages()[stage].usage) {
      if (++rows > kRowsOfStage) {
        others += used;
        continue;
      }
      table.add({id, key.model, key.endpoint, name_of(key.kind), show_count(used.calls),
                 show_count(used.prompt_tokens), show_count(used.completion_tokens), show_cost(used.cost())});
    }
    if (rows > kRowsOfStage)
      table.add({id, fmt::format("{} more", rows - kRowsOfStage), "", "", show_count(others.calls),
                 show_count(others.prompt_tokens), show_count(others.completion_tokens),
                 show_cost(others.cost())});
  }
  return table.text();
}

std::string counters_text(const Plan& plan, const UsageBooks& books) {
  std::string text;
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    std::string counts;
    for (const auto& [name, amount] : books.stages()[stage].counters)
      counts += fmt::format("{} {} {}", counts.empty() ? ":" : ",", name, amount);
    if (!counts.empty()) text += plan.stages[stage].id + counts + "\n";
  }
  return text;
}

std::string amounts_json(const Usage& usage) {
  return fmt::format("\"calls\": {}, \"prompt_tokens\": {}, \"completion_tokens\": {}, \"cost\": {:.9g}",
                     usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.cost());
}

std::string calls_json(const UsageByKey& usage) {
  std::string calls;
  for (const auto& [key, used] : usage) {
    calls +=
        fmt::format("{}{{\"model\": {}, \"endpoint\": {}, \"kind\": \"{}\", {}}}", calls.empty() ? "" : ", ",
                    json_string(key.model), json_string(key.endpoint), name_of(key.kind), amounts_json(used));
  }
  return "[" + calls + "]";
}

}  // namespace datagen::launcher
