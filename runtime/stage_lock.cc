#include "stage_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace datagen {

Result<void> take_stage_lock(const std::string& run_directory, const std::string& stage) {
  const std::string path = run_directory + "/" + stage + ".lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Error::from_errno("cannot open " + path, errno);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  while (fcntl(fd, F_SETLKW, &whole) != 0) {
    if (errno != EINTR) return Error::from_errno("cannot lock " + path, errno);
  }
  return success();  // the descriptor stays open on purpose
}

Result<void> begin_only_once(const std::string& run_directory, const std::string& stage) {
  const std::string path = run_directory + "/" + stage + ".begun";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) return close(fd), success();
  if (errno != EEXIST) return Error::from_errno("cannot create " + path, errno);
  return Error(
      "an earlier process of this run had the standard stream, and a pipe cannot be gone back in; begin "
      "anew, with "
      "the whole stream: --fresh. A run that is to survive stops needs files");
}

}  // namespace datagen
