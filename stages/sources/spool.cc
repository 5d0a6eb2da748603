#include "sources/spool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "datagen/source.h"
#include "durable_file.h"

namespace datagen {

namespace {

constexpr std::size_t kMoveBytes = 1 << 20;
constexpr std::uint64_t kSyncBytes = 8 << 20;  // most that waits to be made durable
constexpr int kLookMs = 50;                    // for the spool being given up

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void check(const Result<void>& done) {
  if (!done) throw std::runtime_error(done.error().message());
}

int open_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail("cannot open the spool " + path);
  return fd;
}

std::uint64_t size_of(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) fail("cannot look at the spool");
  return static_cast<std::uint64_t>(info.st_size);
}

// Fewer bytes at the end of the file.
std::size_t read_at(int fd, std::uint64_t offset, char* to, std::size_t most) {
  std::size_t done = 0;
  while (done < most) {
    const ssize_t got = pread(fd, to + done, most - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read the spool");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

// FILE.from
struct Spool::Record {
  std::string first_pipe, pipe;
  bool is_end = false;

  static Record read(const std::string& path) {
    const auto text = read_file(path);
    if (!text) throw std::runtime_error(text.error().message());
    std::istringstream lines(text.value());
    Record record;
    std::string end;
    std::getline(lines, record.first_pipe);
    std::getline(lines, record.pipe);
    std::getline(lines, end);
    record.is_end = end == "end";
    return record;
  }
  void write(const std::string& path) const {
    check(write_durably(path, first_pipe + "\n" + pipe + "\n" + (is_end ? "end\n" : "")));
  }
};

Spool::Spool(std::string file, std::string first_pipe, std::string pipe, int pipe_fd)
    : file_(std::move(file)), first_pipe_(std::move(first_pipe)), pipe_(std::move(pipe)), pipe_fd_(pipe_fd) {
  // A run that was killed between its two renames: see repeat().
  if (exists(file_ + ".again.from") && !exists(file_ + ".again"))
    std::filesystem::rename(file_ + ".again.from", file_ + ".from");
  const bool is_new = !exists(file_ + ".from");
  if (is_new ? exists(file_) && std::filesystem::file_size(file_) > 0
             : Record::read(file_ + ".from").first_pipe != first_pipe_)
    throw std::runtime_error("the spool " + file_ +
                             " holds what another run has read; remove it, or name another file");
  fd_ = open_file(file_);
  if (is_new) Record{first_pipe_, pipe_, false}.write(file_ + ".from");
  if (fdatasync(fd_) != 0) fail("cannot make the spool " + file_ + " durable");
  bytes_ = size_of(fd_);
  is_end_ = Record::read(file_ + ".from").is_end;
  if (!is_end_)
    thread_ = std::jthread([this](std::stop_token stop) {
      stop_ = std::move(stop);
      run();
    });
}

Spool::~Spool() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (fd_ >= 0) close(fd_);
  if (pipe_fd_ >= 0) close(pipe_fd_);
}

std::uint64_t Spool::bytes() {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool Spool::wait(std::uint64_t offset, int milliseconds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                           [&] { return bytes_ > offset || is_end_ || failure_; });
}

std::size_t Spool::read(std::uint64_t offset, char* to, std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (offset < bytes_) return read_at(fd_, offset, to, std::min<std::uint64_t>(most, bytes_ - offset));
  if (failure_) std::rethrow_exception(failure_);
  return 0;
}

void Spool::show(std::uint64_t bytes, bool is_end) {
  const std::lock_guard lock(mutex_);
  bytes_ = bytes;
  is_end_ = is_end;
  changed_.notify_all();
}

void Spool::run() {
  try {
    begin();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

void Spool::begin() {
  Record record = Record::read(file_ + ".from");
  if (pipe_.empty())
    throw BadInput("the pipe had not ended when the run was stopped: the spool " + file_ + " holds " +
                   std::to_string(bytes_) +
                   " bytes of it. Give all of it again: PROGRAM | datagen resume RUN");
  if (record.pipe != pipe_) {
    if (!repeat()) return;
    record.pipe = pipe_;
  }
  if (!fill(fd_, std::numeric_limits<std::uint64_t>::max(), true)) return;
  record.is_end = true;
  record.write(file_ + ".from");
  show(size_of(fd_), true);
}

// A pipe that was given anew: what it repeats is put beside what there is, compared, and takes its place.
// False: given up.
bool Spool::repeat() {
  const std::string again = file_ + ".again";
  const std::string again_from = again + ".from";
  if (!exists(again_from) || Record::read(again_from).pipe != pipe_) {
    std::filesystem::remove(again_from);
    const int fd = open_file(again);
    const bool is_cut = ftruncate(fd, 0) == 0;
    close(fd);
    if (!is_cut) fail("cannot cut " + again);
    Record{first_pipe_, pipe_, false}.write(again_from);
  }
  const int fd = open_file(again);
  try {
    fill(fd, bytes_, false);
    check_repeated(fd, bytes_);
    if (fdatasync(fd) != 0) fail("cannot make " + again + " durable");
    if (stop_.stop_requested()) return close(fd), false;
    std::filesystem::rename(again, file_);
    std::filesystem::rename(again_from, file_ + ".from");
    check(sync_folder_of(file_));
  } catch (...) {
    close(fd);
    throw;
  }
  const std::lock_guard lock(mutex_);
  close(fd_);
  fd_ = fd;
  return true;
}

void Spool::check_repeated(int fd, std::uint64_t bytes) {
  std::vector<char> first(kMoveBytes), second(kMoveBytes);
  for (std::uint64_t at = 0; at < bytes && !stop_.stop_requested();) {
    const std::size_t wanted = std::min<std::uint64_t>(kMoveBytes, bytes - at);
    read_at(fd_, at, first.data(), wanted);
    const std::size_t got = read_at(fd, at, second.data(), wanted);
    const auto [one, other] =
        std::mismatch(first.begin(), first.begin() + static_cast<long>(got), second.begin());
    const std::uint64_t same = at + static_cast<std::uint64_t>(one - first.begin());
    if (same < at + wanted)
      throw BadInput(
          "the standard input does not repeat what the run has read of it: it differs from the spool " +
          file_ + " at byte " + std::to_string(same) + ". Give the same again: PROGRAM | datagen resume RUN");
    at += wanted;
  }
}

bool Spool::fill(int fd, std::uint64_t enough, bool is_shown) {
  std::uint64_t size = size_of(fd), synced = size;
  const auto make_durable = [&] {
    if (size == synced) return;
    if (fdatasync(fd) != 0) fail("cannot make the spool " + file_ + " durable");
    synced = size;
    if (is_shown) show(size, false);
  };
  while (size < enough && !stop_.stop_requested()) {
    auto end = static_cast<off64_t>(size);
    const ssize_t moved = splice(pipe_fd_, nullptr, fd, &end, kMoveBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved == 0) return make_durable(), true;
    if (moved < 0 && errno != EAGAIN && errno != EINTR) fail("cannot write the spool " + file_);
    if (moved > 0) size += static_cast<std::uint64_t>(moved);
    if (moved < 0 || size - synced >= kSyncBytes) make_durable();
    pollfd wanted{pipe_fd_, POLLIN, 0};
    if (moved < 0) poll(&wanted, 1, kLookMs);
  }
  make_durable();
  return false;
}

}  // namespace datagen
