// The launcher's standard streams, as its workers reach them: their own are /dev/null and the log.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace datagen {

// Workers, and what answers --freeze, are children of the launcher.
inline std::string standard_stream_path(int fd) {
  return "/proc/" + std::to_string(getppid()) + "/fd/" + std::to_string(fd);
}

// "pipe:[4711]", or the path of a file.
inline std::string standard_stream_name(int fd) {
  std::error_code error;
  const auto name = std::filesystem::read_symlink(standard_stream_path(fd), error);
  if (error) throw std::system_error(error, "cannot look at the launcher's standard stream");
  return name;
}

}  // namespace datagen
