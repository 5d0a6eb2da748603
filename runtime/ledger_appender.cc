#include "ledger_appender.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "durable_file.h"

namespace datagen {

namespace {

// A file's index is in its owner's memory, and in that of each other worker of the stage.
constexpr std::uint64_t kFileBytesMax = 32 << 20;
constexpr std::size_t kHashesMax = 1 << 17;

}  // namespace

LedgerAppender::~LedgerAppender() {
  if (fd_ >= 0) close(fd_);
}

// The lock is there before the name is: nobody takes the file for a dead process's.
Result<void> LedgerAppender::begin() {
  const std::string name = owner_.new_file_name();
  path_ = folder_.path() + "/" + name;
  const std::string unnamed = folder_.path() + "/." + name;
  if (mkdir(folder_.path().c_str(), 0755) != 0 && errno != EEXIST)
    return Error::from_errno("cannot make " + folder_.path(), errno);
  fd_ = open(unnamed.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (fd_ < 0) return Error::from_errno("cannot create " + path_, errno);
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0 || rename(unnamed.c_str(), path_.c_str()) != 0)
    return Error::from_errno("cannot create " + path_, errno);
  seed_ = ledger_seed(name);
  bytes_ = 0;
  has_durable_name_ = false;
  file_ = &folder_.adopt(name);
  return success();
}

Result<void> LedgerAppender::append(std::span<const LedgerEntry> entries) {
  for (const LedgerEntry& entry : entries) {
    if (entry.result.size() > kLedgerResultMax)
      return Error("a result of " + std::to_string(entry.result.size()) +
                   " bytes is too large for the ledger");
  }
  if (file_ == nullptr) DATAGEN_TRY(begin());
  const std::string bytes = ledger_bytes(entries, seed_);
  if (const int error = write_all(fd_, bytes)) return Error::from_errno("cannot write " + path_, error);
  scan_ledger(bytes, seed_,
              [this](const LedgerEntry& entry, std::size_t offset) { file_->note(entry, bytes_ + offset); });
  bytes_ += bytes.size();
  return success();
}

bool LedgerAppender::is_full() const {
  return file_ != nullptr && (bytes_ >= kFileBytesMax || file_->hashes_in_memory() >= kHashesMax);
}

Result<void> LedgerAppender::sync(int fd, const std::string& path) {
  if (fsync(fd) != 0) return Error::from_errno("cannot make " + path + " durable", errno);
  if (!has_durable_name_) DATAGEN_TRY(sync_path_to(path));
  has_durable_name_ = true;
  return success();
}

Result<void> LedgerAppender::sync(std::unique_lock<std::mutex>& lock) {
  if (fd_ < 0) return success();  // seal() has
  const int fd = fd_;
  const std::string path = path_;
  lock.unlock();
  const auto synced = sync(fd, path);
  lock.lock();
  return synced;
}

Result<void> LedgerAppender::seal() {
  DATAGEN_TRY(sync(fd_, path_));
  // Without the index the next to read the file reads all of it.
  static_cast<void>(file_->seal());
  file_ = nullptr;
  close(fd_);
  fd_ = -1;
  return success();
}

}  // namespace datagen
