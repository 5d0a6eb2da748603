#include "stage_lock.h"

#include <fcntl.h>

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

}  // namespace datagen
