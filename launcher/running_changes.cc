#include "launcher/running_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "launcher/keys.h"
#include "launcher/parameter_check.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

Result<void> set_parameter(PlannedStage& stage, const std::string& name, const std::string& given,
                           StageLookup& lookup) {
  DATAGEN_TRY(const StageDescription description, lookup.describe(stage.executable));
  const ParameterDescription* declared = description.find(name);
  if (declared == nullptr) {
    std::vector<std::string> known = key_names(Scope::stage);
    for (const ParameterDescription& parameter : description.parameters) known.push_back(parameter.name);
    return Error("unknown key" + suggestion(name, known));
  }
  if (!declared->running)
    return Error("a parameter changes what the stage writes; start a new run for it (datagen run … --fresh)");
  const std::string value = with_absolute_paths(*declared, given, std::filesystem::current_path());
  DATAGEN_TRY(PlannedParameter changed, check_parameter(*declared, value));
  if (declared->checked && !declared->secret) {
    DATAGEN_TRY(const std::string wrong, lookup.check(stage.executable, name + "=" + value));
    if (!wrong.empty()) return Error(wrong);
  }
  const auto found = std::ranges::find(stage.params, name, &PlannedParameter::name);
  if (found != stage.params.end()) {
    *found = std::move(changed);
  } else {
    stage.params.push_back(std::move(changed));
  }
  return success();
}

Result<void> set_stage_key(PlannedStage& stage, const std::string& name, const std::string& value,
                           StageLookup& lookup) {
  const Key* key = find_key(Scope::stage, name);
  if (key == nullptr || key->kind != KeyKind::running) return set_parameter(stage, name, value, lookup);
  if (stage.kind != StageKind::stage) return Error(fmt::format("a {} has no such key", name_of(stage.kind)));
  if (key->number == nullptr) {
    DATAGEN_TRY(stage.running.on_error, parse_choice(*key, value));
    return success();
  }
  DATAGEN_TRY(const std::int64_t number, parse_number(*key, value));
  const bool is_parallel = name == "workers" || name == "threads" || name == "frames";
  if (stage.stateful && is_parallel && number != 1) {
    return Error(fmt::format(
        "'{}' keeps state from record to record, so it runs in one process with one thread", stage.id));
  }
  stage.running.*key->number = number;
  return success();
}

Result<void> set_running_key(Plan& plan, const std::string& path, const std::string& value,
                             StageLookup& lookup) {
  if (path == "max_dead_letters") {
    DATAGEN_TRY(plan.max_dead_letters, parse_dead_letter_limit(value));
    return success();
  }
  if (path == "commit_interval" || path == "log_bytes") {
    DATAGEN_TRY(const std::int64_t number, parse_number(*find_key(Scope::graph, path), value));
    (path == "log_bytes" ? plan.log_bytes : plan.commit_interval_ms) = static_cast<std::uint64_t>(number);
    return success();
  }
  const std::size_t dot = path.rfind('.');  // a stage's id may have dots: score.when
  const std::string id = path.substr(0, dot);
  const auto stage = std::ranges::find(plan.stages, id, &PlannedStage::id);
  const std::vector<std::string> ids = plan.stage_names();
  if (dot == std::string::npos || stage == plan.stages.end()) {
    return Error(fmt::format(
        "{}: the run has no stage '{}'{}; a resume changes STAGE.KEY=VALUE, for example {}.timeout=120s",
        path, id, suggestion(id, ids), ids.size() > 2 ? ids[1] : "STAGE"));
  }
  const auto done = set_stage_key(*stage, path.substr(dot + 1), value, lookup);
  return done ? success() : Result<void>(done.error().within(path));
}

}  // namespace

Result<void> set_running_keys(Plan& plan, const std::vector<std::string>& sets, StageLookup& lookup) {
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error(fmt::format("--set {}: expected PATH=VALUE, for example score.timeout=120s", set));
    const auto changed = set_running_key(plan, set.substr(0, equals), set.substr(equals + 1), lookup);
    if (!changed) return Error("--set " + changed.error().message());
  }
  fit_workers(plan);
  return success();
}

}  // namespace datagen::launcher
