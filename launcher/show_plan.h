// A plan as text for people, as Graphviz dot, and as JSON.
#pragma once

#include <string>

#include "launcher/plan.h"

namespace datagen::launcher {

std::string show_plan(const Plan& plan, const std::string& run_directory);
std::string plan_dot(const Plan& plan);
// version 1: stages, edges, inputs and outputs as in runtime.json, and the memory of the rings.
std::string plan_json(const Plan& plan, const std::string& run_directory);

}  // namespace datagen::launcher
