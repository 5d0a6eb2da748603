#include "datagen/input_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "compressed_input.h"

namespace datagen {

namespace {

class PlainInput final : public InputStream {
 public:
  PlainInput(int fd, bool is_owned, std::string name, std::uint64_t offset, std::uint64_t bytes)
      : fd_(fd), is_owned_(is_owned), name_(std::move(name)), offset_(offset), left_(bytes) {}
  ~PlainInput() override {
    if (is_owned_) close(fd_);
  }

  std::size_t read(char* to, std::size_t most) override {
    most = static_cast<std::size_t>(std::min<std::uint64_t>(most, left_));
    ssize_t got = 0;
    do {
      got = most == 0 ? 0 : ::read(fd_, to, most);
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw std::system_error(errno, std::generic_category(), "cannot read " + name_);
    left_ -= static_cast<std::uint64_t>(got);
    offset_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

  AccessPoint access_point(std::uint64_t content_offset) override { return {content_offset, content_offset}; }
  std::uint64_t file_offset() const override { return offset_; }

 private:
  int fd_;
  bool is_owned_;
  std::string name_;
  std::uint64_t offset_;
  std::uint64_t left_;
};

std::unique_ptr<InputStream> open_plain(const InputFile& file, std::uint64_t offset) {
  const int fd = ::open(file.uri.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + file.uri);
  auto stream =
      std::make_unique<PlainInput>(fd, true, file.uri, offset, file.bytes - std::min(file.bytes, offset));
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (offset > 0 && lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0)
    throw std::system_error(errno, std::generic_category(), "cannot seek in " + file.uri);
  return stream;
}

void skip(InputStream& stream, std::uint64_t bytes, const std::string& path) {
  std::vector<char> space(std::min<std::uint64_t>(bytes, 256 << 10));
  while (bytes > 0) {
    const std::size_t got = stream.read(space.data(), std::min<std::uint64_t>(bytes, space.size()));
    if (got == 0)
      throw BadInput(path +
                     " is shorter than it was when it was read before; put the same file in its place");
    bytes -= got;
  }
}

}  // namespace

Compression compression_of(std::string_view path) {
  if (path.ends_with(".gz")) return Compression::gzip;
  return path.ends_with(".zst") ? Compression::zstd : Compression::none;
}

std::string_view without_compression(std::string_view path) {
  return path.substr(0, path.size() - (path.ends_with(".gz") ? 3 : path.ends_with(".zst") ? 4 : 0));
}

std::unique_ptr<InputStream> open_descriptor(int fd, std::string name, std::uint64_t bytes) {
  const off_t offset = lseek(fd, 0, SEEK_CUR);
  return std::make_unique<PlainInput>(fd, false, std::move(name),
                                      static_cast<std::uint64_t>(std::max<off_t>(0, offset)), bytes);
}

std::unique_ptr<InputStream> open_input(const InputFile& file, const AccessPoint& from,
                                        std::uint64_t content_offset) {
  const Compression compression = compression_of(file.uri);
  if (compression == Compression::none) return open_plain(file, content_offset);
  auto stream = compression == Compression::gzip ? open_gzip(file, from) : open_zstd(file, from);
  skip(*stream, content_offset - from.content_offset, file.uri);
  return stream;
}

}  // namespace datagen
