#include "launcher/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kNameBytesMax = 100;

}  // namespace

bool GraphReader::is_name(const std::string& text, std::string_view extra) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || extra.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kNameBytesMax && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, fits);
}

const char* GraphReader::show(YamlNode::Kind kind) {
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

std::string GraphReader::absolute_in(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

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
  read_input(root, graph);
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
  const auto read = [&](const char* name, auto& value) {
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
  if (graph.block_bytes && *graph.block_bytes % kPage != 0) {
    const std::int64_t fits = (*graph.block_bytes / kPage + 1) * kPage;
    refuse(found->place,
           fmt::format("rings.block_bytes: {} is no multiple of a page of {} bytes (the next is {})",
                       *graph.block_bytes, kPage, fits));
  }
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
