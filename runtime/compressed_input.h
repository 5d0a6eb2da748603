// What reading gzip and zstd has in common: compressed bytes come in pieces out of a file; the places where a
// member or frame begins are noted.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "datagen/input_stream.h"

namespace datagen {

// The compressed bytes of a file, up to its frozen end. Should that lie within a unit, then the file was not
// whole when it was frozen: it is read to its present end, so that a whole one can be put in its place.
class CompressedBytes {
 public:
  CompressedBytes(const InputFile& file, std::uint64_t offset);
  CompressedBytes(const CompressedBytes&) = delete;
  CompressedBytes& operator=(const CompressedBytes&) = delete;
  ~CompressedBytes();

  // Reads on when nothing is left of what was read; false at the end. Throws std::system_error.
  bool fill();
  const unsigned char* data() const { return begin_; }
  std::size_t size() const { return size_; }
  void take(std::size_t bytes);
  // Goes on behind the frozen end; false when the file has no more.
  bool extend();
  // Gives up to kGiveBackMax bytes back that were taken.
  void give_back(std::size_t bytes);
  static constexpr std::size_t kGiveBackMax = 8;

  std::uint64_t offset() const { return offset_; }  // of data() in the file
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
  std::uint64_t offset_;
  std::uint64_t end_;
  std::vector<unsigned char> buffer_;
  unsigned char* begin_;
  std::size_t size_ = 0;
};

// Unpacks units (gzip members, zstd frames) one behind the other.
class CompressedInput : public InputStream {
 public:
  std::size_t read(char* to, std::size_t most) final;
  AccessPoint access_point(std::uint64_t content_offset) final;
  std::uint64_t file_offset() const final { return bytes_.offset(); }

 protected:
  CompressedInput(const InputFile& file, const AccessPoint& from);

  // Prepares for a unit that begins at bytes_.data().
  virtual void begin_unit() = 0;
  // Unpacks what is in bytes_ and says how many bytes that gave.
  struct Unpacked {
    std::size_t bytes = 0;
    bool ended = false;           // behind the unit's last byte
    const char* error = nullptr;  // why it cannot be unpacked further
  };
  virtual Unpacked unpack(char* to, std::size_t most) = 0;
  virtual const char* unit_name() const = 0;  // "gzip member"
  virtual const char* test_command() const = 0;

  CompressedBytes bytes_;

 private:
  bool find_unit();
  std::string describe_damage(const std::string& why) const;

  std::uint64_t content_offset_;
  std::uint64_t unit_offset_;
  bool in_unit_ = false;
  std::string damage_;  // found behind what the last read() gave
  std::deque<AccessPoint>
      units_;  // where units end, those before the last one asked for excluded; never empty
};

std::unique_ptr<InputStream> open_gzip(const InputFile& file, const AccessPoint& from);
std::unique_ptr<InputStream> open_zstd(const InputFile& file, const AccessPoint& from);

}  // namespace datagen
