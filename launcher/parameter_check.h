// Parameters as a graph gives them, against what the executable declares.
#pragma once

#include <string>
#include <vector>

#include "launcher/plan.h"

namespace datagen::launcher {

// Every declared parameter with its value or default, in the order of the declaration; one without either is
// left out. Errors: unknown names (with a suggestion), values of another type or out of bounds, required ones
// missing, secrets that are not env:NAME or file:PATH.
std::vector<PlannedParameter> check_parameters(const std::vector<GivenParameter>& given,
                                               const StageDescription& stage, const std::string& path,
                                               const Place& place, GraphErrors& errors);

// Relative paths of parameters that are paths, and of secrets, as they are seen from `folder`.
void make_paths_absolute(std::vector<GivenParameter>& given, const StageDescription& stage,
                         const std::string& folder);
std::string with_absolute_paths(const ParameterDescription& parameter, const std::string& text,
                                const std::string& folder);

// One parameter with a value, as `--set` gives it. Errors: of another type, or out of bounds.
Result<PlannedParameter> check_parameter(const ParameterDescription& parameter, const std::string& text);

// NAME=VALUE for the executable's command line; secrets as their references.
std::vector<std::string> settings_of(const std::vector<PlannedParameter>& params);

}  // namespace datagen::launcher
