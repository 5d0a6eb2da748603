// What a plan will ask of a graph's executables, told before the first question.
#pragma once

#include <string>

#include "launcher/graph.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

// Lets the lookup ask all executables side by side. What is wrong with one is told when it is its turn.
void expect_answers(const Graph& graph, StageLookup& lookup);

// Of the executable that reads or writes such a URI.
std::string executable_name(StageKind kind, const Uri& uri);

}  // namespace datagen::launcher
