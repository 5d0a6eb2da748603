#include "launcher/expect_answers.h"

#include <fmt/format.h>

namespace datagen::launcher {

namespace {

void expect_end(const EndSpec& end, StageKind kind, StageLookup& lookup) {
  if (end.uri.scheme.empty()) return;
  const auto executable = lookup.find(executable_name(kind, end.uri));
  if (!executable) return;
  lookup.expect_describe(executable.value());
  if (!end.params.empty()) return;
  if (kind == StageKind::source) lookup.expect_freeze(executable.value(), end.uri.path);
  if (kind == StageKind::sink) lookup.expect_outputs(executable.value(), end.uri.path);
}

}  // namespace

std::string executable_name(StageKind kind, const Uri& uri) {
  return fmt::format("{}-{}", name_of(kind), uri.scheme);
}

void expect_answers(const Graph& graph, StageLookup& lookup) {
  if (graph.inputs.empty()) expect_end(graph.input, StageKind::source, lookup);
  for (const NamedInput& input : graph.inputs) expect_end(input.end, StageKind::source, lookup);
  for (const StageSpec& stage : graph.stages) {
    if (!stage.run.empty()) {
      lookup.expect_describe(stage.run);
    } else if (!stage.name.empty()) {
      if (const auto found = lookup.find(stage.name)) lookup.expect_describe(found.value());
    }
    if (stage.output) expect_end(*stage.output, StageKind::sink, lookup);
  }
  if (graph.has_output) expect_end(graph.output, StageKind::sink, lookup);
}

}  // namespace datagen::launcher
