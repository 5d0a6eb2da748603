// gzip and zstd files for tests, made by the libraries themselves.
#pragma once

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "datagen/input_stream.h"

namespace datagen {

inline std::string gzip(const std::string& content) {
  std::string level_buffer(ISAL_DEF_LVL1_DEFAULT, '\0'),
      packed(content.size() + content.size() / 8 + 1000, '\0');
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = reinterpret_cast<std::uint8_t*>(level_buffer.data());
  stream.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  std::string copy = content;
  stream.next_in = reinterpret_cast<std::uint8_t*>(copy.data());
  stream.avail_in = static_cast<std::uint32_t>(copy.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
  stream.avail_out = static_cast<std::uint32_t>(packed.size());
  if (isal_deflate(&stream) != COMP_OK) throw std::logic_error("isal_deflate");
  packed.resize(stream.total_out);
  return packed;
}

inline std::string zstd(const std::string& content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), 1));
  return packed;
}

inline std::string pack(Compression compression, const std::string& content) {
  return compression == Compression::gzip ? gzip(content) : zstd(content);
}

// A file of its own, removed with it.
class PackedFile {
 public:
  PackedFile(Compression compression, const std::string& bytes) {
    char path[] = "/tmp/datagen-packed.XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0) throw std::runtime_error("mkstemp");
    close(fd);
    unlink(path);
    file_ = {std::string(path) + (compression == Compression::gzip ? ".gz" : ".zst"), bytes.size()};
    std::ofstream(file_.uri, std::ios::binary) << bytes;
  }
  ~PackedFile() { unlink(file_.uri.c_str()); }
  const InputFile& get() const { return file_; }

 private:
  InputFile file_;
};

}  // namespace datagen
