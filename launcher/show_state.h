// A RunState for people and for programs.
#pragma once

#include <string>

#include "launcher/run_state.h"

namespace datagen::launcher {

// Tables, one of edges and one of workers. With an earlier state of the same epoch also records per second.
std::string show_table(const RunView& view, const RunState& state, const RunState* earlier = nullptr);

// One JSON object ("version": 1), with a newline.
std::string show_json(const RunView& view, const RunState& state);

}  // namespace datagen::launcher
