#include "launcher/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

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
    if (is_planned_key(scope, member.key)) {
      refuse(member.key_place, fmt::format("{}{}: is not supported by this version", prefix, member.key));
    } else {
      refuse(member.key_place,
             fmt::format("{}{}: unknown key{}", prefix, member.key, hint_for_unknown(scope, member.key)));
    }
  }
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
  default_workers_place_ = defaults.workers_place;
  default_threads_place_ = defaults.threads_place;
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
    if (const std::string* text = text_of(*node, "ids")) {
      const auto choice = parse_choice(*find_key(Scope::graph, "ids"), *text);
      if (!choice) refuse(node->place, "ids: " + choice.error().message());
      if (choice) graph.ids = choice.value() == "true" ? "add" : choice.value() == "false" ? "off" : "keep";
    }
  }
  if (const YamlNode* node = root.find("commit_interval")) {
    if (const std::string* text = text_of(*node, "commit_interval")) {
      const auto interval = parse_number(*find_key(Scope::graph, "commit_interval"), *text);
      if (!interval) refuse(node->place, "commit_interval: " + interval.error().message());
      if (interval) graph.commit_interval_ms = interval.value();
    }
  }
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
    if (const std::string* text = text_of(*checksums, "rings.checksums")) {
      const auto choice = parse_choice(*find_key(Scope::rings, "checksums"), *text);
      if (!choice) refuse(checksums->place, "rings.checksums: " + choice.error().message());
      if (choice) graph.checksums = choice.value() == "true";
    }
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
    graph.stages.push_back(read_stage(node.items[index], fmt::format("stages[{}]", index)));
  }
}

StageSpec GraphReader::read_stage(YamlNode& node, const std::string& path) {
  StageSpec stage;
  stage.path = path;
  stage.place = node.place;
  stage.running = defaults_;
  stage.workers_place = default_workers_place_;
  stage.threads_place = default_threads_place_;
  if (!node.is(Kind::scalar) && !node.is(Kind::map)) {
    refuse(node.place, fmt::format("{}: expected a stage's name or a map, got {}", path, show(node.kind)));
    return stage;
  }
  const StageShape shape = shape_of(node);
  read_what(node, shape, stage);
  refuse_unknown_keys(node, Scope::stage, path + ".", shape.short_form);
  read_running(node, path + ".", stage);
  if (const YamlNode* from = node.find("from")) read_from(*from, stage);
  if (node.find("output") != nullptr) stage.output = read_end(node, "output", path + ".output");
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
    if (const std::string* text = text_of(given, path)) stage.from.push_back({*text, path, given.place});
  };
  const std::string path = stage.path + ".from";
  if (!node.is(Kind::list)) return add(node, path);
  if (node.items.empty()) refuse(node.place, path + ": names no stage; leave it out to read the stage above");
  for (std::size_t index = 0; index < node.items.size(); ++index)
    add(node.items[index], fmt::format("{}[{}]", path, index));
}

void GraphReader::read_what(YamlNode& node, const StageShape& shape, StageSpec& stage) {
  const YamlNode* params = node.find("params");
  if (shape.run != nullptr && shape.use != nullptr) {
    refuse(node.place, stage.path + ": has 'use' and 'run'; a stage is one of them");
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
  } else if (node.find("exec") == nullptr) {
    refuse(node.place, stage.path + ": names no stage; write a name, use: NAME or run: PATH");
  }
  if (stage.name.find('/') != std::string::npos) {
    refuse(stage.place, fmt::format("{}: '{}' is a path; write run: {}", stage.path, stage.name, stage.name));
  }
  if (params != nullptr && !params->is(Kind::null))
    stage.params = read_params(*params, stage.path + ".params");
}

void GraphReader::read_running(const YamlNode& map, const std::string& prefix, StageSpec& stage) {
  for (const YamlMember& member : map.members) {
    const Key* key = find_key(Scope::stage, member.key);
    if (key == nullptr || key->kind != KeyKind::running) continue;
    if (member.key == "workers") stage.workers_place = member.value.place;
    if (member.key == "threads") stage.threads_place = member.value.place;
    read_running_key(*key, member.value, prefix + member.key, stage.running);
  }
}

void GraphReader::read_running_key(const Key& key, const YamlNode& node, const std::string& path,
                                   RunningKeys& running) {
  const std::string* text = text_of(node, path);
  if (text == nullptr) return;
  if (key.number == nullptr) {  // on_error, the only one that is no number
    const auto choice = parse_choice(key, *text);
    if (!choice) return refuse(node.place, path + ": " + choice.error().message());
    running.on_error = choice.value();
    return;
  }
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
  const std::string* text = text_of(member.value, path);
  if (text == nullptr) return;
  params.push_back({member.key, member.key_place, path, *text, member.value.quoted, member.value.place});
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
