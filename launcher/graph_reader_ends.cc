// What a graph says of where records come from and where they go.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "launcher/graph_reader.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

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

void GraphReader::read_input(const YamlNode& root, Graph& graph) {
  const YamlNode* inputs = root.find("inputs");
  const YamlNode* merge = root.find("merge");
  if (inputs == nullptr) {
    if (merge != nullptr) refuse(merge->place, "merge: goes with inputs: {NAME: URI, NAME: URI}");
    graph.input = read_end(root, "input", "input");
    return;
  }
  graph.input.path = "inputs";
  graph.input.place = inputs->place;
  if (const YamlNode* input = root.find("input"))
    refuse(input->place, "input: the graph has inputs too; name all of them there");
  read_inputs(*inputs, graph);
  if (merge == nullptr)
    return refuse(inputs->place,
                  "merge: is missing; say by which rule the inputs become one stream, for example merge: "
                  "interleave");
  read_merge(*merge, graph);
}

void GraphReader::read_inputs(const YamlNode& node, Graph& graph) {
  constexpr std::size_t kInputsMax = 16;  // stages/merge/merge_spec.h
  if (!is_map(node, "inputs")) return;
  for (const YamlMember& member : node.members) {
    const std::string path = "inputs." + member.key;
    if (!is_name(member.key, ""))
      refuse(member.key_place,
             fmt::format("{}: '{}' cannot be a name: use letters, digits, _ and -", path, member.key));
    graph.inputs.push_back({member.key, read_end(node, member.key, path)});
  }
  if (graph.inputs.empty()) refuse(node.place, "inputs: names no input");
  if (graph.inputs.size() > kInputsMax)
    refuse(node.place, fmt::format("inputs: {} of them, {} is the most; one can be many files",
                                   graph.inputs.size(), kInputsMax));
}

// It is the source-merge that reads them.
void GraphReader::read_merge(const YamlNode& node, Graph& graph) {
  const YamlNode* rule = &node;
  const YamlNode* weights = nullptr;
  if (node.is(Kind::map)) {
    refuse_unknown_keys(node, Scope::merge, "merge.");
    rule = node.find("rule");
    weights = node.find("weights");
  }
  std::string name = weights != nullptr ? "mix" : "";
  const std::string path = rule == &node ? "merge" : "merge.rule";
  if (rule == nullptr && weights == nullptr)
    return refuse(node.place, "merge.rule: is missing: concat, interleave, mix or zip");
  if (rule != nullptr) {
    const auto choice = choice_of(*rule, *find_key(Scope::merge, "rule"), path);
    if (!choice) return;
    name = *choice;
  }
  if ((name == "mix") != (weights != nullptr))
    return refuse(node.place, name == "mix" ? "merge.weights: is missing; with mix each input has one, for "
                                              "example {rule: mix, weights: {web: 3, books: 1}}"
                                            : "merge.weights: goes with the rule mix, not with " + name);
  std::vector<GivenParameter>& params = graph.input.params;
  const Place& place = rule == nullptr ? node.place : rule->place;
  graph.input.uri = {"merge", name};
  params.push_back({"rule", place, path, name, true, place});
  for (const YamlMember& member : node.members) {
    if (member.key == "weights" || member.key == "until") read_param(member, "merge." + member.key, params);
  }
  if (weights != nullptr) check_weights(*weights, graph);
}

// Whether they are numbers that fit is left to source-merge.
void GraphReader::check_weights(const YamlNode& weights, const Graph& graph) {
  if (!is_map(weights, "merge.weights")) return;
  std::vector<std::string> names;
  for (const NamedInput& input : graph.inputs) {
    names.push_back(input.name);
    if (weights.find(input.name) == nullptr)
      refuse(weights.place, fmt::format("merge.weights: '{}' has none", input.name));
  }
  for (const YamlMember& member : weights.members) {
    if (std::ranges::find(names, member.key) == names.end())
      refuse(member.key_place, fmt::format("merge.weights.{}: there is no such input{}", member.key,
                                           suggestion(member.key, names)));
  }
}

}  // namespace datagen::launcher
