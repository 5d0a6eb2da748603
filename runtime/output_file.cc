#include "datagen/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "commit_log.h"

namespace datagen {

namespace {

// What is written goes to the disk in pieces of this size while more is written, so that a sync, the last one
// above all, has little left to wait for.
constexpr std::uint64_t kWriteBackBytes = 8 << 20;

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void OutputFile::open(const std::string& path, std::uint64_t bytes) {
  path_ = path;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("cannot open " + path, errno);
  struct stat info {};
  if (fstat(fd_, &info) != 0) fail("cannot look at " + path, errno);
  is_regular_ = S_ISREG(info.st_mode);
  if (is_regular_) {
    if (static_cast<std::uint64_t>(info.st_size) < bytes) {
      throw std::runtime_error(path + " has " + std::to_string(info.st_size) + " bytes, " +
                               std::to_string(bytes) + " were written to it: it was changed by someone else");
    }
    if (ftruncate(fd_, static_cast<off_t>(bytes)) != 0) fail("cannot cut " + path, errno);
    if (lseek(fd_, 0, SEEK_END) < 0) fail("cannot seek in " + path, errno);
  }
  bytes_ = given_to_disk_ = bytes;
}

void OutputFile::adopt(int fd, const std::string& name) {
  fd_ = fd;
  path_ = name;
}

void OutputFile::write(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd_, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write " + path_, errno);
    }
    data.remove_prefix(static_cast<std::size_t>(written));
    bytes_ += static_cast<std::uint64_t>(written);
  }
  if (is_regular_ && bytes_ - given_to_disk_ >= kWriteBackBytes) begin_write_back();
}

void OutputFile::skip_to(std::uint64_t bytes) {
  if (bytes_ > given_to_disk_) begin_write_back();
  if (lseek(fd_, static_cast<off_t>(bytes), SEEK_SET) < 0) fail("cannot seek in " + path_, errno);
  bytes_ = given_to_disk_ = bytes;
}

// A hint: what fails is told by the sync.
void OutputFile::begin_write_back() {
  sync_file_range(fd_, static_cast<off_t>(given_to_disk_), static_cast<off_t>(bytes_ - given_to_disk_),
                  SYNC_FILE_RANGE_WRITE);
  given_to_disk_ = bytes_;
}

void OutputFile::sync() {
  if (!is_regular_) return;  // a device or pipe has nothing to sync
  if (fdatasync(fd_) != 0) fail("cannot make " + path_ + " durable", errno);
  if (has_durable_name_) return;
  if (const auto done = sync_path_to(path_); !done) throw std::runtime_error(done.error().message());
  has_durable_name_ = true;
}

}  // namespace datagen
