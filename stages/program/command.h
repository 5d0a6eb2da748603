// The parameters that exec and exec_line have in common.
#pragma once

#include <datagen/stage.h>

#include <string>
#include <vector>

namespace datagen {

void declare_command(Parameters& parameters);
// The program and its arguments.
std::vector<std::string> read_command(const Context& context);

}  // namespace datagen
