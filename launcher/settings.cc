#include "launcher/settings.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <utility>

#include "launcher/graph_shape.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

using Kind = YamlNode::Kind;

YamlNode from_flag(const std::string& text, const Place& place) {
  YamlNode node;
  node.kind = Kind::scalar;
  node.text = text;
  node.literal = true;
  node.from_flag = true;
  node.place = place;
  return node;
}

void put(YamlNode& map, const std::string& key, YamlNode value) {
  if (!map.is(Kind::map) && !map.is(Kind::null)) return;  // reported when it is read
  map.kind = Kind::map;                                   // a null: `clean_text:` without parameters so far
  if (YamlNode* found = map.find(key)) {
    *found = std::move(value);
    return;
  }
  const Place place = value.place;
  map.members.push_back({key, place, std::move(value)});
}

// One `--set`, on its way into the tree.
class Setting {
 public:
  Setting(YamlNode& root, const std::string& argument, GraphErrors& errors)
      : root_(root), errors_(errors), place_{"--set " + argument, 0, 0} {
    const std::size_t equals = argument.find('=');
    is_whole_ = equals != std::string::npos && equals > 0;
    is_text_ = simdjson::validate_utf8(argument);
    path_ = argument.substr(0, equals);
    if (is_whole_) value_ = from_flag(argument.substr(equals + 1), place_);
  }

  bool is_of_variable() const { return path_.starts_with("vars."); }

  void apply() {
    if (!is_text_) return refuse("is not UTF-8");
    if (!is_whole_) return refuse("expected PATH=VALUE, for example score.workers=8");
    const std::size_t dot = path_.find('.');
    if (dot == std::string::npos) return set_top();
    const std::string head = path_.substr(0, dot);
    const std::string rest = path_.substr(dot + 1);
    if (rest.empty()) return refuse(fmt::format("'{}' names no key", path_));
    if (head == "vars") return set_variable(rest);
    if (head == "input" || head == "output") return set_end(root_, head, rest);
    if (head == "inputs") return set_input(rest);
    if (head == "merge") return set_member(root_, head, rest);
    if (head == "defaults") return set_member(root_, head, rest);
    if (head == "rings") return set_member(root_, head, rest);
    set_of_stage(head, rest);
  }

 private:
  void refuse(std::string message) { errors_.emplace_back(place_, std::move(message)); }

  void set_top() {
    const Key* key = find_key(Scope::graph, path_);
    const bool is_single = key != nullptr && key->type != KeyType::map && key->type != KeyType::list &&
                           key->kind != KeyKind::form;
    if (path_ == "input" || path_ == "output") return set_uri(root_, path_);
    if (is_single) return put(root_, path_, value_);
    std::vector<std::string> known = stage_ids();
    if (std::ranges::find(known, path_) != known.end() || key != nullptr) {
      return refuse(fmt::format("'{}' has no value of its own: write {}.KEY=VALUE", path_, path_));
    }
    for (const std::string& name : key_names(Scope::graph)) known.push_back(name);
    refuse(fmt::format("{}: unknown path{}", path_, suggestion(path_, known)));
  }

  // The URI alone: the parameters of an end in its long form stay.
  void set_uri(YamlNode& parent, const std::string& end) {
    if (value_.text == "-") value_.text = end == "output" ? "stdout://" : "stdin://";
    YamlNode* node = parent.find(end);
    if (node != nullptr && node->is(Kind::map)) return put(*node, "uri", value_);
    put(parent, end, value_);
  }

  // One of several: inputs.NAME, inputs.NAME.PARAMETER.
  void set_input(const std::string& path) {
    YamlNode* inputs = root_.find("inputs");
    if (inputs == nullptr) return refuse("the graph has no inputs");
    const std::size_t dot = path.find('.');
    const std::string name = path.substr(0, dot);
    if (inputs->find(name) == nullptr) {
      std::vector<std::string> known;
      for (const YamlMember& member : inputs->members) known.push_back(member.key);
      return refuse(fmt::format("inputs.{}: the graph has no such input{}", name, suggestion(name, known)));
    }
    if (dot == std::string::npos) return set_uri(*inputs, name);
    set_end(*inputs, name, path.substr(dot + 1));
  }

  void set_variable(const std::string& name) {
    YamlNode* vars = root_.find("vars");
    if (vars != nullptr && vars->find(name) != nullptr) return put(*vars, name, value_);
    std::vector<std::string> known;
    if (vars != nullptr) {
      for (const YamlMember& member : vars->members) known.push_back(member.key);
    }
    refuse(fmt::format("vars.{}: the graph has no such variable{}", name, suggestion(name, known)));
  }

  void set_end(YamlNode& parent, const std::string& end, const std::string& name) {
    YamlNode* node = parent.find(end);
    if (name == "uri") return set_uri(parent, end);
    if (node == nullptr) return refuse(fmt::format("the graph has no {}", end));
    if (node->is(Kind::scalar)) {  // the short form becomes the long one
      YamlNode map;
      map.kind = Kind::map;
      map.place = node->place;
      put(map, "uri", std::move(*node));
      *node = std::move(map);
    }
    if (!node->is(Kind::map)) return;  // reported when it is read
    put(*node, name, value_);
  }

  void set_member(YamlNode& parent, const std::string& map, const std::string& key) {
    if (parent.find(map) == nullptr) {
      YamlNode made;
      made.kind = Kind::map;
      made.place = place_;
      parent.members.push_back({map, place_, std::move(made)});
    }
    put(*parent.find(map), key, value_);
  }

  std::vector<std::string> stage_ids() {
    std::vector<std::string> ids;
    if (YamlNode* stages = root_.find("stages")) {
      for (YamlNode& stage : stages->items) ids.push_back(id_of(stage));
    }
    return ids;
  }

  void set_of_stage(const std::string& id, const std::string& rest) {
    YamlNode* stages = root_.find("stages");
    for (std::size_t index = 0; stages != nullptr && index < stages->items.size(); ++index) {
      if (id_of(stages->items[index]) == id) return set_in_stage(stages->items[index], rest);
    }
    std::vector<std::string> known = stage_ids();
    for (const char* word : {"vars", "input", "inputs", "merge", "output", "defaults", "rings"})
      known.emplace_back(word);
    refuse(fmt::format("{}: the graph has no stage '{}'{}", path_, id, suggestion(id, known)));
  }

  void set_in_stage(YamlNode& stage, const std::string& rest) {
    if (stage.is(Kind::scalar)) {
      YamlNode map;
      map.kind = Kind::map;
      map.place = stage.place;
      YamlNode no_parameters;
      no_parameters.place = stage.place;
      map.members.push_back({stage.text, stage.place, std::move(no_parameters)});
      stage = std::move(map);
    }
    const Key* key = find_key(Scope::stage, rest);
    if (key != nullptr && key->kind == KeyKind::running) return put(stage, rest, value_);
    if (key != nullptr)
      return refuse(fmt::format("{}: '{}' cannot be set from outside the graph", path_, rest));
    const std::string name = rest.starts_with("params.") ? rest.substr(7) : rest;
    const StageShape shape = shape_of(stage);
    if (shape.short_form != nullptr) return put(shape.short_form->value, name, value_);
    set_member(stage, "params", name);
  }

  YamlNode& root_;
  GraphErrors& errors_;
  Place place_;
  std::string path_;
  bool is_whole_ = false;
  bool is_text_ = false;
  YamlNode value_;
};

class Substitution {
 public:
  Substitution(const GraphContext& context, GraphErrors& errors) : context_(context), errors_(errors) {}

  // What a stage is called by, so that --set finds it.
  void name_stages(YamlNode& stages) {
    for (YamlNode& stage : stages.items) {
      if (stage.is(Kind::scalar)) expand(stage);
      for (YamlMember& member : stage.members) {
        if (member.key == "id" || member.key == "use" || member.key == "run") walk(member.value);
      }
    }
  }

  void walk(YamlNode& node) {
    if (node.is(Kind::scalar)) return expand(node);
    for (YamlNode& item : node.items) walk(item);
    for (YamlMember& member : node.members) {
      if (!member.key.starts_with("x-")) walk(member.value);
    }
  }

  // A variable may use those above it.
  void declare(YamlNode& vars) {
    for (YamlMember& member : vars.members) {
      if (!member.value.is(Kind::scalar)) continue;  // reported when it is read
      expand(member.value);
      variables_[member.key] = member.value.text;
    }
  }

 private:
  void expand(YamlNode& node) {
    if (node.literal || node.text.find('$') == std::string::npos) return;
    node.literal = true;  // once, whatever comes of it
    std::string out;
    const std::string& text = node.text;
    bool has_names = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char next = at + 1 < text.size() ? text[at + 1] : '\0';
      if (text[at] != '$' || (next != '$' && next != '{')) {
        out += text[at];  // a dollar alone is itself: regular expressions end with one
      } else if (next == '$') {
        out += '$';
        ++at;
      } else {
        const std::size_t end = text.find('}', at);
        if (end == std::string::npos) {
          errors_.emplace_back(node.place,
                               fmt::format("'{}': '${{' without '}}' (write $$ for a dollar)", text));
          return;
        }
        const std::string reference = text.substr(at + 2, end - at - 2);
        if (reference.find("${") != std::string::npos) {
          errors_.emplace_back(
              node.place,
              fmt::format("'{}': one ${{…}} cannot stand in another; put the inner one into vars", text));
          return;
        }
        out += value_of(reference, node.place);
        has_names = true;
        at = end;
      }
    }
    node.text = std::move(out);
    if (!simdjson::validate_utf8(node.text)) {
      errors_.emplace_back(node.place, "the value of this variable is not UTF-8");
      node.text.clear();
    }
    // "${N}" needs its quotes within { }, so they do not say that it is text.
    if (has_names) node.quoted = false;
  }

  std::string value_of(const std::string& reference, const Place& place) {
    const std::size_t mark = reference.find(":-");
    const std::string name = reference.substr(0, mark);
    std::optional<std::string> value;
    if (const auto found = variables_.find(name); found != variables_.end()) {
      value = found->second;
    } else if (context_.environment) {
      value = context_.environment(name);
    }
    if (mark != std::string::npos && (!value || value->empty())) return reference.substr(mark + 2);
    if (value) return *value;
    std::vector<std::string> known;
    for (const auto& [variable, text] : variables_) known.push_back(variable);
    if (!is_variable_name(name)) {
      errors_.emplace_back(
          place, fmt::format(
                     "'${{{}}}' is no reference: write ${{NAME}} or ${{NAME:-VALUE}} (and $$ for a dollar){}",
                     reference, suggestion(name, known)));
      return {};
    }
    errors_.emplace_back(
        place, fmt::format(
                   "${{{}}} is not set, neither in vars nor in the environment{} (a default: ${{{}:-VALUE}})",
                   name, suggestion(name, known), name));
    return {};
  }

  static bool is_variable_name(const std::string& name) {
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && std::ranges::all_of(name, fits);
  }

  const GraphContext& context_;
  GraphErrors& errors_;
  std::map<std::string, std::string> variables_;
};

}  // namespace

void apply_settings(YamlNode& root, const GraphContext& context, GraphErrors& errors) {
  // Variables first, then the names of stages, which may use them; then the sets, which name both; the rest
  // last.
  for (const std::string& argument : context.sets) {
    if (Setting set(root, argument, errors); set.is_of_variable()) set.apply();
  }
  Substitution substitution(context, errors);
  if (YamlNode* vars = root.find("vars")) substitution.declare(*vars);
  if (YamlNode* stages = root.find("stages")) substitution.name_stages(*stages);
  for (const std::string& argument : context.sets) {
    if (Setting set(root, argument, errors); !set.is_of_variable()) set.apply();
  }
  for (YamlMember& member : root.members) {
    if (member.key != "vars" && !member.key.starts_with("x-")) substitution.walk(member.value);
  }
}

}  // namespace datagen::launcher
