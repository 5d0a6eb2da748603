#include "page_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace datagen {

namespace {

// Each piece costs two switches between threads, in which the disk idles when the processors are busy; but
// what waits to be one is held. So pieces are small while the disk keeps up, and grow when it does not.
constexpr std::size_t kPieceLeast = 640 << 10;
constexpr std::size_t kPieceMost = 2 << 20;      // a huge page, so that a disk's request has few entries
constexpr std::uint64_t kTimedBytes = 32 << 20;  // below it, a rate says little

}  // namespace

PageWriter::PageWriter(int fd, std::string path)
    : fd_(fd),
      path_(std::move(path)),
      memory_(static_cast<char*>(std::aligned_alloc(kPieceMost, kPieces * kPieceMost))),
      piece_bytes_(kPieceLeast) {
  if (!memory_) throw std::bad_alloc();
  madvise(memory_.get(), kPieces * kPieceMost, MADV_HUGEPAGE);  // a hint
  thread_ = std::thread([this] { run(); });
}

PageWriter::~PageWriter() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

char* PageWriter::piece(std::uint64_t number) const { return memory_.get() + number % kPieces * kPieceMost; }

void PageWriter::begin(std::uint64_t offset) {
  if (is_direct_) set_direct(true);
  piece_offset_ = offset;
  filled_ = 0;
  const std::lock_guard lock(mutex_);
  written_ = offset;
}

void PageWriter::append(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = std::min(text.size(), kPieceMost - filled_);
    std::memcpy(piece(pushed_) + filled_, text.data(), bytes);
    filled_ += bytes;
    text.remove_prefix(bytes);
    if (filled_ == kPieceMost) push();
  }
  if (filled_ >= piece_bytes_ || (filled_ >= kPieceLeast && is_idle())) push();
}

std::string_view PageWriter::end() {
  if (filled_ >= kPage) push();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_ == pushed_; });
  set_direct(false);
  throw_failure();
  return {piece(pushed_), std::exchange(filled_, 0)};
}

// Hands the whole pages over and takes the next piece, once it is free, for the rest.
void PageWriter::push() {
  const std::size_t bytes = filled_ / kPage * kPage;
  const char* rest = piece(pushed_) + bytes;
  std::unique_lock lock(mutex_);
  bytes_[pushed_ % kPieces] = bytes;
  ++pushed_;
  const bool is_behind = pushed_ - done_ == kPieces;
  piece_bytes_ = std::clamp(is_behind ? 2 * piece_bytes_ : piece_bytes_ / 2, kPieceLeast, kPieceMost);
  changed_.notify_all();
  changed_.wait(lock, [&] { return pushed_ - done_ < kPieces; });
  throw_failure();
  piece_offset_ += bytes;
  filled_ -= bytes;
  std::memcpy(piece(pushed_), rest, filled_);
}

bool PageWriter::is_idle() {
  const std::lock_guard lock(mutex_);
  return done_ == pushed_;
}

bool PageWriter::wait_for_piece() {
  std::unique_lock lock(mutex_);
  if (done_ == pushed_) return false;
  const std::uint64_t before = done_;
  changed_.wait(lock, [&] { return done_ != before; });
  throw_failure();
  return true;
}

std::uint64_t PageWriter::written() {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::uint64_t PageWriter::rate() {
  const std::lock_guard lock(mutex_);
  return timed_bytes_ < kTimedBytes ? 0
                                    : timed_bytes_ * 1'000'000'000 / std::max<std::uint64_t>(timed_ns_, 1);
}

void PageWriter::throw_failure() const {
  if (error_ != 0) throw std::system_error(error_, std::generic_category(), "cannot write " + path_);
}

void PageWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return is_ending_ || done_ < pushed_; });
    if (is_ending_) return;
    const std::string_view pages{piece(done_), bytes_[done_ % kPieces]};
    const std::uint64_t offset = written_;
    // Behind a failure nothing may follow: the file would have a hole.
    int error = error_;
    lock.unlock();
    const auto began = std::chrono::steady_clock::now();
    if (error == 0) error = write(pages, offset);
    const auto took = std::chrono::steady_clock::now() - began;
    lock.lock();
    ++done_;
    error_ = error;
    if (error == 0) written_ += pages.size();
    timed_bytes_ += pages.size();
    timed_ns_ += static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count());
    changed_.notify_all();
  }
}

// 0, or errno.
int PageWriter::write(std::string_view pages, std::uint64_t offset) {
  while (!pages.empty()) {
    const ssize_t written = pwrite(fd_, pages.data(), pages.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno != EINVAL || !is_direct_) return errno;
      is_direct_ = false;
      set_direct(false);
      continue;
    }
    pages.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return 0;
}

// What cannot be set goes through the page cache.
void PageWriter::set_direct(bool direct) const {
  const int flags = fcntl(fd_, F_GETFL);
  fcntl(fd_, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

}  // namespace datagen
