// The JSON Schema of the graph file, for editors; from the table of keys.
#pragma once

#include <string>

namespace datagen::launcher {

// Draft 2020-12, one document with a newline.
std::string graph_schema();

}  // namespace datagen::launcher
