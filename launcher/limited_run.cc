#include "launcher/limited_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "launcher/process.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::minutes kSampleTimeout{1};

// Makes a stage of the plan an end of another kind, with the parameters that it has by default.
Result<void> become(PlannedStage& stage, const std::string& name, const std::string& uri,
                    StageLookup& lookup) {
  DATAGEN_TRY(stage.executable, lookup.find(name));
  DATAGEN_TRY(stage.executable_hash, lookup.hash(stage.executable));
  DATAGEN_TRY(const StageDescription description, lookup.describe(stage.executable));
  stage.params.clear();
  for (const ParameterDescription& parameter : description.parameters) {
    if (!parameter.default_json.empty()) stage.params.push_back({parameter.name, parameter.default_json});
  }
  stage.uri = uri;
  return success();
}

// The source alone, in front of a pipe.
Result<Plan> source_plan(const Plan& plan, StageLookup& lookup) {
  Plan source = plan;
  PlannedStage sink;
  sink.id = "sink";
  sink.kind = StageKind::sink;
  sink.in = {0};
  DATAGEN_TRY(become(sink, "sink-stdout", "stdout://", lookup));
  source.ids = "off";
  source.stages = {plan.stages.front(), sink};
  source.stages.front().out = {0};
  source.edges = {plan.edges.front()};
  source.edges.front().from = 0;
  source.edges.front().to = 1;
  source.outputs.clear();
  source.max_dead_letters.share = 1;
  fit_workers(source);
  return source;
}

Result<std::vector<std::string>> take_sample(const Plan& plan, std::uint64_t records,
                                             const std::string& folder, StageLookup& lookup) {
  RuntimeFile runtime;
  runtime.run_id = fmt::format("sample{}", getpid());
  DATAGEN_TRY(runtime.plan, source_plan(plan, lookup));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  DATAGEN_TRY(write_runtime_file(folder, runtime));
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error);
  auto lines = first_lines({self, "resume", folder, "--quiet"}, records, kSampleTimeout);
  std::filesystem::remove_all(folder, error);
  if (!lines) return lines.error().within("cannot take a sample of the input");
  return lines;
}

}  // namespace

Result<LimitedRun> limit_plan(Plan plan, std::uint64_t records, const std::string& folder,
                              StageLookup& lookup) {
  LimitedRun run;
  DATAGEN_TRY(run.records, take_sample(plan, records, folder + "/take", lookup));
  const std::string sample = folder + "/sample.jsonl";
  std::ofstream file(sample, std::ios::binary);
  for (const std::string& record : run.records) file << record << '\n';
  file.close();
  if (!file) return Error("cannot write " + sample);
  plan.outputs.clear();
  for (PlannedStage& stage : plan.stages) {
    if (stage.kind == StageKind::source) {
      DATAGEN_TRY(become(stage, "source-jsonl", "jsonl://" + sample, lookup));
      DATAGEN_TRY(plan.inputs, lookup.freeze(stage.executable, sample, {}));
    }
    if (stage.kind != StageKind::sink) continue;
    run.outputs.push_back(fmt::format("{}/{}.jsonl", folder, stage.id));
    DATAGEN_TRY(become(stage, "sink-jsonl", "jsonl://" + run.outputs.back(), lookup));
  }
  plan.outputs = run.outputs;
  run.plan = std::move(plan);
  return run;
}

}  // namespace datagen::launcher
