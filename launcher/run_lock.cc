#include "launcher/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>

namespace datagen::launcher {

std::optional<pid_t> holder_of(const std::string& run_directory) {
  const int fd = open((run_directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const bool is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
  char text[32] = {};
  const bool has_pid = pread(fd, text, sizeof text - 1, 0) > 0;
  close(fd);
  if (is_free || !has_pid) return std::nullopt;
  return static_cast<pid_t>(std::strtol(text, nullptr, 10));
}

}  // namespace datagen::launcher
