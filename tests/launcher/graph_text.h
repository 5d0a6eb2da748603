// Reading graphs from a text, in an environment that the test gives.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/graph.h"

namespace datagen::launcher::testing {

struct Given {
  std::vector<std::string> sets = {};
  std::map<std::string, std::string> environment = {};
};

inline GraphContext context_of(const Given& given) {
  GraphContext context;
  context.working_directory = "/work/dir";
  context.sets = given.sets;
  context.environment = [environment =
                             given.environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return {};
    return found->second;
  };
  return context;
}

// The smallest graph, with `rest` behind it.
inline std::string graph_with(const std::string& rest) {
  return "datagen: 1\ninput: jsonl://in.jsonl\noutput: jsonl://out.jsonl\n" + rest;
}

// A graph without errors, or the errors.
inline Checked<Graph> checked(GraphReading reading) {
  if (!reading.errors.empty() || !reading.graph) return std::move(reading.errors);
  return std::move(*reading.graph);
}

// As the file graphs/corpus.yaml.
inline Checked<Graph> read(const std::string& text, const Given& given = {}) {
  return checked(read_graph(text, "graphs/corpus.yaml", context_of(given)));
}

inline Graph must_read(const std::string& text, const Given& given = {}) {
  auto graph = read(text, given);
  if (!graph) ADD_FAILURE() << "not read:\n" << show(graph.error()) << "in\n" << text;
  return graph ? std::move(graph).value() : Graph();
}

// All errors, one a line; "read" if there are none.
inline std::string errors_of(const Checked<Graph>& graph) {
  if (graph) return "read";
  std::string text = show(graph.error());
  if (!text.empty()) text.pop_back();
  return text;
}
inline std::string errors_of(GraphReading reading) { return errors_of(checked(std::move(reading))); }
inline std::string errors_in(const std::string& text, const Given& given = {}) {
  return errors_of(read(text, given));
}

inline std::map<std::string, std::string> texts(const std::vector<GivenParameter>& params) {
  std::map<std::string, std::string> found;
  for (const GivenParameter& param : params) found[param.name] = param.text;
  return found;
}
using Texts = std::map<std::string, std::string>;

}  // namespace datagen::launcher::testing
