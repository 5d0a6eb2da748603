// What `datagen top` shows: a run at a moment, from two looks at it. Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/bottleneck.h"
#include "launcher/run_state.h"
#include "launcher/usage_books.h"

namespace datagen::launcher {

// Bottleneck, stages, calls of models, workers, rings. `earlier`: a look at the same epoch, for rates; null:
// none yet.
std::string top_text(const RunView& view, const RunState& state, const RunState* earlier,
                     const UsageBooks& books);
// The same for programs ("version": 1), one object on one line: as `datagen-ring stat --json`, with the
// stages' loads and calls, and the bottleneck.
std::string top_json(const RunView& view, const RunState& state, const RunState* earlier,
                     const UsageBooks& books);

// A line for each worker that is hung: which, why, and which record it holds.
std::vector<std::string> hung_lines(const RunView& view, const RunState& state);

// Between two looks, or since the workers began when there is no earlier one.
std::vector<StageLoad> loads_of(const RunView& view, const RunState& state, const RunState* earlier);

}  // namespace datagen::launcher
