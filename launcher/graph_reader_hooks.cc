// What a graph says of those who are told of events.
#include "launcher/graph_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "launcher/hook_events.h"
#include "launcher/suggest.h"

namespace datagen::launcher {

void GraphReader::read_hooks(const YamlNode& node, Graph& graph) {
  if (!node.is(Kind::list)) return graph.hooks.push_back(read_hook(node, "hooks"));
  for (std::size_t index = 0; index < node.items.size(); ++index)
    graph.hooks.push_back(read_hook(node.items[index], fmt::format("hooks[{}]", index)));
}

HookSpec GraphReader::read_hook(const YamlNode& node, const std::string& path) {
  HookSpec hook;
  if (node.is(Kind::scalar)) {
    hook.file = path_of(node, path);
    return hook;
  }
  if (!is_map(node, path)) return hook;
  int kinds = 0;
  for (const YamlMember& member : node.members) {
    const std::string key = path + "." + member.key;
    if (member.key == "events") {
      read_hook_events(member.value, key, hook);
      continue;
    }
    ++kinds;
    if (member.key == "file") {
      hook.file = path_of(member.value, key);
    } else if (member.key == "command") {
      hook.command = read_command(member.value, key);
    } else if (member.key == "fd") {
      const std::string* text = text_of(member.value, key);
      const auto number = text == nullptr ? Result<std::int64_t>(0) : parse_whole(*text);
      if (!number || number.value() < 0 || number.value() > 1'000'000)
        refuse(member.value.place, key + ": expected the number of an open descriptor");
      if (number) hook.fd = number.value();
    } else {
      --kinds;
      if (!member.key.starts_with("x-"))
        refuse(member.key_place, fmt::format("{}: unknown key{}", key,
                                             suggestion(member.key, {"file", "fd", "command", "events"})));
    }
  }
  if (kinds != 1) refuse(node.place, path + ": write one of file: PATH, fd: NUMBER and command: [NAME, …]");
  return hook;
}

void GraphReader::read_hook_events(const YamlNode& node, const std::string& path, HookSpec& hook) {
  if (!node.is(Kind::list))
    return refuse(node.place, fmt::format("{}: expected a list of events, got {}", path, show(node.kind)));
  for (std::size_t index = 0; index < node.items.size(); ++index) {
    const std::string* text = text_of(node.items[index], fmt::format("{}[{}]", path, index));
    if (text == nullptr) continue;
    const std::vector<std::string> known(hook_event_names().begin(), hook_event_names().end());
    if (std::ranges::find(known, *text) == known.end())
      refuse(node.items[index].place,
             fmt::format("{}[{}]: there is no event '{}'{}", path, index, *text, suggestion(*text, known)));
    hook.events.push_back(*text);
  }
}

// A first argument with a slash is a path; others are found as a shell finds them.
std::vector<std::string> GraphReader::read_command(const YamlNode& node, const std::string& path) {
  std::vector<std::string> command;
  const auto add = [&](const YamlNode& given, const std::string& key) {
    const std::string* text = text_of(given, key);
    if (text == nullptr) return;
    const bool is_path = command.empty() && text->find('/') != std::string::npos;
    command.push_back(is_path ? absolute_in(base_of(given), *text) : *text);
  };
  if (!node.is(Kind::list)) add(node, path);
  for (std::size_t index = 0; index < node.items.size(); ++index)
    add(node.items[index], fmt::format("{}[{}]", path, index));
  if (node.is(Kind::list) && node.items.empty()) refuse(node.place, path + ": names no command");
  return command;
}

}  // namespace datagen::launcher
