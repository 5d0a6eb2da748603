// Where the backslashes of a piece of JSON text stand, and whether its escapes are right. One pass by vectors,
// so that nobody has to search each string by itself.
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
  // The backslashes among the kBlockBytes at this offset into it, a bit for each byte, the first lowest; none
  // behind its end.
  std::uint64_t backslashes_from(std::size_t offset) const {
    const std::uint64_t* const words = &backslashes_[offset / kBlockBytes];
    const std::size_t shift = offset % kBlockBytes;
    return words[0] >> shift | words[1] << 1 << (kBlockBytes - 1 - shift);
  }
  // Between these offsets, the second excluded.
  bool has_backslash(std::size_t begin, std::size_t end) const {
    if (begin >= end) return false;
    const std::uint64_t* word = &backslashes_[begin / kBlockBytes];
    const std::uint64_t* const last = &backslashes_[(end - 1) / kBlockBytes];
    std::uint64_t wanted = ~std::uint64_t{0} << (begin % kBlockBytes);
    for (; word != last; ++word, wanted = ~std::uint64_t{0}) {
      if ((*word & wanted) != 0) return true;
    }
    return (*word & wanted & ~std::uint64_t{0} >> (kBlockBytes - 1 - (end - 1) % kBlockBytes)) != 0;
  }

 private:
  bool check(std::string_view text);

  bool is_plain_;
  // A word for each block, more than there are, to be used again; behind the text's last stands one more.
  std::vector<std::uint64_t> backslashes_;
  std::vector<std::uint64_t> short_escapes_;  // what may stand behind a backslash, but u
  bool has_surrogate_ = false;
};

}  // namespace datagen
