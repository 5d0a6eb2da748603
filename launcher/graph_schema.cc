#include "launcher/graph_schema.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "launcher/json_text.h"
#include "launcher/keys.h"

namespace datagen::launcher {

namespace {

std::string choices_json(std::string_view choices) {
  std::string text;
  while (!choices.empty()) {
    const std::string word(choices.substr(0, choices.find('|')));
    choices.remove_prefix(std::min(choices.size(), word.size() + 1));
    // YAML reads these two as booleans.
    text += (text.empty() ? "" : ", ") + (word == "true" || word == "false" ? word : json_string(word));
  }
  return text;
}

std::string bounds(const Key& key) {
  std::string text = fmt::format(", \"minimum\": {}", key.min);
  if (key.max != 0) text += fmt::format(", \"maximum\": {}", key.max);
  return text;
}

// What a value may be, without braces.
std::string type_of(const Key& key) {
  switch (key.type) {
    case KeyType::text:
      return R"("type": "string")";
    case KeyType::whole:
      return R"("type": "integer")" + bounds(key);
    case KeyType::size:
      return R"("type": ["integer", "string"], "pattern": "^[0-9]+(\\.[0-9]+)?([KMGT]i?)?B?$")";
    case KeyType::duration:
      return R"("type": ["integer", "string"], "pattern": "^(0|[0-9]+(\\.[0-9]+)?(ms|s|m|h|d))$")";
    case KeyType::choice:
      return "\"enum\": [" + choices_json(key.choices) + "]";
    case KeyType::dead_letters:
      return R"("type": ["integer", "string"], "pattern": "^[0-9]+(\\.[0-9]+)?%?$")";
    case KeyType::text_or_map:
      return R"("type": ["string", "object"])";
    case KeyType::text_or_list:
      return R"("type": ["string", "array"])";
    case KeyType::map:
      return R"("type": "object")";
    case KeyType::list:
      return R"("type": "array")";
  }
  return {};
}

std::string extra(const Key& key) {
  if (key.scope == Scope::graph && key.name == "stages") return R"(, "items": {"$ref": "#/$defs/stage"})";
  if (key.scope == Scope::graph && key.name == "merge") return R"(, "$ref": "#/$defs/merge")";
  if (key.scope == Scope::graph && key.name == "rings") return R"(, "$ref": "#/$defs/rings")";
  if (key.scope == Scope::graph && key.name == "defaults") return R"(, "$ref": "#/$defs/running")";
  return {};
}

// `only_running`: the keys that `defaults` takes.
std::string properties(Scope scope, bool only_running = false) {
  std::string text;
  for (const Key& key : all_keys()) {
    if (key.scope != scope || (only_running && key.number == nullptr && key.name != "on_error")) continue;
    std::string help(key.help);
    if (!key.default_text.empty()) help += fmt::format(" (default: {})", key.default_text);
    text += fmt::format("{}\n      {}: {{{}{}, \"description\": {}}}", text.empty() ? "" : ",",
                        json_string(key.name), type_of(key), extra(key), json_string(help));
  }
  return "\"properties\": {" + text + "}";
}

}  // namespace

std::string graph_schema() {
  return fmt::format(R"({{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "datagen graph, version 1",
  "type": "object",
  {},
  "patternProperties": {{"^x-": true}},
  "additionalProperties": false,
  "required": ["datagen"],
  "$defs": {{
    "stage": {{
      "description": "the name of a stage; a map of its name with its parameters, and other keys beside it; or a map with use or run",
      "type": ["string", "object"],
      {}
    }},
    "running": {{
      "type": "object",
      {},
      "additionalProperties": false
    }},
    "rings": {{
      "type": "object",
      {},
      "additionalProperties": false
    }},
    "merge": {{
      {},
      "additionalProperties": false
    }}
  }}
}}
)",
                     properties(Scope::graph), properties(Scope::stage), properties(Scope::stage, true),
                     properties(Scope::rings), properties(Scope::merge));
}

}  // namespace datagen::launcher
