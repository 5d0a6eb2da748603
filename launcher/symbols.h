// Names and lines for the addresses of a crash.
#pragma once

#include <string>
#include <vector>

namespace datagen::launcher {

// Each call "module+0x1a2b", innermost first, as "function(int) at file.cc:41 (module+0x1a2b)", as far as the
// module's own symbols and debug information tell; a call that they do not tell stays as it is.
std::vector<std::string> symbolize(const std::vector<std::string>& calls);

}  // namespace datagen::launcher
