#include "compressed_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace datagen {

namespace {
constexpr std::size_t kBufferBytes = 256 << 10;
}

CompressedBytes::CompressedBytes(const InputFile& file, std::uint64_t offset)
    : path_(file.uri),
      offset_(offset),
      end_(file.bytes),
      buffer_(kGiveBackMax + kBufferBytes),
      begin_(buffer_.data() + kGiveBackMax) {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + path_);
  posix_fadvise(fd_, static_cast<off_t>(offset), 0, POSIX_FADV_SEQUENTIAL);
}

CompressedBytes::~CompressedBytes() { close(fd_); }

bool CompressedBytes::fill() {
  if (size_ != 0) return true;
  // The last bytes stay before the new ones, to be given back.
  std::memmove(buffer_.data(), begin_ - kGiveBackMax, kGiveBackMax);
  begin_ = buffer_.data() + kGiveBackMax;
  const auto most =
      static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, end_ - std::min(end_, offset_)));
  ssize_t got = 0;
  do {
    got = most == 0 ? 0 : pread(fd_, begin_, most, static_cast<off_t>(offset_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw std::system_error(errno, std::generic_category(), "cannot read " + path_);
  size_ = static_cast<std::size_t>(got);
  return size_ != 0;
}

bool CompressedBytes::extend() {
  struct stat info {};
  if (fstat(fd_, &info) != 0 || static_cast<std::uint64_t>(info.st_size) <= end_) return false;
  end_ = static_cast<std::uint64_t>(info.st_size);
  return true;
}

void CompressedBytes::take(std::size_t bytes) {
  begin_ += bytes;
  size_ -= bytes;
  offset_ += bytes;
}

void CompressedBytes::give_back(std::size_t bytes) {
  begin_ -= bytes;
  size_ += bytes;
  offset_ -= bytes;
}

CompressedInput::CompressedInput(const InputFile& file, const AccessPoint& from)
    : bytes_(file, from.file_offset),
      content_offset_(from.content_offset),
      unit_offset_(from.file_offset),
      units_{from} {}

std::size_t CompressedInput::read(char* to, std::size_t most) {
  while (damage_.empty() && most > 0) {
    if (!in_unit_ && !find_unit()) return 0;
    const std::uint64_t before = bytes_.offset();
    const bool is_at_end = !bytes_.fill();  // a unit may have more to give when all its bytes are taken
    const Unpacked got = unpack(to, most);
    content_offset_ += got.bytes;
    in_unit_ = !got.ended;
    if (got.error != nullptr) {
      damage_ = describe_damage(got.error);
    } else if (!got.ended && is_at_end && got.bytes == 0 && bytes_.offset() == before && !bytes_.extend()) {
      damage_ = describe_damage("it ends there");
    }
    if (got.bytes > 0) return got.bytes;
  }
  if (!damage_.empty()) throw BadInput(damage_);
  return 0;
}

// Zeros behind a unit are padding, as from tapes and block devices.
bool CompressedInput::find_unit() {
  if (units_.back().file_offset != bytes_.offset()) units_.push_back({bytes_.offset(), content_offset_});
  while (bytes_.fill()) {
    const unsigned char* begin = bytes_.data();
    const unsigned char* end = begin + bytes_.size();
    const unsigned char* found =
        bytes_.offset() == 0 ? begin : std::find_if(begin, end, [](unsigned char byte) { return byte != 0; });
    bytes_.take(static_cast<std::size_t>(found - begin));
    if (found == end) continue;
    unit_offset_ = bytes_.offset();
    begin_unit();
    in_unit_ = true;
    return true;
  }
  return false;
}

AccessPoint CompressedInput::access_point(std::uint64_t content_offset) {
  while (units_.size() > 1 && units_[1].content_offset <= content_offset) units_.pop_front();
  return units_.front();
}

std::string CompressedInput::describe_damage(const std::string& why) const {
  return bytes_.path() + " is damaged at byte " + std::to_string(bytes_.offset()) + " (" + why +
         ", within the " + unit_name() + " that begins at byte " + std::to_string(unit_offset_) +
         "); the records before it are written. Put a whole file in its place (" + test_command() + " " +
         bytes_.path() + " tests one), then resume";
}

}  // namespace datagen
