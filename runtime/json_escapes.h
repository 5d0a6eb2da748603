// Where the escapes of a piece of JSON text begin, and whether they are right. One pass by vectors, so that
// nobody has to search each string by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace datagen {

class JsonEscapes {
 public:
  static constexpr std::size_t kBlockBytes = 64;

  // `is_plain`: without what only some processors can, for tests.
  explicit JsonEscapes(bool is_plain = false) : is_plain_(is_plain) {}

  // False: some backslash begins no escape that JSON knows; the rest is not known then.
  bool scan(std::string_view text);

  // Of the text scanned last: an escape \uD800 to \uDFFF stands somewhere in it.
  bool has_surrogate() const { return has_surrogate_; }
  // Which of the bytes begin one, a bit for each, the first lowest: of the block with this number.
  std::uint64_t starts(std::size_t block) const { return starts_[block]; }
  // One begins between these offsets, the second excluded.
  bool any(std::size_t begin, std::size_t end) const {
    if (begin >= end) return false;
    std::size_t block = begin / kBlockBytes;
    const std::size_t last = (end - 1) / kBlockBytes;
    std::uint64_t wanted = ~std::uint64_t{0} << (begin % kBlockBytes);
    for (; block != last; ++block, wanted = ~std::uint64_t{0}) {
      if ((starts_[block] & wanted) != 0) return true;
    }
    return (starts_[block] & wanted & ~std::uint64_t{0} >> (kBlockBytes - 1 - (end - 1) % kBlockBytes)) != 0;
  }

 private:
  bool check(std::string_view text);

  bool is_plain_;
  // A word for each block, more than there are, to be used again.
  std::vector<std::uint64_t> starts_;         // at first all backslashes
  std::vector<std::uint64_t> short_escapes_;  // what may stand behind a backslash, but u
  bool has_surrogate_ = false;
};

}  // namespace datagen
