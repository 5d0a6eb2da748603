// What a graph says of its stages.
#include "launcher/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "launcher/json_text.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

// Ids that mean something else in `--set` or in the run directory.
constexpr std::string_view kReservedIds[] = {"source", "sink",     "input", "output",
                                             "vars",   "defaults", "rings"};

}  // namespace

void GraphReader::read_stages(YamlNode& node, Graph& graph) {
  if (node.is(Kind::null)) return;
  if (!node.is(Kind::list))
    return refuse(node.place, fmt::format("stages: expected a list (- NAME), got {}", show(node.kind)));
  for (std::size_t index = 0; index < node.items.size(); ++index) {
    StageSpec stage = read_stage(node.items[index], fmt::format("stages[{}]", index));
    if (const YamlNode* when = node.items[index].find("when")) add_condition(*when, stage, graph);
    graph.stages.push_back(std::move(stage));
  }
}

StageSpec GraphReader::read_stage(YamlNode& node, const std::string& path) {
  StageSpec stage;
  stage.path = path;
  stage.place = node.place;
  stage.running = defaults_;
  stage.running_places = default_places_;
  if (!node.is(Kind::scalar) && !node.is(Kind::map)) {
    refuse(node.place, fmt::format("{}: expected a stage's name or a map, got {}", path, show(node.kind)));
    return stage;
  }
  const StageShape shape = shape_of(node);
  read_what(node, shape, stage);
  refuse_unknown_keys(node, Scope::stage, path + ".", shape.short_form);
  read_running(node, path + ".", stage);
  if (const YamlNode* from = node.find("from")) read_from(*from, stage);
  if (const YamlNode* exclusions = node.find("exclusions")) read_exclusions(*exclusions, stage);
  if (node.find("output") != nullptr) stage.output = read_end(node, "output", path + ".output");
  if (const YamlNode* durable = node.find("durable")) {
    stage.durable_place = durable->place;
    stage.is_durable = choice_of(*durable, *find_key(Scope::stage, "durable"), path + ".durable") == "true";
  }
  const YamlNode* id = node.find("id");
  const bool has_id = id != nullptr && text_of(*id, path + ".id") != nullptr;
  stage.id = has_id ? id->text : default_id(shape);
  if (!has_id && stage.id.empty()) {
    if (!stage.run.empty()) refuse(stage.place, path + ".run: names a folder, not an executable");
    return stage;  // what else has no name was refused above
  }
  const Place& place = has_id ? id->place : stage.place;
  if (!is_name(stage.id, "")) {
    refuse(place, fmt::format("{}.id: '{}' cannot be an id: use letters, digits, _ and -{}", path, stage.id,
                              has_id ? "" : " (give it one with id: …)"));
  } else if (std::ranges::find(kReservedIds, stage.id) != std::end(kReservedIds)) {
    refuse(place, fmt::format("{}.id: '{}' is reserved; give the stage another id", path, stage.id));
  }
  return stage;
}

void GraphReader::read_from(const YamlNode& node, StageSpec& stage) {
  const auto add = [&](const YamlNode& given, const std::string& path) {
    const std::string* text = text_of(given, path);
    stage.from.push_back({text == nullptr ? std::string() : *text, path, given.place});
    if (text != nullptr && text->empty()) refuse(given.place, path + ": names no stage");
  };
  const std::string path = stage.path + ".from";
  if (!node.is(Kind::list)) return add(node, path);
  if (node.items.empty()) refuse(node.place, path + ": names no stage; leave it out to read the stage above");
  for (std::size_t index = 0; index < node.items.size(); ++index)
    add(node.items[index], fmt::format("{}[{}]", path, index));
}

void GraphReader::read_exclusions(const YamlNode& node, StageSpec& stage) {
  const std::string path = stage.path + ".exclusions";
  const std::string* text = text_of(node, path);
  if (text == nullptr || *text == "false") return;
  stage.exclusions = *text;
  stage.exclusions_place = node.place;
  if (*text == "true") return;
  const auto uri = parse_uri(*text, base_of(node));
  if (!uri) return refuse(node.place, path + ": " + uri.error().message());
  stage.exclusions = uri.value().path;
  if (uri.value().scheme != "jsonl" || stage.exclusions.ends_with(".gz") ||
      stage.exclusions.ends_with(".zst"))
    refuse(node.place, path + ": expected true, or a plain file (jsonl://dropped.jsonl)");
}

void GraphReader::read_what(YamlNode& node, const StageShape& shape, StageSpec& stage) {
  const YamlNode* params = node.find("params");
  if ((shape.run != nullptr) + (shape.use != nullptr) + (shape.exec != nullptr) > 1) {
    refuse(node.place, fmt::format("{}: has {}; a stage is one of them", stage.path,
                                   shape.exec == nullptr  ? "'use' and 'run'"
                                   : shape.run != nullptr ? "'run' and 'exec'"
                                                          : "'use' and 'exec'"));
  } else if (shape.exec != nullptr) {
    if (params != nullptr)
      refuse(params->place, stage.path + ".params: goes with 'use' or 'run'; a program takes its arguments");
    read_exec(node, *shape.exec, stage);
    params = nullptr;
  } else if (shape.run != nullptr) {
    stage.place = shape.run->place;
    stage.run = path_of(*shape.run, stage.path + ".run");
  } else if (shape.use != nullptr) {
    stage.place = shape.use->place;
    const std::string key = shape.use == &node ? stage.path : stage.path + ".use";
    const std::string* text = text_of(*shape.use, key);
    if (text != nullptr && text->empty()) refuse(stage.place, key + ": names no stage");
    if (text != nullptr) stage.name = *text;
  } else if (shape.short_form != nullptr) {
    stage.place = shape.short_form->key_place;
    stage.name = shape.short_form->key;
    if (stage.name.empty()) refuse(stage.place, stage.path + ": names no stage");
    if (!shape.short_form->value.is(Kind::null))
      stage.params = read_params(shape.short_form->value, stage.path + "." + stage.name);
    if (params != nullptr) {
      refuse(params->place, fmt::format("{}.params: goes with 'use' or 'run'; write the parameters under {}",
                                        stage.path, stage.name));
    }
    params = nullptr;
  } else {
    refuse(node.place,
           stage.path + ": names no stage; write a name, use: NAME, run: PATH or exec: [PROGRAM]");
  }
  if (const YamlNode* mode = node.find("mode"); mode != nullptr && shape.exec == nullptr)
    refuse(mode->place, stage.path + ".mode: goes with 'exec'");
  if (stage.name.find('/') != std::string::npos) {
    refuse(stage.place, fmt::format("{}: '{}' is a path; write run: {}", stage.path, stage.name, stage.name));
    stage.name.clear();
  }
  if (params != nullptr && !params->is(Kind::null))
    stage.params = read_params(*params, stage.path + ".params");
}

// A program is run by the stage `exec` or, line by line, `exec_line`, which take the command as one text: a
// JSON array.
void GraphReader::read_exec(const YamlNode& node, const YamlNode& exec, StageSpec& stage) {
  const std::string path = stage.path + ".exec";
  stage.name = "exec";
  stage.place = exec.place;
  if (!exec.is(Kind::list) || exec.items.empty())
    return refuse(exec.place, path + ": expected a list, [PROGRAM, ARGUMENT, …]");
  std::string arguments;
  for (std::size_t index = 0; index < exec.items.size(); ++index) {
    const YamlNode& item = exec.items[index];
    const std::string name = fmt::format("{}[{}]", path, index);
    // As in a shell, 007 is a text here.
    if (!item.is(Kind::scalar))
      return refuse(item.place, fmt::format("{}: expected a text, got {}", name, show(item.kind)));
    if (item.text.find('\0') != std::string::npos)
      return refuse(item.place, name + ": cannot have a NUL byte");
    if (index > 0) arguments += (arguments.empty() ? "" : ", ") + json_string(item.text);
  }
  const YamlNode& program = exec.items.front();
  if (program.text.empty()) return refuse(program.place, path + "[0]: names no program");
  // A path is taken from the graph's folder, a name from PATH.
  const bool is_path = program.text.find('/') != std::string::npos;
  stage.program = is_path ? absolute_in(base_of(program), program.text) : program.text;
  stage.place = program.place;
  stage.params.push_back({"arguments", exec.place, path, "[" + arguments + "]", true, exec.place});
  if (const YamlNode* mode = node.find("mode")) {
    const std::string* text = text_of(*mode, stage.path + ".mode");
    const auto choice = text == nullptr ? Result<std::string>(std::string("frame"))
                                        : parse_choice(*find_key(Scope::stage, "mode"), *text);
    if (!choice) return refuse(mode->place, stage.path + ".mode: " + choice.error().message());
    if (choice.value() == "line") stage.name = "exec_line";
  }
}

// `when` is a filter of its own in front of the stage, so that the books show what it kept away.
void GraphReader::add_condition(const YamlNode& when, StageSpec& stage, Graph& graph) {
  const std::string path = stage.path + ".when";
  const std::string* text = text_of(when, path);
  if (text == nullptr) return;
  if (stage.from.size() > 1) {
    return refuse(when.place, path +
                                  ": a stage that joins branches gets all their records; put it on a stage "
                                  "of one branch, or behind the join");
  }
  StageSpec filter;
  filter.id = stage.id + ".when";
  filter.path = path;
  filter.place = when.place;
  filter.name = "filter";
  filter.params.push_back({"where", when.place, path, *text, true, when.place});
  filter.params.push_back({"reason", when.place, path, "when", true, when.place});
  filter.from = std::move(stage.from);
  filter.running = defaults_;
  filter.running.workers = stage.running.workers;
  filter.running.threads = 1;
  filter.running_places = stage.running_places;
  stage.from = {{filter.id, path, when.place}};
  graph.stages.push_back(std::move(filter));
}

void GraphReader::read_running(const YamlNode& map, const std::string& prefix, StageSpec& stage) {
  for (const YamlMember& member : map.members) {
    const Key* key = find_key(Scope::stage, member.key);
    if (key == nullptr || key->kind != KeyKind::running) continue;
    stage.running_places[member.key] = member.value.place;
    read_running_key(*key, member.value, prefix + member.key, stage.running);
  }
}

void GraphReader::read_running_key(const Key& key, const YamlNode& node, const std::string& path,
                                   RunningKeys& running) {
  if (key.number == nullptr) {  // on_error, the only one that is no number
    if (const auto choice = choice_of(node, key, path)) running.on_error = *choice;
    return;
  }
  const std::string* text = text_of(node, path);
  if (text == nullptr) return;
  if (node.quoted && key.type == KeyType::whole) {
    return refuse(
        node.place,
        fmt::format("{}: expected a whole number, got the text \"{}\" (remove the quotes)", path, *text));
  }
  const auto number = parse_number(key, *text);
  if (!number) return refuse(node.place, path + ": " + number.error().message());
  running.*key.number = number.value();
}

}  // namespace datagen::launcher
