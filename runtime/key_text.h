// Comparing keys: they are short, and a call of memcmp would cost more than the comparison.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace datagen {

inline bool is_same_key(std::string_view left, std::string_view right) {
  const std::size_t size = left.size();
  if (size != right.size()) return false;
  const auto is_same_at = [&](std::size_t at, auto word_of_left, auto word_of_right) {
    std::memcpy(&word_of_left, left.data() + at, sizeof word_of_left);
    std::memcpy(&word_of_right, right.data() + at, sizeof word_of_right);
    return word_of_left == word_of_right;
  };
  // Words, the last of which may overlap the one before.
  const auto is_same_by = [&](auto word) {
    for (std::size_t at = 0; at + sizeof word < size; at += sizeof word) {
      if (!is_same_at(at, word, word)) return false;
    }
    return is_same_at(size - sizeof word, word, word);
  };
  if (size >= sizeof(std::uint64_t)) return is_same_by(std::uint64_t{});
  if (size >= sizeof(std::uint32_t)) return is_same_by(std::uint32_t{});
  if (size >= sizeof(std::uint16_t)) return is_same_by(std::uint16_t{});
  return size == 0 || left[0] == right[0];
}

}  // namespace datagen
