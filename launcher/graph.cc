#include "launcher/graph.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "launcher/graph_reader.h"
#include "launcher/settings.h"
#include "launcher/yaml_tree.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kGraphBytesMax = 16 << 20;

YamlNode scalar(const std::string& text, const std::string& flag) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = text;
  node.literal = true;
  node.from_flag = true;
  node.place = {flag + " " + text, 0, 0};
  return node;
}

YamlNode tree_of(const FlagGraph& flags) {
  YamlNode root;
  root.kind = YamlNode::Kind::map;
  root.place = {"the command line", 0, 0};
  const auto add = [&](const char* key, YamlNode value) {
    const Place place = value.place;
    root.members.push_back({key, place, std::move(value)});
  };
  if (!flags.input.empty()) add("input", scalar(flags.input == "-" ? "stdin://" : flags.input, "--input"));
  if (!flags.output.empty())
    add("output", scalar(flags.output == "-" ? "stdout://" : flags.output, "--output"));
  YamlNode stages;
  stages.kind = YamlNode::Kind::list;
  for (const std::string& given : flags.stages) {
    YamlNode stage = scalar(given, "--stage");
    if (given.find('/') != std::string::npos) {
      YamlNode map;
      map.kind = YamlNode::Kind::map;
      map.place = stage.place;
      map.members.push_back({"run", stage.place, std::move(stage)});
      stage = std::move(map);
    }
    stages.items.push_back(std::move(stage));
  }
  add("stages", std::move(stages));
  return root;
}

GraphReading read_tree(YamlNode root, const std::string& folder, bool is_file, const GraphContext& context,
                       GraphErrors errors) {
  if (root.is(YamlNode::Kind::map)) apply_settings(root, context, errors);
  Graph graph = GraphReader(folder, context.working_directory, is_file, errors).read(root);
  sort_by_place(errors);
  if (!root.is(YamlNode::Kind::map)) return {{}, std::move(errors)};
  return {std::move(graph), std::move(errors)};
}

GraphReading unreadable(const Place& place, const std::string& why) { return {{}, {{place, why}}}; }

// A file without `pipeline` is named by the file; checked like a given name.
void name_pipeline(YamlNode& root, const std::string& name, const std::string& file) {
  if (!root.is(YamlNode::Kind::map) || root.find("pipeline") != nullptr) return;
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = name;
  node.quoted = true;
  node.literal = true;
  node.place = {file, 0, 0};
  root.members.push_back({"pipeline", node.place, node});
}

std::string absolute_folder_of(const std::string& file, const std::string& working_directory) {
  const auto path = (std::filesystem::path(working_directory) / file).lexically_normal();
  return path.parent_path().string();
}

}  // namespace

GraphReading read_graph(const std::string& text, const std::string& file, const GraphContext& context) {
  if (!simdjson::validate_utf8(text)) return unreadable({file, 0, 0}, "the graph is not UTF-8");
  GraphErrors errors;
  auto root = parse_yaml(text, file, errors);
  if (!root) {
    sort_by_place(errors);
    return {{}, std::move(errors)};
  }
  name_pipeline(*root, std::filesystem::path(file).stem().string(), file);
  GraphReading reading = read_tree(std::move(*root), absolute_folder_of(file, context.working_directory),
                                   true, context, std::move(errors));
  if (reading.graph) reading.graph->file = file;
  return reading;
}

GraphReading read_graph_file(const std::string& path, const GraphContext& context) {
  const auto refuse = [&](const std::string& why) {
    return unreadable({}, fmt::format("cannot read the graph {}: {}", path, why));
  };
  const auto absolute = std::filesystem::path(context.working_directory) / path;
  std::error_code error;
  if (std::filesystem::is_directory(absolute, error)) return refuse("it is a folder");
  std::ifstream file(absolute);
  if (!file) return refuse(std::strerror(errno));
  std::string text;  // it may be a pipe, which does not tell its size
  char chunk[16 << 10];
  while (text.size() <= kGraphBytesMax && (file.read(chunk, sizeof chunk), file.gcount() > 0))
    text.append(chunk, static_cast<std::size_t>(file.gcount()));
  if (text.size() > kGraphBytesMax) return refuse("it is larger than 16 MiB");
  return read_graph(text, path, context);
}

GraphReading read_flag_graph(const FlagGraph& flags, const GraphContext& context) {
  std::vector<std::string> texts = flags.stages;
  texts.insert(texts.end(), {flags.input, flags.output});
  for (const std::string& text : texts) {
    if (!simdjson::validate_utf8(text)) return unreadable({}, "the command line is not UTF-8");
  }
  GraphReading reading = read_tree(tree_of(flags), context.working_directory, false, context, {});
  if (!reading.graph || !reading.graph->pipeline.empty()) return reading;
  std::string joined;
  for (const StageSpec& stage : reading.graph->stages) joined += (joined.empty() ? "" : "+") + stage.id;
  constexpr std::size_t kNameBytesMax = 100;
  reading.graph->pipeline = joined.empty() ? "copy" : joined.substr(0, kNameBytesMax);
  return reading;
}

}  // namespace datagen::launcher
