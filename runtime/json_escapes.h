// Where the escapes of a piece of JSON text begin, and whether they are right. One pass by vectors, so that
// nobody has to search each string by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vectors.h"

namespace datagen {

class JsonEscapes {
 public:
  static constexpr std::size_t kBlockBytes = 64;

  explicit JsonEscapes(Vectors vectors = best_vectors()) : vectors_(vectors) {}

  Vectors vectors() const { return vectors_; }
  // False: some backslash begins no escape that JSON knows; the rest is not known then.
  bool scan(std::string_view text);

  // Of the text scanned last: an escape \uD800 to \uDFFF stands somewhere in it.
  bool has_surrogate() const { return has_surrogate_; }
  // Which of the 64 bytes from this offset on begin one, a bit for each, the first lowest. Bits of bytes
  // behind the text say nothing.
  std::uint64_t starts(std::size_t offset) const { return bits_from(starts_, offset); }
  // Which of them are the u or / of one.
  std::uint64_t rare(std::size_t offset) const { return bits_from(rare_, offset); }
  // One begins between these offsets, the second excluded.
  bool any(std::size_t begin, std::size_t end) const {
    for (; begin + kBlockBytes < end; begin += kBlockBytes) {
      if (starts(begin) != 0) return true;
    }
    return begin < end && starts(begin) << (kBlockBytes - (end - begin)) != 0;
  }
  // The same of few bytes, at least one.
  bool any_of_few(std::size_t begin, std::size_t end) const {
    const std::size_t skipped = begin % kBlockBytes;
    if (skipped + (end - begin) > kBlockBytes) return any(begin, end);
    return starts_[begin / kBlockBytes] >> skipped << (kBlockBytes - (end - begin)) != 0;
  }

 private:
  static std::uint64_t bits_from(const std::vector<std::uint64_t>& words, std::size_t offset) {
    const std::uint64_t* const word = &words[offset / kBlockBytes];
    const std::size_t skipped = offset % kBlockBytes;
    return word[0] >> skipped | (word[1] << 1) << (kBlockBytes - 1 - skipped);
  }

  Vectors vectors_;
  // A word for each block and one behind, more than there are, to be used again.
  std::vector<std::uint64_t> starts_;
  std::vector<std::uint64_t> rare_;
  bool has_surrogate_ = false;
};

}  // namespace datagen
