#include "launcher/parameter_check.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <utility>

#include "launcher/json_text.h"
#include "launcher/suggest.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

using Type = ParameterDescription::Type;

Result<void> check_bounds(const ParameterDescription& parameter, std::string_view text, double value) {
  if (parameter.min && value < *parameter.min)
    return Error(fmt::format("{} is too small: at least {}", text, json_number(*parameter.min)));
  if (parameter.max && value > *parameter.max)
    return Error(fmt::format("{} is too large: at most {}", text, json_number(*parameter.max)));
  return success();
}

// A whole number; also a size, for parameters that count bytes (max_record: 64MiB).
Result<std::string> integer_json(const ParameterDescription& parameter, const std::string& text) {
  auto value = parse_whole(text);
  if (!value && text.find('B') != std::string::npos) value = parse_size(text);
  if (!value) return value.error();
  DATAGEN_TRY(check_bounds(parameter, text, static_cast<double>(value.value())));
  return std::to_string(value.value());
}

Result<std::string> number_json(const ParameterDescription& parameter, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return Error(fmt::format("expected a number, got '{}'", text));
  }
  DATAGEN_TRY(check_bounds(parameter, text, value));
  return json_number(value);
}

// A list or map as JSON.
bool is_structure(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  return parser.parse(text).get(value) == simdjson::SUCCESS && (value.is_array() || value.is_object());
}

Result<std::string> value_json(const ParameterDescription& parameter, const std::string& text,
                               bool is_quoted) {
  if (parameter.secret) {
    if (text.starts_with("env:") || text.starts_with("file:")) return json_string(text);
    return Error("is a secret: give it as env:NAME or file:PATH, so that it stands in no file of the run");
  }
  const bool is_text =
      parameter.type == Type::text || parameter.type == Type::choice || parameter.type == Type::json;
  if (is_quoted && !is_text)
    return Error(fmt::format("expected no text, got \"{}\" (remove the quotes)", text));
  switch (parameter.type) {
    case Type::text:
      return json_string(text);
    case Type::integer:
      return integer_json(parameter, text);
    case Type::number:
      return number_json(parameter, text);
    case Type::boolean:
      if (text == "true" || text == "false") return text;
      return Error(fmt::format("expected true or false, got '{}'", text));
    case Type::json:
      return is_structure(text) ? text : json_string(text);
    case Type::choice:
      if (std::ranges::find(parameter.choices, text) != parameter.choices.end()) return json_string(text);
      return Error(fmt::format("expected {}, got '{}'{}", fmt::join(parameter.choices, " or "), text,
                               suggestion(text, parameter.choices)));
  }
  return Error("is of an unknown type");
}

std::string absolute(const std::string& path, const std::string& folder) {
  return (std::filesystem::path(folder) / path).lexically_normal();
}

// A text within a parameter; `is_path`: as it is, else only as a reference.
std::string absolute_text(std::string_view text, bool is_path, const std::string& folder) {
  constexpr std::string_view kFile = "file:";
  if (text.starts_with(kFile)) return "file:" + absolute(std::string(text.substr(kFile.size())), folder);
  return is_path && !text.empty() ? absolute(std::string(text), folder) : std::string(text);
}

// `is_path`: texts are paths.
std::string absolute_json(simdjson::dom::element value, bool is_path, const std::string& folder) {
  std::string_view text;
  simdjson::dom::array list;
  simdjson::dom::object map;
  std::string json;
  if (value.get(text) == simdjson::SUCCESS) return json_string(absolute_text(text, is_path, folder));
  if (value.get(list) == simdjson::SUCCESS) {
    for (const auto entry : list) json += (json.empty() ? "" : ",") + absolute_json(entry, is_path, folder);
    return "[" + json + "]";
  }
  if (value.get(map) != simdjson::SUCCESS) return simdjson::minify(value);
  for (const auto [key, member] : map)
    json += (json.empty() ? "" : ",") + json_string(std::string(key)) + ":" +
            absolute_json(member, key.ends_with("_file"), folder);
  return "{" + json + "}";
}

}  // namespace

std::string with_absolute_paths(const ParameterDescription& parameter, const std::string& text,
                                const std::string& folder) {
  if (!parameter.path && !parameter.secret) return text;
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  if (parameter.type != Type::json || !is_structure(text)) return absolute_text(text, parameter.path, folder);
  if (parser.parse(text).get(value) != simdjson::SUCCESS) return text;
  return absolute_json(value, true, folder);
}

void make_paths_absolute(std::vector<GivenParameter>& given, const StageDescription& stage,
                         const std::string& folder) {
  for (GivenParameter& entry : given) {
    if (const ParameterDescription* parameter = stage.find(entry.name); parameter != nullptr)
      entry.text = with_absolute_paths(*parameter, entry.text, folder);
  }
}

std::vector<PlannedParameter> check_parameters(const std::vector<GivenParameter>& given,
                                               const StageDescription& stage, const std::string& path,
                                               const Place& place, GraphErrors& errors) {
  std::vector<std::string> known;
  for (const ParameterDescription& parameter : stage.parameters) known.push_back(parameter.name);
  for (const GivenParameter& entry : given) {
    if (stage.find(entry.name) != nullptr) continue;
    const std::string all = known.empty() ? "it has none" : fmt::format("it has {}", fmt::join(known, ", "));
    const std::string near = suggestion(entry.name, known);
    errors.emplace_back(entry.key_place, fmt::format("{}: {} has no such parameter{}", entry.path, stage.name,
                                                     near.empty() ? " (" + all + ")" : near));
  }
  std::vector<PlannedParameter> planned;
  for (const ParameterDescription& parameter : stage.parameters) {
    const auto entry = std::ranges::find(given, parameter.name, &GivenParameter::name);
    if (entry != given.end()) {
      if (entry->is_refused) continue;
      if (!entry->structure.empty() && parameter.type != Type::json) {
        errors.emplace_back(entry->place, entry->path + ": expected one value, got " + entry->structure);
        continue;
      }
      auto json = value_json(parameter, entry->text, entry->quoted);
      if (!json) errors.emplace_back(entry->place, entry->path + ": " + json.error().message());
      if (json) planned.push_back({parameter.name, std::move(json).value(), parameter.running});
    } else if (!parameter.default_json.empty()) {
      planned.push_back({parameter.name, parameter.default_json, parameter.running});
    } else if (parameter.required) {
      errors.emplace_back(place, fmt::format("{}: {} needs the parameter '{}' ({})", path, stage.name,
                                             parameter.name, parameter.help));
    }
  }
  return planned;
}

Result<PlannedParameter> check_parameter(const ParameterDescription& parameter, const std::string& text) {
  DATAGEN_TRY(std::string json, value_json(parameter, text, false));
  return PlannedParameter{parameter.name, std::move(json), parameter.running};
}

std::vector<std::string> settings_of(const std::vector<PlannedParameter>& params) {
  std::vector<std::string> settings;
  simdjson::dom::parser parser;
  for (const PlannedParameter& param : params) {
    std::string_view text;
    // A text is given without its quotes; everything else as it is written.
    const bool is_text = parser.parse(param.json).get(text) == simdjson::SUCCESS;
    settings.push_back(fmt::format("{}={}", param.name, is_text ? text : std::string_view(param.json)));
  }
  return settings;
}

}  // namespace datagen::launcher
