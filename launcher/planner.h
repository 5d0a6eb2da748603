// From a graph to a plan: every name looked up, every number filled in, everything that stands against it
// found. Pure: it asks the world through StageLookup, and starts nothing itself.
#pragma once

#include "launcher/graph.h"
#include "launcher/plan.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

// Errors: all that stands against the graph, each with place and remedy; with those that its reader found, in
// the order of the file.
Checked<Plan> make_plan(const GraphReading& reading, StageLookup& lookup);

}  // namespace datagen::launcher
