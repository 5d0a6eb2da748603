// Changes to a graph's tree before it is read: `--set PATH=VALUE`, then `${NAME}`.
#pragma once

#include <string>
#include <vector>

#include "launcher/graph.h"
#include "launcher/yaml_tree.h"

namespace datagen::launcher {

// Sets (context.sets): vars.NAME, STAGE.KEY, STAGE.PARAMETER, input.PARAMETER, inputs.NAME,
// inputs.NAME.PARAMETER, merge.KEY, output.PARAMETER,
// defaults.KEY, rings.KEY, and the keys at the top that hold one value. They are taken as they are: the shell
// has substituted. Errors: no PATH=VALUE; a path that leads nowhere, with a suggestion.
//
// References: ${NAME} is a variable of `vars`, else of the environment; ${NAME:-default} where it is unset or
// empty;
// $$ is a dollar. In values only, not in keys. Errors: unset without a default; a brace that is not closed;
// one reference within another. A value that is replaced by a set is not looked at.
void apply_settings(YamlNode& root, const GraphContext& context, GraphErrors& errors);

}  // namespace datagen::launcher
