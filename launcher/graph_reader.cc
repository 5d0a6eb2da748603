#include "launcher/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "launcher/hook_events.h"
#include "launcher/json_text.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kNameBytesMax = 100;

// Names become file names: <stage>.done, logs/<stage>.0.log, runs/<pipeline>.
bool is_name(const std::string& text, std::string_view extra) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || extra.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kNameBytesMax && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, fits);
}

const char* show(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return "a text";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "?";
}

std::string absolute_in(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// Ids that mean something else in `--set` or in the run directory.
constexpr std::string_view kReservedIds[] = {"source", "sink",     "input", "output",
                                             "vars",   "defaults", "rings"};

}  // namespace

std::string GraphReader::hint_for_unknown(Scope scope, const std::string& key) const {
  if (scope != Scope::stage && find_key(Scope::stage, key) != nullptr) {
    const bool is_running = find_key(Scope::stage, key)->kind == KeyKind::running;
    return is_running ? " (a key of a stage; for all stages: defaults: {" + key + ": …})"
                      : " (a key of a stage)";
  }
  if (scope != Scope::graph && find_key(Scope::graph, key) != nullptr)
    return " (it stands at the top of the graph)";
  return suggestion(key, key_names(scope));
}

void GraphReader::refuse_unknown_keys(const YamlNode& map, Scope scope, const std::string& prefix,
                                      const YamlMember* except) {
  for (const YamlMember& member : map.members) {
    if (&member == except || member.key.starts_with("x-") || find_key(scope, member.key) != nullptr) continue;
    refuse(member.key_place,
           fmt::format("{}{}: unknown key{}", prefix, member.key, hint_for_unknown(scope, member.key)));
  }
}

std::optional<std::string> GraphReader::choice_of(const YamlNode& node, const Key& key,
                                                  const std::string& path) {
  const std::string* text = text_of(node, path);
  if (text == nullptr) return std::nullopt;
  auto choice = parse_choice(key, *text);
  if (choice) return std::move(choice).value();
  refuse(node.place, path + ": " + choice.error().message());
  return std::nullopt;
}

const std::string* GraphReader::text_of(const YamlNode& node, const std::string& path) {
  if (node.is(Kind::scalar)) {
    // On the command line, and in variables, there are no quotes that could say that it is a text.
    if (node.quoted || node.literal || !has_leading_zeros(node.text)) return &node.text;
    refuse(node.place,
           fmt::format("{}: {} has leading zeros: write \"{}\" if it is a text, else leave them out", path,
                       node.text, node.text));
    return nullptr;
  }
  refuse(node.place, node.is(Kind::null)
                         ? path + ": has no value"
                         : fmt::format("{}: expected one value, got {}", path, show(node.kind)));
  return nullptr;
}

std::string GraphReader::path_of(const YamlNode& node, const std::string& path) {
  const std::string* text = text_of(node, path);
  if (text == nullptr) return {};
  if (text->empty() || text->find('\0') != std::string::npos) {
    refuse(node.place, path + (text->empty() ? ": has no value" : ": a path cannot have a NUL byte"));
    return {};
  }
  return absolute_in(base_of(node), *text);
}

bool GraphReader::is_map(const YamlNode& node, const std::string& path) {
  if (!node.is(Kind::map))
    refuse(node.place, fmt::format("{}: expected a map (KEY: VALUE), got {}", path, show(node.kind)));
  return node.is(Kind::map);
}

Graph GraphReader::read(YamlNode& root) {
  Graph graph;
  graph.folder = folder_;
  if (!is_map(root, "the graph")) return graph;
  refuse_unknown_keys(root, Scope::graph, "");
  read_format(root);
  read_top(root, graph);
  StageSpec defaults;
  if (const YamlNode* node = root.find("defaults"); node != nullptr && is_map(*node, "defaults")) {
    refuse_unknown_keys(*node, Scope::stage, "defaults.");
    read_running(*node, "defaults.", defaults);
    for (const YamlMember& member : node->members) {
      const Key* key = find_key(Scope::stage, member.key);
      if (key == nullptr || key->kind == KeyKind::running) continue;
      refuse(member.key_place,
             fmt::format("defaults.{}: belongs to one stage; defaults are keys such as workers or timeout",
                         member.key));
    }
  }
  defaults_ = defaults.running;
  default_places_ = defaults.running_places;
  graph.input = read_end(root, "input", "input");
  if (YamlNode* stages = root.find("stages")) read_stages(*stages, graph);
  const bool is_needed =
      std::ranges::none_of(graph.stages, [](const StageSpec& stage) { return stage.output.has_value(); });
  graph.has_output = is_needed || root.find("output") != nullptr;
  if (graph.has_output) graph.output = read_end(root, "output", "output");
  check_ids(graph);
  return graph;
}

void GraphReader::read_format(const YamlNode& root) {
  const YamlNode* node = root.find("datagen");
  if (node == nullptr) {
    if (is_file_)
      refuse(root.place, "datagen: is missing; begin the graph with 'datagen: 1', the version of its format");
    return;
  }
  const std::string* text = text_of(*node, "datagen");
  if (text == nullptr) return;
  const auto version = parse_whole(*text);
  if (!version) return refuse(node->place, "datagen: " + version.error().message());
  if (version.value() > 1)
    refuse(node->place,
           fmt::format("datagen: format {} is newer than this program, which reads format 1", *text));
  if (version.value() < 1)
    refuse(node->place, fmt::format("datagen: there is no format {}; the first is 1", *text));
}

void GraphReader::read_top(const YamlNode& root, Graph& graph) {
  if (const YamlNode* node = root.find("vars"); node != nullptr && is_map(*node, "vars")) {
    for (const YamlMember& member : node->members) {
      if (!member.key.starts_with("x-")) text_of(member.value, "vars." + member.key);
    }
  }
  if (const YamlNode* node = root.find("pipeline")) {
    if (const std::string* text = text_of(*node, "pipeline")) {
      graph.pipeline = *text;
      if (!is_name(*text, ".")) {
        refuse(node->place,
               fmt::format("pipeline: '{}' cannot be the name of a folder: use letters, digits, _ - .{}",
                           *text, node->place.line == 0 ? " (give it one with pipeline: NAME)" : ""));
      }
    }
  }
  if (const YamlNode* node = root.find("ids")) {
    if (const auto choice = choice_of(*node, *find_key(Scope::graph, "ids"), "ids"))
      graph.ids = *choice == "true" ? "add" : *choice == "false" ? "off" : "keep";
  }
  const auto read_number = [&](const char* key, std::int64_t& value) {
    const YamlNode* node = root.find(key);
    const std::string* text = node == nullptr ? nullptr : text_of(*node, key);
    if (text == nullptr) return;
    const auto number = parse_number(*find_key(Scope::graph, key), *text);
    if (!number) refuse(node->place, std::string(key) + ": " + number.error().message());
    if (number) value = number.value();
  };
  read_number("commit_interval", graph.commit_interval_ms);
  read_number("log_bytes", graph.log_bytes);
  if (const YamlNode* node = root.find("max_dead_letters")) {
    if (const std::string* text = text_of(*node, "max_dead_letters")) {
      const auto limit = parse_dead_letter_limit(*text);
      if (!limit) refuse(node->place, "max_dead_letters: " + limit.error().message());
      if (limit) graph.max_dead_letters = limit.value();
    }
  }
  if (const YamlNode* node = root.find("stage_path")) read_stage_path(*node, graph);
  if (const YamlNode* node = root.find("rings"); node != nullptr && is_map(*node, "rings"))
    read_rings(*node, graph);
  if (const YamlNode* node = root.find("hooks")) read_hooks(*node, graph);
}

void GraphReader::read_hooks(const YamlNode& node, Graph& graph) {
  if (!node.is(Kind::list)) return graph.hooks.push_back(read_hook(node, "hooks"));
  for (std::size_t index = 0; index < node.items.size(); ++index)
    graph.hooks.push_back(read_hook(node.items[index], fmt::format("hooks[{}]", index)));
}

HookSpec GraphReader::read_hook(const YamlNode& node, const std::string& path) {
  HookSpec hook;
  if (node.is(Kind::scalar)) {
    hook.file = path_of(node, path);
    return hook;
  }
  if (!is_map(node, path)) return hook;
  int kinds = 0;
  for (const YamlMember& member : node.members) {
    const std::string key = path + "." + member.key;
    if (member.key == "events") {
      read_hook_events(member.value, key, hook);
      continue;
    }
    ++kinds;
    if (member.key == "file") {
      hook.file = path_of(member.value, key);
    } else if (member.key == "command") {
      hook.command = read_command(member.value, key);
    } else if (member.key == "fd") {
      const std::string* text = text_of(member.value, key);
      const auto number = text == nullptr ? Result<std::int64_t>(0) : parse_whole(*text);
      if (!number || number.value() < 0 || number.value() > 1'000'000)
        refuse(member.value.place, key + ": expected the number of an open descriptor");
      if (number) hook.fd = number.value();
    } else {
      --kinds;
      if (!member.key.starts_with("x-"))
        refuse(member.key_place, fmt::format("{}: unknown key{}", key,
                                             suggestion(member.key, {"file", "fd", "command", "events"})));
    }
  }
  if (kinds != 1) refuse(node.place, path + ": write one of file: PATH, fd: NUMBER and command: [NAME, …]");
  return hook;
}

void GraphReader::read_hook_events(const YamlNode& node, const std::string& path, HookSpec& hook) {
  if (!node.is(Kind::list))
    return refuse(node.place, fmt::format("{}: expected a list of events, got {}", path, show(node.kind)));
  for (std::size_t index = 0; index < node.items.size(); ++index) {
    const std::string* text = text_of(node.items[index], fmt::format("{}[{}]", path, index));
    if (text == nullptr) continue;
    const std::vector<std::string> known(hook_event_names().begin(), hook_event_names().end());
    if (std::ranges::find(known, *text) == known.end())
      refuse(node.items[index].place,
             fmt::format("{}[{}]: there is no event '{}'{}", path, index, *text, suggestion(*text, known)));
    hook.events.push_back(*text);
  }
}

// A first argument with a slash is a path; others are found as a shell finds them.
std::vector<std::string> GraphReader::read_command(const YamlNode& node, const std::string& path) {
  std::vector<std::string> command;
  const auto add = [&](const YamlNode& given, const std::string& key) {
    const std::string* text = text_of(given, key);
    if (text == nullptr) return;
    const bool is_path = command.empty() && text->find('/') != std::string::npos;
    command.push_back(is_path ? absolute_in(base_of(given), *text) : *text);
  };
  if (!node.is(Kind::list)) add(node, path);
  for (std::size_t index = 0; index < node.items.size(); ++index)
    add(node.items[index], fmt::format("{}[{}]", path, index));
  if (node.is(Kind::list) && node.items.empty()) refuse(node.place, path + ": names no command");
  return command;
}

void GraphReader::read_stage_path(const YamlNode& node, Graph& graph) {
  const auto add = [&](const YamlNode& folder, const std::string& path) {
    const std::string absolute = path_of(folder, path);
    if (absolute.empty()) return;
    std::error_code error;
    if (!std::filesystem::is_directory(absolute, error))
      refuse(folder.place, fmt::format("{}: there is no folder {}", path, absolute));
    graph.stage_path.push_back(absolute);
  };
  if (!node.is(Kind::list)) return add(node, "stage_path");
  for (std::size_t index = 0; index < node.items.size(); ++index)
    add(node.items[index], fmt::format("stage_path[{}]", index));
}

void GraphReader::read_rings(const YamlNode& node, Graph& graph) {
  constexpr std::int64_t kPage = 4096;
  refuse_unknown_keys(node, Scope::rings, "rings.");
  const auto read = [&](const char* name, std::int64_t& value) {
    const YamlNode* found = node.find(name);
    const std::string path = std::string("rings.") + name;
    const std::string* text = found == nullptr ? nullptr : text_of(*found, path);
    if (text == nullptr) return;
    const auto number = parse_number(*find_key(Scope::rings, name), *text);
    if (!number) return refuse(found->place, path + ": " + number.error().message());
    value = number.value();
  };
  read("slots", graph.slots);
  read("block_bytes", graph.block_bytes);
  read("frame_records", graph.frame_records);
  if (const YamlNode* checksums = node.find("checksums")) {
    if (const auto choice = choice_of(*checksums, *find_key(Scope::rings, "checksums"), "rings.checksums"))
      graph.checksums = *choice == "true";
  }
  const YamlNode* found = node.find("block_bytes");
  if (graph.block_bytes % kPage != 0) {
    const std::int64_t fits = (graph.block_bytes / kPage + 1) * kPage;
    refuse(found->place,
           fmt::format("rings.block_bytes: {} is no multiple of a page of {} bytes (the next is {})",
                       graph.block_bytes, kPage, fits));
  }
}

EndSpec GraphReader::read_end(const YamlNode& map, const std::string& name, const std::string& path) {
  EndSpec end;
  end.path = path;
  const YamlNode* node = map.find(name);
  const YamlNode* uri = node;
  if (node == nullptr) {
    const char* form = is_file_ ? "{}: is missing; for example {}: jsonl://data/{}.jsonl"
                                : "--{} is missing; for example --{} jsonl://data/{}.jsonl";
    refuse(map.place, fmt::format(fmt::runtime(form), name, name, name));
    return end;
  }
  end.place = node->place;
  if (node->is(Kind::map)) {
    uri = node->find("uri");
    for (const YamlMember& member : node->members) {
      if (member.key != "uri" && !member.key.starts_with("x-"))
        read_param(member, path + "." + member.key, end.params);
    }
    if (uri == nullptr) {
      std::string hint;
      for (const YamlMember& member : node->members) {
        if (hint.empty() && !suggestion(member.key, {"uri"}).empty())
          hint = fmt::format(" (instead of '{}'?)", member.key);
      }
      refuse(node->place, fmt::format("{}.uri: is missing; for example {{uri: jsonl://data/{}.jsonl}}{}",
                                      path, name, hint));
      return end;
    }
  }
  const std::string* text = text_of(*uri, node == uri ? path : path + ".uri");
  if (text == nullptr) return end;
  end.place = uri->place;
  const auto parsed = parse_uri(*text, base_of(*uri));
  if (!parsed) refuse(uri->place, path + ": " + parsed.error().message());
  if (parsed) end.uri = parsed.value();
  return end;
}

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

std::vector<GivenParameter> GraphReader::read_params(const YamlNode& node, const std::string& path) {
  std::vector<GivenParameter> params;
  if (!is_map(node, path)) return params;
  for (const YamlMember& member : node.members) read_param(member, path + "." + member.key, params);
  return params;
}

void GraphReader::read_param(const YamlMember& member, const std::string& path,
                             std::vector<GivenParameter>& params) {
  if (member.value.is(Kind::list) || member.value.is(Kind::map)) {
    params.push_back({member.key, member.key_place, path, yaml_json(member.value), true, member.value.place,
                      false, show(member.value.kind)});
    return;
  }
  const std::string* text = text_of(member.value, path);
  params.push_back({member.key, member.key_place, path, text == nullptr ? std::string() : *text,
                    member.value.quoted, member.value.place, text == nullptr});
}

void GraphReader::check_ids(const Graph& graph) {
  std::map<std::string, const StageSpec*> seen;
  for (const StageSpec& stage : graph.stages) {
    if (stage.id.empty()) continue;
    const auto [first, is_new] = seen.emplace(stage.id, &stage);
    if (is_new) continue;
    const std::string remedy = is_file_ ? fmt::format("give this one an id of its own (id: {}_2)", stage.id)
                                        : "in a graph file each can have an id of its own";
    refuse(stage.place, fmt::format("{}: '{}' is the id of {} already; {}", stage.path, stage.id,
                                    first->second->path, remedy));
  }
}

}  // namespace datagen::launcher
