// The file that holds what a stateful stage had in its memory at a commit mark: the operator's bytes and, as
// its last line, their checksum. Written whole and durable, or not at all.
#pragma once

#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen {

Result<void> write_state(const std::string& path, std::string_view state);
// Errors: it cannot be read; its bytes are not those that were written.
Result<std::string> read_state(const std::string& path);

}  // namespace datagen
