// What the short and long forms of a stage have in common, for all that walk a graph before it is read.
#pragma once

#include <string>

#include "launcher/yaml_tree.h"

namespace datagen::launcher {

// Where a stage says what it is. Nothing is set for a value that is no stage.
struct StageShape {
  YamlNode* run = nullptr;           // the path, of `run: PATH`
  YamlNode* use = nullptr;           // the name, of `use: NAME` or of a bare name
  YamlNode* exec = nullptr;          // the list, of `exec: [PROGRAM, ARGUMENT, …]`
  YamlMember* short_form = nullptr;  // `NAME: {parameters}`
};

StageShape shape_of(YamlNode& stage);

// The stage's id: the one given, else its name, else the executable's or program's file name without its last
// suffix.
std::string id_of(YamlNode& stage);

// What the stage is called where no id is given; empty if that cannot be told.
std::string default_id(const StageShape& shape);

}  // namespace datagen::launcher
