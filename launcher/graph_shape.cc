#include "launcher/graph_shape.h"

#include <filesystem>

#include "launcher/keys.h"

namespace datagen::launcher {

using Kind = YamlNode::Kind;

StageShape shape_of(YamlNode& stage) {
  StageShape shape;
  if (stage.is(Kind::scalar)) shape.use = &stage;
  if (!stage.is(Kind::map)) return shape;
  shape.run = stage.find("run");
  shape.use = stage.find("use");
  shape.exec = stage.find("exec");
  if (shape.run != nullptr || shape.use != nullptr || shape.exec != nullptr) return shape;
  for (YamlMember& member : stage.members) {
    if (find_key(Scope::stage, member.key) != nullptr) continue;
    if (member.key.starts_with("x-")) continue;
    const bool has_parameters = member.value.is(Kind::map) || member.value.is(Kind::null);
    if (shape.short_form == nullptr || (has_parameters && shape.short_form->value.is(Kind::scalar)))
      shape.short_form = &member;
  }
  return shape;
}

std::string default_id(const StageShape& shape) {
  if (shape.run != nullptr) return std::filesystem::path(shape.run->text).stem().string();
  if (shape.use != nullptr) return shape.use->text;
  if (shape.exec != nullptr) {
    return shape.exec->items.empty() ? std::string()
                                     : std::filesystem::path(shape.exec->items.front().text).stem().string();
  }
  return shape.short_form == nullptr ? std::string() : shape.short_form->key;
}

std::string id_of(YamlNode& stage) {
  const YamlNode* id = stage.find("id");
  if (id != nullptr && id->is(Kind::scalar)) return id->text;
  return default_id(shape_of(stage));
}

}  // namespace datagen::launcher
