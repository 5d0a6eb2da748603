// From a checked tree to a Graph: one method for each part of the grammar. Those of stages are in
// graph_reader_stages.cc, those of inputs and outputs in graph_reader_ends.cc, those of hooks in
// graph_reader_hooks.cc.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/graph.h"
#include "launcher/graph_shape.h"
#include "launcher/yaml_tree.h"

namespace datagen::launcher {

class GraphReader {
 public:
  // Relative paths begin at `folder`, those on flags at `working_directory`. A graph of flags has no
  // `datagen: 1`.
  GraphReader(std::string folder, std::string working_directory, bool is_file, GraphErrors& errors)
      : folder_(std::move(folder)),
        working_directory_(std::move(working_directory)),
        is_file_(is_file),
        errors_(errors) {}

  Graph read(YamlNode& root);

 private:
  using Kind = YamlNode::Kind;

  // Names become file names: <stage>.done, logs/<stage>.0.log, runs/<pipeline>. `extra`: further characters.
  static bool is_name(const std::string& text, std::string_view extra);
  static const char* show(Kind kind);
  static std::string absolute_in(const std::string& folder, const std::string& path);

  void refuse(const Place& place, std::string message) { errors_.emplace_back(place, std::move(message)); }
  // Reports keys that `scope` does not have; `prefix` is what their paths begin with ("stages[1].").
  void refuse_unknown_keys(const YamlNode& map, Scope scope, const std::string& prefix,
                           const YamlMember* except = nullptr);
  std::string hint_for_unknown(Scope scope, const std::string& key) const;

  // The text of a scalar; nothing (and an error) for another kind of node, and for a number with leading
  // zeros.
  const std::string* text_of(const YamlNode& node, const std::string& path);
  // One of the words that the key allows; nothing after an error.
  std::optional<std::string> choice_of(const YamlNode& node, const Key& key, const std::string& path);
  // The scalar as a path, made absolute; nothing (and an error) where it is none.
  std::string path_of(const YamlNode& node, const std::string& path);
  const std::string& base_of(const YamlNode& node) const {
    return node.from_flag ? working_directory_ : folder_;
  }
  bool is_map(const YamlNode& node, const std::string& path);

  void read_top(const YamlNode& root, Graph& graph);
  void read_format(const YamlNode& root);
  void read_stage_path(const YamlNode& node, Graph& graph);
  void read_rings(const YamlNode& node, Graph& graph);
  void read_hooks(const YamlNode& node, Graph& graph);
  HookSpec read_hook(const YamlNode& node, const std::string& path);
  void read_hook_events(const YamlNode& node, const std::string& path, HookSpec& hook);
  std::vector<std::string> read_command(const YamlNode& node, const std::string& path);
  // `path` is what messages call it; `name` the key in `map`.
  EndSpec read_end(const YamlNode& map, const std::string& name, const std::string& path);
  void read_input(const YamlNode& root, Graph& graph);
  void read_inputs(const YamlNode& node, Graph& graph);
  void read_merge(const YamlNode& node, Graph& graph);
  void check_weights(const YamlNode& weights, const Graph& graph);
  void read_from(const YamlNode& node, StageSpec& stage);
  void read_exclusions(const YamlNode& node, StageSpec& stage);
  void read_stages(YamlNode& node, Graph& graph);
  StageSpec read_stage(YamlNode& node, const std::string& path);
  void read_what(YamlNode& node, const StageShape& shape, StageSpec& stage);
  void read_exec(const YamlNode& node, const YamlNode& exec, StageSpec& stage);
  void add_condition(const YamlNode& when, StageSpec& stage, Graph& graph);
  void read_running(const YamlNode& map, const std::string& prefix, StageSpec& stage);
  void read_running_key(const Key& key, const YamlNode& node, const std::string& path, RunningKeys& running);
  std::vector<GivenParameter> read_params(const YamlNode& node, const std::string& path);
  void read_param(const YamlMember& member, const std::string& path, std::vector<GivenParameter>& params);
  void check_ids(const Graph& graph);

  std::string folder_;
  std::string working_directory_;
  bool is_file_;
  GraphErrors& errors_;
  RunningKeys defaults_;
  std::map<std::string, Place> default_places_;
};

}  // namespace datagen::launcher
