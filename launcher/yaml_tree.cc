#include "launcher/yaml_tree.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

#include "launcher/json_text.h"
#include "launcher/values.h"

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
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node(mark, YamlNode::Kind::null), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end())
      throw YAML::ParserException(mark, "an alias within the value that it names");
    count(count_nodes(found->second), place(mark), "anchors and aliases make this file too large");
    add(YamlNode(found->second), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    last_scalar_ = mark;
    YamlNode scalar = node(mark, YamlNode::Kind::scalar);
    scalar.text = text;
    scalar.quoted = tag != "?";  // yaml-cpp's tag of a plain scalar
    refuse_tag(mark, tag);
    // yaml-cpp reports most of these itself, as OnNull.
    if (!scalar.quoted && (text == "null" || text == "~")) scalar.kind = YamlNode::Kind::null;
    add(std::move(scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(node(mark, YamlNode::Kind::list), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(node(mark, YamlNode::Kind::map), anchor);
  }
  void OnMapEnd() override { close(); }

  void error(const YAML::Mark& mark, std::string message) {
    errors.emplace_back(place(mark), std::move(message));
  }

  YamlNode root;
  GraphErrors errors;
  bool is_whole = true;  // no part of the document is missing from the tree
  YAML::Mark start() const { return start_; }
  YAML::Mark last_scalar() const { return last_scalar_; }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool has_key = false;  // of a map: its next value belongs to `key`
    std::string key;
    Place key_place;
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  void count(std::size_t nodes, const Place& at, const char* what) {
    nodes_ += nodes;
    if (nodes_ <= kNodesMax) return;
    YAML::Mark mark;
    mark.line = at.line - 1;
    mark.column = at.column - 1;
    throw YAML::ParserException(mark, what);
  }
  YamlNode node(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode made;
    made.kind = kind;
    made.place = place(mark);
    count(1, made.place, "this file has too many values");
    return made;
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?" && tag != "!" && !tag.empty())
      error(mark, fmt::format("tags such as {} are not supported", tag));
  }
  void open(YamlNode made, YAML::anchor_t anchor) {
    open_.push_back({std::move(made), anchor, false, {}, {}});
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode made, YAML::anchor_t anchor) {
    if (anchor != 0) {
      // A copy each: anchors within anchors grow like aliases of aliases.
      count(count_nodes(made), made.place, "anchors and aliases make this file too large");
      anchored_[anchor] = made;
    }
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
      if (made.is(YamlNode::Kind::null)) made.place = parent.key_place;  // yaml-cpp's mark is what comes next
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
      is_whole = false;
    } else if (const YamlNode* first = parent.node.find(key.text)) {
      errors.emplace_back(key.place, fmt::format("'{}' stands here a second time (first in line {})",
                                                 key.text, first->place.line));
    } else if (key.text == "<<") {
      errors.emplace_back(key.place,
                          "'<<' (YAML merge) is not supported: write the keys out, or use defaults");
      is_whole = false;
    }
  }

  std::string file_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
  std::size_t nodes_ = 0;
  YAML::Mark start_;
  YAML::Mark last_scalar_;
};

// yaml-cpp takes a quote that is never closed for closed at the end, when a line break stands there; without
// one it complains.
bool has_open_quote(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  std::istringstream stream(text.substr(0, end == std::string::npos ? 0 : end + 1));
  TreeBuilder ignored("");
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(ignored)) {
    }
  } catch (const YAML::Exception& error) {
    return error.msg == YAML::ErrorMsg::EOF_IN_SCALAR;
  }
  return false;
}

std::string line_of(const std::string& text, int number) {
  std::istringstream lines(text);
  std::string line;
  for (int index = 0; index <= number; ++index) {
    if (!std::getline(lines, line)) return {};
  }
  return line;
}

// Where the value begins that has column `at` in it: behind the last "- ", ": ", "[", "{" or ", " before.
std::size_t value_begin(const std::string& line, std::size_t at) {
  std::size_t begin = 0;
  for (std::size_t index = 0; index < at && index < line.size(); ++index) {
    const char c = line[index];
    const bool is_before_space = index + 1 == line.size() || line[index + 1] == ' ';
    const bool is_list_item = c == '-' && is_before_space && line.find_first_not_of(" -") >= index;
    if (c == '[' || c == '{' || is_list_item || ((c == ':' || c == ',') && is_before_space))
      begin = index + 1;
  }
  const std::size_t text = line.find_first_not_of(' ', begin);
  return text == std::string::npos ? line.size() : text;
}

// What people meant when yaml-cpp stumbles over a value.
std::string trap_hint(const std::string& text, const YAML::Exception& error) {
  const YAML::Mark& mark = error.mark;
  const std::string line = line_of(text, mark.line);
  if (line.empty() || mark.column < 0) return {};
  const std::size_t indent = line.find_first_not_of(" \t");
  if (line.find('\t') < indent) return " (YAML is indented with spaces, not tabs)";
  const std::size_t begin = value_begin(line, static_cast<std::size_t>(mark.column));
  const bool is_in_flow = line.find_first_of("[{") < begin;
  std::string value =
      line.substr(begin, is_in_flow ? line.find_first_of(",]}", begin) - begin : std::string::npos);
  value.erase(value.find_last_not_of(" \r") + 1);
  if (value.empty() || begin == indent) return {};
  if (value.front() == '*') return fmt::format(" ('*' begins a YAML alias; write \"{}\" in quotes)", value);
  if (value.front() == '&') return fmt::format(" ('&' begins a YAML anchor; write \"{}\" in quotes)", value);
  if (value.front() == '%' || value.front() == '@' || value.front() == '`' || value.front() == '!') {
    return fmt::format(" ('{}' begins nothing that YAML knows; write \"{}\" in quotes)", value.front(),
                       value);
  }
  // The mark is then the second colon.
  const bool is_second_colon =
      line.find(": ") < static_cast<std::size_t>(mark.column) && error.msg == YAML::ErrorMsg::MAP_VALUE;
  if (!is_in_flow && is_second_colon) return " (a value with ': ' in it must stand in quotes)";
  return {};
}

}  // namespace

YamlNode* YamlNode::find(std::string_view key) {
  const auto found =
      std::ranges::find_if(members, [&](const YamlMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}
const YamlNode* YamlNode::find(std::string_view key) const { return const_cast<YamlNode*>(this)->find(key); }

std::optional<YamlNode> parse_yaml(const std::string& text, const std::string& file, GraphErrors& errors) {
  TreeBuilder builder(file);
  TreeBuilder second(file);
  bool is_whole = false;
  try {
    std::istringstream stream(text.ends_with('\n') ? text : text + "\n");
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      errors.emplace_back(Place{file, 1, 1}, "the graph is empty");
      return {};
    }
    if (parser.HandleNextDocument(second))
      builder.error(second.start(), "a graph is one document; a second one begins here");
    is_whole = builder.is_whole;
    if (has_open_quote(text)) {
      builder.error(builder.last_scalar(), "not valid YAML: the quote that opens here is not closed");
      is_whole = false;
    }
  } catch (const YAML::Exception& error) {
    builder.error(error.mark, "not valid YAML: " + error.msg + trap_hint(text, error));
  }
  std::ranges::move(builder.errors, std::back_inserter(errors));
  if (!is_whole) return {};
  return std::move(builder.root);
}

void sort_by_place(GraphErrors& errors) {
  std::ranges::stable_sort(errors, [](const GraphError& left, const GraphError& right) {
    return std::tie(left.line, left.column) < std::tie(right.line, right.column);
  });
}

std::string yaml_json(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar: {
      simdjson::dom::parser parser;
      simdjson::dom::element value;
      const bool is_json = !node.quoted && !has_leading_zeros(node.text) &&
                           parser.parse(node.text).get(value) == simdjson::SUCCESS && !value.is_string() &&
                           !value.is_array() && !value.is_object();
      return is_json ? node.text : json_string(node.text);
    }
    case YamlNode::Kind::list:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ",") + yaml_json(item);
      return "[" + text + "]";
    case YamlNode::Kind::map:
      for (const YamlMember& member : node.members)
        text += (text.empty() ? "" : ",") + json_string(member.key) + ":" + yaml_json(member.value);
      return "{" + text + "}";
  }
  return text;
}

std::string show(const GraphErrors& errors) {
  std::string text;
  for (const GraphError& error : errors) text += error.text() + "\n";
  return text;
}

}  // namespace datagen::launcher
