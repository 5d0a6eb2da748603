#include "launcher/show_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "launcher/json_text.h"
#include "launcher/progress_text.h"

namespace datagen::launcher {

namespace {

// What of a stage differs from the defaults, parameters in full.
std::string details_of(const PlannedStage& stage) {
  const RunningKeys defaults;
  const RunningKeys& keys = stage.running;
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (stage.kind == StageKind::stage) add(fmt::format("workers {}", keys.workers));
  if (keys.threads != defaults.threads) add(fmt::format("threads {}", keys.threads));
  if (keys.frames != defaults.frames) add(fmt::format("frames {}", keys.frames));
  if (keys.batch_size != defaults.batch_size) add(fmt::format("batch_size {}", keys.batch_size));
  if (keys.retries != defaults.retries) add(fmt::format("retries {}", keys.retries));
  if (keys.timeout_ms != defaults.timeout_ms) add(fmt::format("timeout {}ms", keys.timeout_ms));
  if (keys.memory_limit_bytes != defaults.memory_limit_bytes)
    add("memory_limit " + show_bytes(static_cast<std::uint64_t>(keys.memory_limit_bytes)));
  if (stage.stateful) add("stateful");
  for (const PlannedParameter& param : stage.params) add(param.name + "=" + param.json);
  return text;
}

std::string inputs_line(const Plan& plan) {
  std::uint64_t bytes = 0;
  for (const FrozenInput& input : plan.inputs) bytes += input.bytes;
  return fmt::format("{} file{}, {}", show_count(plan.inputs.size()), plan.inputs.size() == 1 ? "" : "s",
                     show_bytes(bytes));
}

}  // namespace

std::string show_plan(const Plan& plan, const std::string& run_directory) {
  std::size_t id_width = 6, name_width = 0;
  for (const PlannedStage& stage : plan.stages) {
    id_width = std::max(id_width, stage.id.size());
    name_width = std::max(name_width, std::filesystem::path(stage.executable).filename().string().size());
  }
  std::string text = fmt::format("{:<{}}  {}\n", "plan", id_width, plan.pipeline);
  for (const PlannedStage& stage : plan.stages) {
    std::string line = stage.uri;
    if (stage.kind == StageKind::source)
      line += fmt::format(" ({})", stage.follows.empty() ? inputs_line(plan)
                                                         : "as far as " + stage.follows + " has committed");
    const std::string details = details_of(stage);
    if (!line.empty() && !details.empty()) line += ", ";
    text +=
        fmt::format("{:<{}}  {:<{}}  {}\n", stage.id, id_width,
                    std::filesystem::path(stage.executable).filename().string(), name_width, line + details);
  }
  text += fmt::format("{:<{}}  {} with {} in /dev/shm\n", "rings", id_width, plan.edges.size(),
                      show_bytes(plan.shared_memory_bytes()));
  for (const PlannedEdge& edge : plan.edges) {
    text += fmt::format("{:<{}}  {} -> {}: {} slots of {}\n", "", id_width, plan.stages[edge.from].id,
                        plan.stages[edge.to].id, edge.slots, show_bytes(edge.block_bytes));
  }
  for (const std::string& output : plan.outputs)
    text += fmt::format("{:<{}}  {}\n", "writes", id_width, output);
  text += fmt::format("{:<{}}  {}\n", "run", id_width, run_directory);
  return text;
}

std::string plan_dot(const Plan& plan) {
  std::string text =
      fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", json_string(plan.pipeline));
  for (const PlannedStage& stage : plan.stages) {
    const std::string below = stage.uri.empty() ? details_of(stage) : stage.uri;
    text += fmt::format("  {} [label={}];\n", json_string(stage.id), json_string(stage.id + "\n" + below));
  }
  for (const PlannedStage& stage : plan.stages) {
    if (!stage.follows.empty())
      text += fmt::format("  {} -> {} [style=dashed];\n", json_string(stage.follows), json_string(stage.id));
  }
  for (const PlannedEdge& edge : plan.edges) {
    text += fmt::format("  {} -> {} [label={}];\n", json_string(plan.stages[edge.from].id),
                        json_string(plan.stages[edge.to].id),
                        json_string(fmt::format("{} x {}", edge.slots, show_bytes(edge.block_bytes))));
  }
  return text + "}\n";
}

std::string plan_json(const Plan& plan, const std::string& run_directory) {
  std::string stages, edges, inputs, outputs;
  const auto comma = [](const std::string& list) { return list.empty() ? "" : ", "; };
  for (const PlannedStage& stage : plan.stages) {
    std::string params;
    for (const PlannedParameter& param : stage.params)
      params += fmt::format("{}{}: {}", comma(params), json_string(param.name), param.json);
    stages += fmt::format(
        "{}{{\"id\": {}, \"kind\": \"{}\", \"executable\": {}, \"uri\": {}, \"part\": {}, \"follows\": {}, "
        "\"workers\": {}, \"threads\": {}, \"frames\": {}, \"batch_size\": "
        "{}, \"stateful\": {}, \"params\": {{{}}}}}",
        comma(stages), json_string(stage.id), name_of(stage.kind), json_string(stage.executable),
        json_string(stage.uri), stage.part, json_string(stage.follows), stage.running.workers,
        stage.running.threads, stage.running.frames, stage.running.batch_size, stage.stateful, params);
  }
  for (const PlannedEdge& edge : plan.edges) {
    edges += fmt::format("{}{{\"from\": {}, \"to\": {}, \"slots\": {}, \"block_bytes\": {}}}", comma(edges),
                         json_string(plan.stages[edge.from].id), json_string(plan.stages[edge.to].id),
                         edge.slots, edge.block_bytes);
  }
  for (const FrozenInput& input : plan.inputs)
    inputs +=
        fmt::format("{}{{\"uri\": {}, \"bytes\": {}}}", comma(inputs), json_string(input.uri), input.bytes);
  for (const std::string& output : plan.outputs) outputs += comma(outputs) + json_string(output);
  return fmt::format(
      "{{\"version\": 1, \"pipeline\": {}, \"run_directory\": {}, \"shared_memory_bytes\": {}, \"stages\": "
      "[{}], \"edges\": [{}], "
      "\"inputs\": [{}], \"outputs\": [{}]}}\n",
      json_string(plan.pipeline), json_string(run_directory), plan.shared_memory_bytes(), stages, edges,
      inputs, outputs);
}

}  // namespace datagen::launcher
