// For sinks: a file that is only appended to.
//
// Owner: the one worker of a sink. When it dies, what it wrote behind the last known length is cut off by its
// successor's open().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace datagen {

class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Creates the file and its folders, or opens it and cuts it to its first `bytes` bytes.
  // All throw std::system_error with the path; a file shorter than `bytes` is a std::runtime_error.
  void open(const std::string& path, std::uint64_t bytes);
  // Takes over a descriptor that is open: goes on where it stands, and cuts nothing.
  void adopt(int fd, const std::string& name);
  void write(std::string_view data);
  // May run on another thread while write() goes on. The first also makes the file's name durable.
  void sync();
  std::uint64_t bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  // Not a device, pipe or terminal.
  bool is_regular() const { return is_regular_; }

  // For who writes to the file directly, behind bytes(): the descriptor, and up to where it did.
  int fd() const { return fd_; }
  void skip_to(std::uint64_t bytes);

 private:
  void begin_write_back();

  int fd_ = -1;
  std::string path_;
  std::uint64_t bytes_ = 0;
  std::uint64_t given_to_disk_ = 0;  // below it, write-back has begun
  bool is_regular_ = false;
  bool has_durable_name_ = false;
};

}  // namespace datagen
