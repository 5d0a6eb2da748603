#include "launcher/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace datagen::launcher {

namespace {

// Aliases of aliases grow a file of a kilobyte beyond any memory.
constexpr std::size_t kNodesMax = 200'000;

std::size_t count_nodes(const YamlNode& node) {
  std::size_t nodes = 1;
  for (const YamlNode& item : node.items) nodes += count_nodes(item);
  for (const YamlMember& member : node.members) nodes += count_nodes(member.value);
  return nodes;
}

// Builds the tree from the parser's events. A container is kept on a stack while it is open.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(node(mark, YamlNode::Kind::null), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) return error(mark, "an alias within the value that it names");
    YamlNode copy = found->second;
    nodes_ += count_nodes(copy);
    if (nodes_ > kNodesMax) throw YAML::ParserException(mark, "aliases make this file too large");
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    YamlNode scalar = node(mark, YamlNode::Kind::scalar);
    scalar.text = text;
    scalar.quoted = tag != "?";  // yaml-cpp's tag of a plain scalar
    if (tag != "?" && tag != "!" && !tag.empty()) error(mark, fmt::format("tags such as {} are not supported", tag));
    // yaml-cpp reports most of these itself, as OnNull.
    if (!scalar.quoted && (text == "null" || text == "~")) scalar.kind = YamlNode::Kind::null;
    add(std::move(scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(node(mark, YamlNode::Kind::list), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(node(mark, YamlNode::Kind::map), anchor);
  }
  void OnMapEnd() override { close(); }

  void error(const YAML::Mark& mark, std::string message) { errors.emplace_back(place(mark), std::move(message)); }

  YamlNode root;
  GraphErrors errors;
  YAML::Mark start() const { return start_; }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool has_key = false;  // of a map: its next value belongs to `key`
    std::string key;
    Place key_place;
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  YamlNode node(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode made;
    made.kind = kind;
    made.place = place(mark);
    if (++nodes_ > kNodesMax) throw YAML::ParserException(mark, "this file has too many values");
    return made;
  }
  void open(YamlNode made, YAML::anchor_t anchor) { open_.push_back({std::move(made), anchor, false, {}, {}}); }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode made, YAML::anchor_t anchor) {
    if (anchor != 0) anchored_[anchor] = made;
    if (open_.empty()) {
      root = std::move(made);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is(YamlNode::Kind::list)) {
      parent.node.items.push_back(std::move(made));
    } else if (!parent.has_key) {
      take_key(parent, made);
    } else {
      parent.has_key = false;
      const auto same = [&](const YamlMember& member) { return member.key == parent.key; };
      if (std::ranges::any_of(parent.node.members, same)) return;  // reported at its key
      parent.node.members.push_back({parent.key, parent.key_place, std::move(made)});
    }
  }

  void take_key(Open& parent, const YamlNode& key) {
    parent.has_key = true;
    parent.key = key.text;
    parent.key_place = key.place;
    if (!key.is(YamlNode::Kind::scalar)) {
      errors.emplace_back(key.place, "a key must be a plain text");
    } else if (const YamlNode* first = parent.node.find(key.text)) {
      errors.emplace_back(key.place, fmt::format("'{}' stands here a second time (first in line {})", key.text, first->place.line));
    } else if (key.text == "<<") {
      errors.emplace_back(key.place, "'<<' (YAML merge) is not supported: write the keys out, or use defaults");
    }
  }

  std::string file_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
  std::size_t nodes_ = 0;
  YAML::Mark start_;
};

// What people meant when yaml-cpp stumbles over the first character of a value.
std::string trap_hint(const std::string& text, const YAML::Mark& mark) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 0; number <= mark.line; ++number) {
    if (!std::getline(lines, line)) return {};
  }
  const std::size_t indent = line.find_first_not_of(" -");
  if (line.find('\t') != std::string::npos && line.find('\t') <= line.find_first_not_of(" \t")) return " (YAML is indented with spaces, not tabs)";
  if (indent == std::string::npos) return {};
  // The value: behind the last "key: " or "- " before the mark.
  const std::size_t colon = line.find(": ", indent);
  std::string value = line.substr(colon == std::string::npos ? indent : colon + 2);
  value.erase(0, value.find_first_not_of(" ["));
  const std::size_t end = value.find_last_not_of(" \r]");
  value.erase(end == std::string::npos ? 0 : end + 1);
  if (value.empty()) return {};
  if (value.front() == '*') return fmt::format(" ('*' begins a YAML alias; write \"{}\" in quotes)", value);
  if (value.front() == '&') return fmt::format(" ('&' begins a YAML anchor; write \"{}\" in quotes)", value);
  if (value.front() == '%' || value.front() == '@' || value.front() == '`' || value.front() == '!') {
    return fmt::format(" ('{}' begins nothing that YAML knows; write \"{}\" in quotes)", value.front(), value);
  }
  if (value.find(": ") != std::string::npos) return " (a value with ': ' in it must stand in quotes)";
  return {};
}

}  // namespace

YamlNode* YamlNode::find(std::string_view key) {
  const auto found = std::ranges::find_if(members, [&](const YamlMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}
const YamlNode* YamlNode::find(std::string_view key) const { return const_cast<YamlNode*>(this)->find(key); }

Checked<YamlNode> parse_yaml(const std::string& text, const std::string& file) {
  TreeBuilder builder(file);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return GraphErrors{{Place{file, 1, 1}, "the graph is empty"}};
    YamlNode root = builder.root;
    TreeBuilder second(file);
    if (parser.HandleNextDocument(second)) second.error(second.start(), "a graph is one document; a second one begins here");
    builder.root = std::move(root);
    for (GraphError& error : second.errors) builder.errors.push_back(std::move(error));
  } catch (const YAML::Exception& error) {
    builder.error(error.mark, "not valid YAML: " + error.msg + trap_hint(text, error.mark));
  }
  if (!builder.errors.empty()) return builder.errors;
  return builder.root;
}

std::string show(const GraphErrors& errors) {
  std::string text;
  for (const GraphError& error : errors) text += error.text() + "\n";
  return text;
}

}  // namespace datagen::launcher
