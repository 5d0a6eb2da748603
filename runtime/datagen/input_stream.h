// For sources: the bytes of an input file, unpacked when it is compressed (.gz, .zst by its name).
//
// Owner: the one worker of a source. A plain file can be opened anywhere; a compressed one at the beginning
// of a gzip member or zstd frame, from where its content is unpacked again up to the place that is wanted. So
// a resume costs the unpacking of one member or frame at most: of a file that is a single one, of all before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <datagen/source.h>

namespace datagen {

enum class Compression : std::uint8_t { none, gzip, zstd };
Compression compression_of(std::string_view path);
// The path without .gz or .zst.
std::string_view without_compression(std::string_view path);

// Where reading can begin.
struct AccessPoint {
  std::uint64_t file_offset = 0;     // in the file as it lies on disk
  std::uint64_t content_offset = 0;  // in what it unpacks to
};

class InputStream {
 public:
  virtual ~InputStream() = default;
  // Fills up to `most` bytes; 0 only at the end. Throws BadInput for damaged data, behind all that could be
  // read before it; std::system_error as the system tells it.
  virtual std::size_t read(char* to, std::size_t most) = 0;
  // The last access point at or before `content_offset`. Forgets those before: ask with offsets that grow.
  virtual AccessPoint access_point(std::uint64_t content_offset) = 0;
  // Up to where the file, as it lies on disk, has been read; 0 of what is no file.
  virtual std::uint64_t file_offset() const { return 0; }
  // More may come much later: what is there is passed on at once.
  virtual bool is_live() const { return false; }
  // Of a live stream: whether there is something to read, or its end, now or within so many milliseconds.
  virtual bool wait(int /*milliseconds*/) { return true; }
};

// Of a file that is open, plain; reading begins where `fd` (not owned) stands. `bytes` are left to be read.
std::unique_ptr<InputStream> open_descriptor(int fd, std::string name, std::uint64_t bytes);

// Stands at `content_offset`, which lies behind `from`. Only the first `file.bytes` bytes of the file are
// read.
std::unique_ptr<InputStream> open_input(const InputFile& file, const AccessPoint& from,
                                        std::uint64_t content_offset);

}  // namespace datagen
