// A file that is only appended to, for sinks and for the dead letters.
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
  void write(std::string_view data);
  void sync();
  std::uint64_t bytes() const { return bytes_; }

 private:
  int fd_ = -1;
  std::string path_;
  std::uint64_t bytes_ = 0;
};

}  // namespace datagen
