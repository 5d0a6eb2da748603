// Where the backslashes and line ends of a piece of JSON text stand, and whether its escapes are right. One
// pass by vectors, so that nobody has to search each string by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace datagen {

class JsonMarks {
 public:
  // The marks of 64 bytes, a bit for each, the first lowest.
  struct Block {
    std::uint64_t backslashes;
    std::uint64_t line_ends;      // '\n'
    std::uint64_t short_escapes;  // what may stand behind a backslash, but u
  };

  // `is_plain`: without what only some processors can, for tests.
  explicit JsonMarks(bool is_plain = false) : is_plain_(is_plain) {}

  // False: some backslash begins no escape that JSON knows; the rest is not known then.
  bool scan(std::string_view text);

  // Of the text scanned last: a '\r' stands somewhere in it, or an escape \uD800 to \uDFFF.
  bool has_return() const { return has_return_; }
  bool has_surrogate() const { return has_surrogate_; }
  // Between these offsets into it, the second excluded.
  bool has_backslash(std::size_t begin, std::size_t end) const {
    return any<&Block::backslashes>(begin, end);
  }
  bool has_line_end(std::size_t begin, std::size_t end) const { return any<&Block::line_ends>(begin, end); }

 private:
  template <std::uint64_t Block::*kMark>
  bool any(std::size_t begin, std::size_t end) const {
    if (begin >= end) return false;
    std::size_t at = begin / 64;
    const std::size_t last = (end - 1) / 64;
    std::uint64_t wanted = ~std::uint64_t{0} << (begin % 64);
    for (; at < last; ++at, wanted = ~std::uint64_t{0}) {
      if ((blocks_[at].*kMark & wanted) != 0) return true;
    }
    return (blocks_[at].*kMark & wanted & ~std::uint64_t{0} >> (63 - (end - 1) % 64)) != 0;
  }
  bool check_escapes(std::string_view text);

  bool is_plain_;
  std::vector<Block> blocks_;  // more than there are, to be used again
  bool has_return_ = false;
  bool has_surrogate_ = false;
};

}  // namespace datagen
