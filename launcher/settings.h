// Changes to a graph's tree before it is read: `--set PATH=VALUE`, then `${NAME}`.
#pragma once

#include <string>
#include <vector>

#include "launcher/graph.h"
#include "launcher/yaml_tree.h"

namespace datagen::launcher {

// vars.NAME, STAGE.KEY, STAGE.PARAMETER, input.PARAMETER, output.PARAMETER, defaults.KEY, rings.KEY, and the keys at
// the top that hold one value. Errors: no PATH=VALUE; a path that leads nowhere, with a suggestion.
void apply_sets(YamlNode& root, const std::vector<std::string>& sets, GraphErrors& errors);

// ${NAME} is a variable of `vars`, else of the environment; ${NAME:-default} where it is unset or empty; $$ is a
// dollar. In values only, not in keys. Errors: unset without a default; a brace that is not closed.
void substitute(YamlNode& root, const GraphContext& context, GraphErrors& errors);

}  // namespace datagen::launcher
