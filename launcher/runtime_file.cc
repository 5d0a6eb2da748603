#include "launcher/runtime_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string_view>

#include "launcher/json_text.h"
#include "runtime/commit_log.h"
#include "runtime/json_fields.h"

namespace datagen::launcher {

namespace {

namespace dom = simdjson::dom;

// ---- writing

std::string indices_json(const std::vector<std::uint32_t>& indices) {
  return fmt::format("[{}]", fmt::join(indices, ", "));
}

std::string params_json(const std::vector<PlannedParameter>& params) {
  std::string text;
  for (const PlannedParameter& param : params) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", json_string(param.name), param.json);
  }
  return "{" + text + "}";
}

std::string running_params_json(const std::vector<PlannedParameter>& params) {
  std::string text;
  for (const PlannedParameter& param : params) {
    if (param.running) text += (text.empty() ? "" : ", ") + json_string(param.name);
  }
  return "[" + text + "]";
}

std::string stage_json(const PlannedStage& stage) {
  const RunningKeys& keys = stage.running;
  std::string text = fmt::format(
      "    {{\"id\": {}, \"kind\": \"{}\", \"given\": {}, \"executable\": {}, \"executable_hash\": \"{}\",\n",
      json_string(stage.id), name_of(stage.kind), json_string(stage.given), json_string(stage.executable),
      stage.executable_hash);
  if (!stage.exclusions.empty())
    text += fmt::format("     \"exclusions\": {},\n", json_string(stage.exclusions));
  if (!stage.program.empty())
    text += fmt::format("     \"program\": {}, \"program_hash\": \"{}\",\n", json_string(stage.program),
                        stage.program_hash);
  if (!stage.uri.empty()) text += fmt::format("     \"uri\": {},\n", json_string(stage.uri));
  if (stage.part != 0) text += fmt::format("     \"part\": {},\n", stage.part);
  if (!stage.follows.empty()) text += fmt::format("     \"follows\": {},\n", json_string(stage.follows));
  text +=
      fmt::format("     \"params\": {}, \"running_params\": {}, \"stateful\": {}, \"batch\": {},\n",
                  params_json(stage.params), running_params_json(stage.params), stage.stateful, stage.batch);
  text += fmt::format(
      "     \"workers\": {}, \"threads\": {}, \"frames\": {}, \"batch_size\": {}, \"retries\": {}, "
      "\"backoff_ms\": {}, \"timeout_ms\": {},\n",
      keys.workers, keys.threads, keys.frames, keys.batch_size, keys.retries, keys.backoff_ms,
      keys.timeout_ms);
  text += fmt::format("     \"memory_limit_bytes\": {}, \"crash_attempts\": {}, \"on_error\": \"{}\",\n",
                      keys.memory_limit_bytes, keys.crash_attempts, keys.on_error);
  text += fmt::format("     \"first_cell\": {}, \"in\": {}, \"out\": {}}}", stage.first_cell,
                      indices_json(stage.in), indices_json(stage.out));
  return text;
}

std::string joined_strings(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& entry : texts) text += (text.empty() ? "" : ", ") + json_string(entry);
  return text;
}

std::string hooks_json(const std::vector<HookSpec>& hooks) {
  std::string text;
  for (const HookSpec& hook : hooks) {
    text += fmt::format("{}\n    {{\"file\": {}, \"fd\": {}, \"command\": [{}], \"events\": [{}]}}",
                        text.empty() ? "" : ",", json_string(hook.file), hook.fd,
                        joined_strings(hook.command), joined_strings(hook.events));
  }
  return "[" + text + "]";
}

template <class List, class Show>
std::string lines_json(const List& list, Show show) {
  std::string text;
  for (const auto& entry : list) text += (text.empty() ? "" : ",\n") + show(entry);
  return text;
}

std::string part_json(const PartStart& part) {
  std::string resume = "null";
  if (part.resume) {
    resume = fmt::format("{{\"mark\": {}, \"seq\": {}, \"cursor\": \"{}\"}}", part.resume->mark,
                         part.resume->seq, part.resume->cursor_hex);
  }
  return fmt::format("    {{\"sealed\": {}, \"resume\": {}}}", part.is_sealed, resume);
}

std::string input_json(const FrozenInput& input) {
  std::string text = fmt::format("    {{\"uri\": {}, \"bytes\": {}", json_string(input.uri), input.bytes);
  if (!input.input.empty()) text += ", \"input\": " + json_string(input.input);
  if (!input.fingerprint.empty()) text += ", \"fingerprint\": " + json_string(input.fingerprint);
  return text + "}";
}

std::string rebuilt_json(const Rebuilt& rebuilt) {
  return fmt::format("    {{\"stage\": {}, \"path\": {}, \"generation\": {}, \"frame\": {}}}",
                     json_string(rebuilt.stage), json_string(rebuilt.path), rebuilt.generation,
                     rebuilt.frame);
}

std::string rings_json(const RingSettings& rings) {
  std::string text;
  if (rings.slots) text += fmt::format("\"slots\": {}", *rings.slots);
  if (rings.block_bytes)
    text += fmt::format("{}\"block_bytes\": {}", text.empty() ? "" : ", ", *rings.block_bytes);
  return "{" + text + "}";
}

std::string to_json(const RuntimeFile& file) {
  const Plan& plan = file.plan;
  std::string text = "{\n  \"version\": 1,\n";
  text += fmt::format("  \"run_id\": \"{}\",\n  \"pipeline\": {},\n  \"generation\": {},\n", file.run_id,
                      json_string(plan.pipeline), file.generation);
  text += fmt::format("  \"meaning\": \"{}\",\n  \"ids\": \"{}\",\n", meaning_hash(plan), plan.ids);
  text += fmt::format("  \"max_dead_letters\": \"{}\",\n", plan.max_dead_letters.show());
  text += fmt::format("  \"limits\": {{\"max_record_bytes\": {}, \"overflow_bytes\": {}}},\n",
                      plan.record_bytes_max, plan.overflow_bytes);
  text += fmt::format("  \"checksums\": {},\n  \"frame_records\": {},\n  \"hooks\": {},\n", plan.checksums,
                      plan.frame_records, hooks_json(plan.hooks));
  text += fmt::format("  \"commit\": {{\"interval_ms\": {}, \"bytes\": {}}},\n", plan.commit_interval_ms,
                      plan.commit_bytes);
  text += fmt::format("  \"log_bytes\": {},\n", plan.log_bytes);
  text += "  \"parts\": [\n" + lines_json(file.parts, part_json) + "\n  ],\n";
  if (file.replay)
    text += fmt::format("  \"replay\": {{\"stage\": {}, \"mark\": {}, \"letters\": {}, \"passed\": [{}]}},\n",
                        json_string(file.replay->stage), file.replay->mark, file.replay->letters,
                        joined_strings(file.replay->passed));
  if (!file.rebuilt.empty())
    text += "  \"rebuilt\": [\n" + lines_json(file.rebuilt, rebuilt_json) + "\n  ],\n";
  if (!file.earlier_ledgers.empty())
    text += fmt::format("  \"earlier_ledgers\": [{}],\n", joined_strings(file.earlier_ledgers));
  text += "  \"stages\": [\n" + lines_json(plan.stages, stage_json) + "\n  ],\n";
  text += "  \"rings\": " + rings_json(plan.rings) + ",\n";
  text +=
      "  \"edges\": [\n" +
      lines_json(plan.edges,
                 [](const PlannedEdge& edge) {
                   return fmt::format("    {{\"from\": {}, \"to\": {}, \"slots\": {}, \"block_bytes\": {}}}",
                                      edge.from, edge.to, edge.slots, edge.block_bytes);
                 }) +
      "\n  ],\n";
  text += "  \"inputs\": [\n" + lines_json(plan.inputs, input_json) + "\n  ],\n";
  text += "  \"outputs\": [" +
          lines_json(plan.outputs, [](const std::string& path) { return json_string(path); }) + "]\n}\n";
  return text;
}

// ---- reading
using json::flag;
using json::list;
using json::number;
using json::text_of;

std::vector<std::uint32_t> indices(dom::element object, std::string_view key) {
  std::vector<std::uint32_t> found;
  for (const dom::element value : list(object, key)) {
    std::uint64_t index = 0;
    if (value.get(index) == simdjson::SUCCESS) found.push_back(static_cast<std::uint32_t>(index));
  }
  return found;
}

std::vector<std::string> strings(dom::element object, std::string_view key) {
  std::vector<std::string> found;
  for (const dom::element value : list(object, key)) {
    if (std::string_view text; value.get(text) == simdjson::SUCCESS) found.emplace_back(text);
  }
  return found;
}

PlannedStage read_stage(dom::element given) {
  PlannedStage stage;
  stage.id = text_of(given, "id");
  const std::string kind = text_of(given, "kind");
  stage.kind = kind == "source" ? StageKind::source : kind == "sink" ? StageKind::sink : StageKind::stage;
  stage.given = text_of(given, "given");
  stage.executable = text_of(given, "executable");
  stage.executable_hash = text_of(given, "executable_hash");
  stage.program = text_of(given, "program");
  stage.program_hash = text_of(given, "program_hash");
  stage.uri = text_of(given, "uri");
  stage.part = static_cast<std::uint32_t>(number(given, "part"));
  stage.follows = text_of(given, "follows");
  stage.exclusions = text_of(given, "exclusions");
  stage.stateful = flag(given, "stateful");
  stage.batch = flag(given, "batch");
  if (dom::object params; given["params"].get(params) == simdjson::SUCCESS) {
    for (const auto field : params)
      stage.params.push_back({std::string(field.key), simdjson::minify(field.value)});
  }
  for (const std::string& name : strings(given, "running_params")) {
    const auto param = std::ranges::find(stage.params, name, &PlannedParameter::name);
    if (param != stage.params.end()) param->running = true;
  }
  const auto key = [&](const char* name, std::int64_t fallback) {
    return static_cast<std::int64_t>(number(given, name, static_cast<std::uint64_t>(fallback)));
  };
  const RunningKeys defaults;
  stage.running.workers = key("workers", defaults.workers);
  stage.running.threads = key("threads", defaults.threads);
  stage.running.frames = key("frames", defaults.frames);
  stage.running.batch_size = key("batch_size", defaults.batch_size);
  stage.running.retries = key("retries", defaults.retries);
  stage.running.backoff_ms = key("backoff_ms", defaults.backoff_ms);
  stage.running.timeout_ms = key("timeout_ms", defaults.timeout_ms);
  stage.running.memory_limit_bytes = key("memory_limit_bytes", defaults.memory_limit_bytes);
  stage.running.crash_attempts = key("crash_attempts", defaults.crash_attempts);
  stage.running.on_error = text_of(given, "on_error");
  stage.first_cell = static_cast<std::uint32_t>(number(given, "first_cell"));
  stage.in = indices(given, "in");
  stage.out = indices(given, "out");
  return stage;
}

HookSpec read_hook(dom::element given) {
  HookSpec hook{text_of(given, "file"), -1, strings(given, "command"), strings(given, "events")};
  if (given["fd"].get(hook.fd) != simdjson::SUCCESS) hook.fd = -1;
  return hook;
}

DeadLetterLimit read_limit(dom::element root) {
  const auto limit = parse_dead_letter_limit(text_of(root, "max_dead_letters"));
  return limit ? limit.value() : DeadLetterLimit{};
}

// Indices within bounds, so that nobody who uses the plan checks them again.
bool is_consistent(const Plan& plan) {
  const auto within = [](const std::vector<std::uint32_t>& found, std::size_t size) {
    return std::ranges::all_of(found, [&](std::uint32_t index) { return index < size; });
  };
  for (const PlannedStage& stage : plan.stages) {
    if (!within(stage.in, plan.edges.size()) || !within(stage.out, plan.edges.size()) ||
        stage.running.workers < 0)
      return false;
    const auto is_its_source = [&](const PlannedStage& other) {
      return other.kind == StageKind::source && other.part == stage.part;
    };
    if (std::ranges::none_of(plan.stages, is_its_source)) return false;
    // Nobody works on it while others are replayed; then it has no edges either.
    if (stage.running.workers == 0 && !(stage.in.empty() && stage.out.empty())) return false;
  }
  for (const PlannedEdge& edge : plan.edges) {
    if (edge.from >= plan.stages.size() || edge.to >= plan.stages.size()) return false;
  }
  return plan.stages.size() >= 2;
}

}  // namespace

Result<void> write_runtime_file(const std::string& run_directory, const RuntimeFile& file,
                                const std::string& name) {
  const std::string path = run_directory + "/" + name;
  DATAGEN_TRY(write_durably(path, to_json(file)));
  // Before anything is written that needs it: an output whose plan is lost belongs to nobody.
  return sync_path_to(path);
}

Result<RuntimeFile> read_runtime_file(const std::string& run_directory, const std::string& name) {
  const std::string path = run_directory + "/" + name;
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.load(path).get(root); error != simdjson::SUCCESS) {
    return Error(fmt::format("cannot read {}: {}", path, simdjson::error_message(error)));
  }
  if (number(root, "version") != 1) return Error(path + " is of a version that this build does not know");
  RuntimeFile file;
  file.run_id = text_of(root, "run_id");
  file.generation = number(root, "generation", 1);
  for (const dom::element part : list(root, "parts")) {
    PartStart& start = file.parts.emplace_back();
    start.is_sealed = flag(part, "sealed");
    if (dom::element resume; part["resume"].get(resume) == simdjson::SUCCESS && !resume.is_null())
      start.resume = ResumePoint{number(resume, "mark"), number(resume, "seq"), text_of(resume, "cursor")};
  }
  if (dom::element replay; root["replay"].get(replay) == simdjson::SUCCESS)
    file.replay = Replay{text_of(replay, "stage"), number(replay, "mark"), number(replay, "letters"),
                         strings(replay, "passed")};
  for (const dom::element rebuilt : list(root, "rebuilt"))
    file.rebuilt.push_back({text_of(rebuilt, "stage"), text_of(rebuilt, "path"),
                            number(rebuilt, "generation"), number(rebuilt, "frame")});
  file.earlier_ledgers = strings(root, "earlier_ledgers");
  Plan& plan = file.plan;
  plan.pipeline = text_of(root, "pipeline");
  plan.ids = text_of(root, "ids");
  plan.max_dead_letters = read_limit(root);
  if (dom::element limits; root["limits"].get(limits) == simdjson::SUCCESS) {
    plan.record_bytes_max = number(limits, "max_record_bytes", plan.record_bytes_max);
    plan.overflow_bytes = number(limits, "overflow_bytes", plan.overflow_bytes);
  }
  plan.checksums = flag(root, "checksums", plan.checksums);
  plan.frame_records = number(root, "frame_records", plan.frame_records);
  if (dom::element commit; root["commit"].get(commit) == simdjson::SUCCESS) {
    plan.commit_interval_ms = number(commit, "interval_ms", plan.commit_interval_ms);
    plan.commit_bytes = number(commit, "bytes", plan.commit_bytes);
  }
  plan.log_bytes = number(root, "log_bytes", plan.log_bytes);
  for (const dom::element stage : list(root, "stages")) plan.stages.push_back(read_stage(stage));
  if (dom::element rings; root["rings"].get(rings) == simdjson::SUCCESS) {
    if (const std::uint64_t slots = number(rings, "slots", 0); slots != 0)
      plan.rings.slots = static_cast<std::uint32_t>(slots);
    if (const std::uint64_t bytes = number(rings, "block_bytes", 0); bytes != 0)
      plan.rings.block_bytes = bytes;
  }
  for (const dom::element edge : list(root, "edges")) {
    plan.edges.push_back({static_cast<std::uint32_t>(number(edge, "from")),
                          static_cast<std::uint32_t>(number(edge, "to")),
                          static_cast<std::uint32_t>(number(edge, "slots")), number(edge, "block_bytes")});
  }
  for (const dom::element input : list(root, "inputs"))
    plan.inputs.push_back({text_of(input, "uri"), number(input, "bytes"), text_of(input, "input"),
                           text_of(input, "fingerprint")});
  plan.outputs = strings(root, "outputs");
  for (const dom::element hook : list(root, "hooks")) plan.hooks.push_back(read_hook(hook));
  if (!is_consistent(plan)) return Error(path + " contradicts itself: it is damaged, or was changed by hand");
  return file;
}

}  // namespace datagen::launcher
