#include "llm/json_search.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <utility>

namespace datagen::llm {

namespace {

// JSON that was written as a text, quotes and all; empty: it was not.
std::string text_in_text(std::string_view answer) {
  if (answer.starts_with('"')) {
    simdjson::dom::parser parser;
    std::string_view inner;
    if (parser.parse(answer.data(), answer.size()).get(inner) == simdjson::SUCCESS) return std::string(inner);
  }
  const std::size_t begin = answer.find_first_of("{[");
  if (begin == std::string_view::npos || answer.find('"') != answer.find("\\\"", begin) + 1) return {};
  std::string inner;  // the quotes around it were left out, those within are escaped
  for (std::size_t at = begin; at < answer.size(); ++at) {
    if (answer[at] == '\\' && at + 1 < answer.size() && (answer[at + 1] == '"' || answer[at + 1] == '\\'))
      ++at;
    inner += answer[at];
  }
  return inner;
}

void find_in_fences(std::string_view answer, std::vector<FoundJson>& all) {
  for (std::size_t at = answer.find("```"); at != std::string_view::npos; at = answer.find("```", at)) {
    at += 3;
    const std::size_t begin = answer.find_first_of("{[", at);
    if (begin == std::string_view::npos) return;
    auto found = repair_json(answer.substr(begin));
    if (!found.empty()) at = begin + found.front().length;
    for (FoundJson& one : found) add(all, std::move(one));
  }
}

void find_in_prose(std::string_view answer, std::vector<FoundJson>& all) {
  constexpr int kTriesMax = 256;
  std::vector<FoundJson> found;
  std::size_t at = answer.find_first_of("{[");
  for (int tries = 0; at != std::string_view::npos && tries < kTriesMax; ++tries) {
    auto here = repair_json(answer.substr(at));
    // What was closed early may have swallowed prose: what begins within it is looked at, too.
    at += here.empty() || here.front().is_truncated ? 1 : here.front().length;
    for (FoundJson& one : here) add(found, std::move(one));
    at = answer.find_first_of("{[", at);
  }
  std::ranges::stable_sort(found, [](const FoundJson& a, const FoundJson& b) {
    return a.is_truncated != b.is_truncated ? b.is_truncated : a.length > b.length;
  });
  for (FoundJson& one : found) add(all, std::move(one));
}

}  // namespace

std::vector<FoundJson> find_json(std::string_view answer) {
  // What a model thought before it answered is not its answer.
  constexpr std::string_view kThought = "</think>";
  if (const std::size_t thought = answer.rfind(kThought); thought != std::string_view::npos)
    answer.remove_prefix(thought + kThought.size());
  std::vector<FoundJson> all;
  const std::size_t begin = std::min(answer.find_first_not_of(" \t\r\n"), answer.size());
  if (const std::string inner = text_in_text(answer.substr(begin)); !inner.empty()) return find_json(inner);
  if (begin < answer.size() && (answer[begin] == '{' || answer[begin] == '[')) {
    auto found = repair_json(answer.substr(begin));
    if (!found.empty() && !found.front().is_truncated) add(all, std::move(found.front()));
  }
  std::vector<FoundJson> fenced;
  find_in_fences(answer, fenced);
  std::ranges::stable_sort(fenced, {}, &FoundJson::is_truncated);
  for (FoundJson& one : fenced) add(all, std::move(one));
  find_in_prose(answer, all);
  return all;
}

}  // namespace datagen::llm
