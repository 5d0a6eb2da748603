// <stage>.lock: whoever writes files of a stage (a source, a sink, a stateful stage) holds it, so that a
// worker that outlived its launcher by a moment cannot write into the run that goes on.
//
// Owner: the worker's process; the kernel releases it at its death. A record lock (fcntl), because what an
// operator forks must not inherit it. The file is opened nowhere else in the process: closing any descriptor
// of it would release the lock.
#pragma once

#include <string>

#include "ipc/result.h"

namespace datagen {

// Waits until a predecessor is gone. Held until this process ends.
Result<void> take_stage_lock(const std::string& run_directory, const std::string& stage);

// For ends that cannot be gone on with: leaves <stage>.begun. Error: an earlier process has.
Result<void> begin_only_once(const std::string& run_directory, const std::string& stage);

}  // namespace datagen
