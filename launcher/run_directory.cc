#include "launcher/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "launcher/run_folder.h"
#include "runtime/durable_file.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

namespace {

// In a run that is set aside, until the new one has a plan.
constexpr const char* kBeingReplaced = "/being_replaced";

bool is_locked(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  const bool locked = fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close(fd);
  return locked;
}

// The kernel frees a dead launcher's lock before it ends the launcher's workers. Until those that write are
// gone (their own locks are free: runtime/stage_lock.h), nothing in the folder is read, cut or renamed.
Result<void> wait_for_workers(const std::string& folder) {
  constexpr auto kPatience = std::chrono::seconds(30);
  constexpr auto kPause = std::chrono::milliseconds(2);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".lock") continue;
    while (is_locked(entry.path())) {
      if (std::chrono::steady_clock::now() > deadline)
        return Error(
            fmt::format("a worker of an earlier start still holds {}; end it first", entry.path().string()));
      std::this_thread::sleep_for(kPause);
    }
  }
  return success();
}

}  // namespace

Result<RunDirectory> RunDirectory::lock(const std::string& path) {
  const std::string absolute = fs::absolute(path).lexically_normal();
  std::error_code error;
  fs::create_directories(absolute + "/logs", error);
  if (error) return Error(fmt::format("cannot make the run directory {}: {}", absolute, error.message()));
  const std::string file = absolute + "/lock";
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Error::from_errno("cannot open " + file, errno);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char pid[32] = {};
    const ssize_t got = pread(fd, pid, sizeof pid - 1, 0);
    close(fd);
    const std::string holder(pid, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return Error(
        fmt::format("the run {} is being worked on by another launcher (process {}); wait for it, or stop "
                    "it: datagen stop {}",
                    absolute, holder.substr(0, holder.find('\n')), absolute));
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const int number = errno;
    close(fd);
    return Error::from_errno("cannot write " + file, number);
  }
  RunDirectory directory(absolute, fd);
  DATAGEN_TRY(wait_for_workers(absolute));
  return directory;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

RunDirectory& RunDirectory::operator=(RunDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

RunDirectory::~RunDirectory() {
  if (fd_ >= 0) close(fd_);
}

std::string RunDirectory::name() const {
  const fs::path path(path_);
  std::error_code error;
  if (fs::equivalent(path.parent_path(), fs::current_path(error) / "runs", error)) return path.filename();
  return show_path(path_);
}

bool RunDirectory::has_plan() const { return file_bytes(path_ + "/runtime.json") > 0; }

std::string RunDirectory::log_path(const std::string& stage, std::uint32_t worker) const {
  return fmt::format("{}/logs/{}.{}.log", path_, stage, worker);
}

Result<std::string> RunDirectory::set_aside() {
  DATAGEN_TRY(write_durably(path_ + kBeingReplaced, ""));
  for (int number = 1;; ++number) {
    const std::string aside = fmt::format("{}.{}", path_, number);
    std::error_code error;
    if (fs::exists(aside, error)) continue;
    fs::rename(path_, aside, error);
    if (error) return Error(fmt::format("cannot rename {} to {}: {}", path_, aside, error.message()));
    DATAGEN_TRY(*this, lock(path_));
    return aside;
  }
}

std::string RunDirectory::last_set_aside() const {
  std::string found;
  std::error_code error;
  for (int number = 1;; ++number) {
    const std::string aside = fmt::format("{}.{}", path_, number);
    if (!fs::exists(aside, error)) return found;
    if (fs::exists(aside + kBeingReplaced, error)) found = aside;
  }
}

void RunDirectory::end_replacement(const std::string& aside) {
  if (aside.empty()) return;
  std::error_code error;
  fs::remove(aside + kBeingReplaced, error);
}

std::uint64_t file_bytes(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace datagen::launcher
