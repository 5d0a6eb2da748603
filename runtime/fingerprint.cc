#include "fingerprint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace datagen {

namespace {

constexpr std::uint64_t kPieceBytes = 4096;
constexpr std::uint64_t kPieces = 4;
constexpr std::size_t kHashDigits = 16;

struct Piece {
  std::uint64_t begin, end;
};

// The first and the last piece, and two between; of a short file all in one.
std::vector<Piece> pieces_of(std::uint64_t bytes) {
  if (bytes <= kPieces * kPieceBytes) return {{0, bytes}};
  std::vector<Piece> pieces;
  for (std::uint64_t index = 0; index < kPieces; ++index) {
    const std::uint64_t begin = (bytes - kPieceBytes) / (kPieces - 1) * index;
    pieces.push_back({index + 1 == kPieces ? bytes - kPieceBytes : begin, 0});
    pieces.back().end = pieces.back().begin + kPieceBytes;
  }
  return pieces;
}

class File {
 public:
  explicit File(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail();
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // 16 hex digits; of what is there, should the file have become shorter.
  std::string hash(const Piece& piece) const {
    std::string bytes(piece.end - piece.begin, '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got =
          pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(piece.begin + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    std::string digits(kHashDigits, '0');
    std::uint64_t hash = XXH3_64bits(bytes.data(), done);
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, hash >>= 4)
      *digit = "0123456789abcdef"[hash & 15];
    return digits;
  }

 private:
  [[noreturn]] void fail() const {
    throw std::system_error(errno, std::generic_category(), "cannot read " + path_);
  }
  std::string path_;
  int fd_;
};

std::string time_of(const struct stat& info) {
  return std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

// "SECONDS.NANOSECONDS HASH HASH …"
std::string fingerprint_of(const std::string& path, std::uint64_t bytes) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const File file(path);
  std::string text = time_of(info);
  for (const Piece& piece : pieces_of(bytes)) text += " " + file.hash(piece);
  return text;
}

void check_fingerprint(const InputFile& input, std::uint64_t read_bytes) {
  struct stat info {};
  const std::string& known = input.fingerprint;
  if (known.empty() || read_bytes == 0 || stat(input.uri.c_str(), &info) != 0) return;
  const std::size_t time_end = known.find(' ');
  if (known.substr(0, time_end) == time_of(info)) return;
  const File file(input.uri);
  std::size_t at = time_end;
  for (const Piece& piece : pieces_of(input.bytes)) {
    if (piece.end > read_bytes) return;
    if (known.compare(at, kHashDigits + 1, " " + file.hash(piece)) != 0)
      throw std::runtime_error("the input " + input.uri +
                               " is not the one that the run has read: its bytes from " +
                               std::to_string(piece.begin) + " to " + std::to_string(piece.end) +
                               " have changed. Put it back, or start anew: --fresh");
    at += kHashDigits + 1;
  }
}

}  // namespace datagen
