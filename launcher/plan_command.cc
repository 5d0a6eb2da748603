// datagen plan and datagen stages: what can be known without starting anything.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "launcher/commands.h"
#include "launcher/graph_arguments.h"
#include "launcher/json_text.h"
#include "launcher/report.h"
#include "launcher/show_plan.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

namespace {

using Type = ParameterDescription::Type;

constexpr const char* kTypeNames[] = {"text", "integer", "number", "boolean", "choice", "json"};

std::string type_of(const ParameterDescription& parameter) {
  if (parameter.type == Type::choice) return fmt::format("{}", fmt::join(parameter.choices, "|"));
  std::string text = kTypeNames[static_cast<int>(parameter.type)];
  if (parameter.min && parameter.max)
    return text + fmt::format(" {}..{}", json_number(*parameter.min), json_number(*parameter.max));
  if (parameter.min) return text + fmt::format(" >= {}", json_number(*parameter.min));
  if (parameter.max) return text + fmt::format(" <= {}", json_number(*parameter.max));
  return text;
}

std::string show_stage(const StageDescription& stage) {
  std::string text = fmt::format("{} ({}{}{}): {}\n  {}\n", stage.name, name_of(stage.kind),
                                 stage.stateful ? ", stateful" : "", stage.batch ? ", works on batches" : "",
                                 stage.help, stage.executable);
  for (const ParameterDescription& parameter : stage.parameters) {
    const std::string value = !parameter.default_json.empty() ? "default " + parameter.default_json
                              : parameter.required            ? "required"
                                                              : "unset";
    text += fmt::format("  {:<16} {:<24} {}{}\n", parameter.name, type_of(parameter) + ", " + value,
                        parameter.help,
                        parameter.secret    ? " (secret: env:NAME or file:PATH)"
                        : parameter.running ? " (may change on resume)"
                                            : "");
  }
  for (const auto& [key, value] : stage.running) text += fmt::format("  runs with {}: {}\n", key, value);
  if (!stage.example.empty()) text += "  example: " + stage.example + "\n";
  return text;
}

std::string stage_json(const StageDescription& stage) {
  std::string parameters;
  for (const ParameterDescription& parameter : stage.parameters) {
    parameters += fmt::format("{}{{\"name\": {}, \"type\": \"{}\"", parameters.empty() ? "" : ", ",
                              json_string(parameter.name), kTypeNames[static_cast<int>(parameter.type)]);
    if (!parameter.default_json.empty()) parameters += ", \"default\": " + parameter.default_json;
    if (parameter.min) parameters += ", \"min\": " + json_number(*parameter.min);
    if (parameter.max) parameters += ", \"max\": " + json_number(*parameter.max);
    std::string choices;
    for (const std::string& choice : parameter.choices)
      choices += (choices.empty() ? "" : ", ") + json_string(choice);
    if (!choices.empty()) parameters += ", \"choices\": [" + choices + "]";
    parameters +=
        fmt::format(", \"required\": {}, \"secret\": {}, \"running\": {}, \"help\": {}}}", parameter.required,
                    parameter.secret, parameter.running, json_string(parameter.help));
  }
  return fmt::format(
      "{{\"name\": {}, \"kind\": \"{}\", \"executable\": {}, \"help\": {}, \"example\": {}, \"stateful\": "
      "{}, \"batch\": {}, \"parameters\": [{}]}}",
      json_string(stage.name), name_of(stage.kind), json_string(stage.executable), json_string(stage.help),
      json_string(stage.example), stage.stateful, stage.batch, parameters);
}

int list_stages(StageCatalog& catalog, bool json) {
  std::vector<StageDescription> stages;
  const std::vector<std::string> names = catalog.names();
  for (const std::string& name : names) {
    if (const auto path = catalog.find(name)) catalog.expect_describe(path.value());
  }
  for (const std::string& name : names) {
    const auto path = catalog.find(name);
    auto stage = path ? catalog.describe(path.value()) : Result<StageDescription>(path.error());
    if (!stage) {
      complain(stage.error().message());
      continue;
    }
    stages.push_back(std::move(stage).value());
  }
  // Stages first, then what stands at the ends.
  std::ranges::stable_sort(stages, [](const auto& left, const auto& right) {
    const auto rank = [](StageKind kind) {
      return kind == StageKind::stage ? 0 : kind == StageKind::source ? 1 : 2;
    };
    return rank(left.kind) < rank(right.kind);
  });
  std::string text;
  for (const StageDescription& stage : stages) {
    text += json ? (text.empty() ? "" : ", ") + stage_json(stage)
                 : fmt::format("{:<16} {:<7} {}\n", stage.name, name_of(stage.kind), stage.help);
  }
  std::fputs(json ? fmt::format("{{\"version\": 1, \"stages\": [{}]}}\n", text).c_str() : text.c_str(),
             stdout);
  return kComplete;
}

}  // namespace

int plan_command(const GraphArguments& arguments, bool dot, bool json) {
  const auto run = plan_run(arguments);
  if (!run) return kUsage;
  const std::string text = dot    ? plan_dot(run->plan)
                           : json ? plan_json(run->plan, run->run_directory)
                                  : show_plan(run->plan, run->run_directory);
  std::fputs(text.c_str(), stdout);
  return kComplete;
}

int stages_command(const std::string& name, bool json) {
  StageCatalog catalog(StageCatalog::folders({}));
  if (name.empty()) return list_stages(catalog, json);
  const auto path = name.find('/') != std::string::npos ? Result<std::string>(name) : catalog.find(name);
  if (!path) return complain(path.error().message()), kUsage;
  const auto stage = catalog.describe(path.value());
  if (!stage) return complain(stage.error().message()), kUsage;
  std::fputs(json ? (stage_json(stage.value()) + "\n").c_str() : show_stage(stage.value()).c_str(), stdout);
  return kComplete;
}

}  // namespace datagen::launcher
