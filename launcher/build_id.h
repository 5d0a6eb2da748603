// The id that a linker writes into what it links: a hash of it, the same however often it is copied or linked
// anew.
#pragma once

#include <string>

namespace datagen::launcher {

// In hex digits. Empty: the file has none, is no ELF file (a script), or cannot be read.
std::string build_id_of(const std::string& path);

}  // namespace datagen::launcher
