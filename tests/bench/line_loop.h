// What the simple competitors share: large chunks in, lines, large chunks out. A line is followed by
// SIMDJSON_PADDING readable bytes: the next lines, or the buffer's end.
#pragma once

#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace bench {

constexpr std::size_t kChunkBytes = 1 << 20;

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

class Output {
 public:
  explicit Output(const char* path) : fd_(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail(std::string("cannot create ") + path + ": " + std::strerror(errno));
  }
  // Room for `bytes` more; what was written is flushed when the buffer is full.
  char* reserve(std::size_t bytes) {
    if (used_ + bytes > size_) {
      flush();
      if (bytes > size_) {
        size_ = bytes;
        buffer_ = std::make_unique_for_overwrite<char[]>(size_);
      }
    }
    return buffer_.get() + used_;
  }
  void commit(const char* end) { used_ = static_cast<std::size_t>(end - buffer_.get()); }
  void flush() {
    for (std::size_t done = 0; done < used_;) {
      const ssize_t wrote = write(fd_, buffer_.get() + done, used_ - done);
      if (wrote < 0 && errno != EINTR) fail(std::string("cannot write the output: ") + std::strerror(errno));
      if (wrote > 0) done += static_cast<std::size_t>(wrote);
    }
    used_ = 0;
  }

 private:
  int fd_;
  std::size_t size_ = kChunkBytes;
  std::size_t used_ = 0;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(size_);
};

// Calls take_line(line, size) for each line of the file, without its newline.
template <class TakeLine>
void for_each_line(const char* path, TakeLine take_line) {
  const int input = open(path, O_RDONLY | O_CLOEXEC);
  if (input < 0) fail(std::string("cannot read ") + path + ": " + std::strerror(errno));
  std::size_t size = kChunkBytes;
  auto buffer = std::make_unique_for_overwrite<char[]>(size + simdjson::SIMDJSON_PADDING);
  std::size_t held = 0;  // bytes of a line whose end is not there yet
  bool at_start = true;
  for (;;) {
    const ssize_t got = read(input, buffer.get() + held, size - held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(std::string("cannot read the input: ") + std::strerror(errno));
    const std::size_t filled = held + static_cast<std::size_t>(got);
    std::size_t begin = at_start && filled >= 3 && std::memcmp(buffer.get(), "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    at_start = false;
    while (const void* newline = std::memchr(buffer.get() + begin, '\n', filled - begin)) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(newline) - buffer.get());
      take_line(buffer.get() + begin, end - begin);
      begin = end + 1;
    }
    held = filled - begin;
    if (got == 0) {
      if (held > 0) take_line(buffer.get() + begin, held);
      return;
    }
    if (held == size) {  // a line longer than the buffer
      auto larger = std::make_unique_for_overwrite<char[]>(size * 2 + simdjson::SIMDJSON_PADDING);
      std::memcpy(larger.get(), buffer.get(), held);
      buffer = std::move(larger);
      size *= 2;
    } else {
      std::memmove(buffer.get(), buffer.get() + begin, held);
    }
  }
}

}  // namespace bench
