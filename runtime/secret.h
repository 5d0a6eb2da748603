// Parameters that stand in no file of a run: given as references, read when they are needed.
#pragma once

#include <string>

#include "ipc/result.h"

namespace datagen {

// What env:NAME or file:PATH refers to, without the line end of a file. Errors: not set; a file that others
// may read; no reference at all. They never show what was found.
Result<std::string> read_secret(const std::string& reference);

}  // namespace datagen
