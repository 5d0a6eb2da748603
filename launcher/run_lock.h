// Who works on a run, as others see it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace datagen::launcher {

// The launcher that holds a run's lock, if one does. Takes the lock shared for a moment to find out.
std::optional<pid_t> holder_of(const std::string& run_directory);

}  // namespace datagen::launcher
