#include "durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace datagen {

namespace {

// 0, or errno.
int sync_folder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return std::string();
    return Error::from_errno("cannot read " + path, errno);
  }
  std::string text;
  char chunk[64 << 10];
  ssize_t got = 0;
  while ((got = read(fd, chunk, sizeof chunk)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    text.append(chunk, static_cast<std::size_t>(got));
  }
  const int error = errno;
  close(fd);
  if (got < 0) return Error::from_errno("cannot read " + path, error);
  return text;
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_and_sync(int fd, std::string_view text) {
  if (const int error = write_all(fd, text)) return error;
  return fsync(fd) == 0 ? 0 : errno;
}

Result<void> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (const int error = sync_folder(folder))
    return Error::from_errno("cannot make " + folder + " durable", error);
  return success();
}

Result<void> sync_path_to(const std::string& path) {
  namespace fs = std::filesystem;
  fs::path folder = fs::absolute(path).lexically_normal().parent_path();
  DATAGEN_TRY(sync_folder_of(folder / ""));
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return Error::from_errno("cannot look at " + folder.string(), errno);
  while (folder.has_relative_path()) {
    folder = folder.parent_path();
    struct stat above {};
    // Another file system's names do not lead here.
    if (stat(folder.c_str(), &above) != 0 || above.st_dev != info.st_dev) break;
    const int error = sync_folder(folder);
    // Nobody made a folder in one that may not be read or written to.
    if (error != 0 && error != EACCES && error != EPERM && error != EROFS && error != EINVAL)
      return Error::from_errno("cannot make " + folder.string() + " durable", error);
  }
  return success();
}

Result<void> write_durably(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Error::from_errno("cannot create " + temporary, errno);
  int error = write_and_sync(fd, text);
  close(fd);
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return Error::from_errno("cannot write " + path, error);
  }
  return sync_folder_of(path);
}

}  // namespace datagen
