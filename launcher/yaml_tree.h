// A YAML document as a tree in which every value knows where it stands. yaml-cpp's own nodes let duplicate
// keys, second documents and `<<` pass; here they are errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/place.h"

namespace datagen::launcher {

struct YamlMember;

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;        // of a scalar
  bool quoted = false;     // text for certain, never a number
  bool literal = false;    // nothing in it is to be substituted any more
  bool from_flag = false;  // from the command line: relative paths begin at the working directory
  Place place;
  std::vector<YamlNode> items;      // of a list
  std::vector<YamlMember> members;  // of a map, in the order of the file

  bool is(Kind wanted) const { return kind == wanted; }
  YamlNode* find(std::string_view key);
  const YamlNode* find(std::string_view key) const;
};

struct YamlMember {
  std::string key;
  Place key_place;
  YamlNode value;
};

// Errors: what yaml-cpp refuses, with a hint for the usual traps; duplicate keys, `<<`, tags, a second
// document. With a tree all the same when it is whole, so that what is wrong with its values is reported
// along with them.
std::optional<YamlNode> parse_yaml(const std::string& text, const std::string& file, GraphErrors& errors);

// The node as JSON text. What is quoted is a text; a plain scalar is a number, true, false or null where JSON
// has it so.
std::string yaml_json(const YamlNode& node);

}  // namespace datagen::launcher
