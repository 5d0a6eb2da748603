// Comparing keys: they are short, and a call of memcmp would cost more than the comparison.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace datagen {

inline bool is_same_key(std::string_view left, std::string_view right) {
  const std::size_t size = left.size();
  if (size != right.size()) return false;
  // Two words that overlap.
  const auto ends_are_same = [&](auto word_of_left, auto word_of_right) {
    std::memcpy(&word_of_left, left.data(), sizeof word_of_left);
    std::memcpy(&word_of_right, right.data(), sizeof word_of_right);
    if (word_of_left != word_of_right) return false;
    std::memcpy(&word_of_left, left.data() + size - sizeof word_of_left, sizeof word_of_left);
    std::memcpy(&word_of_right, right.data() + size - sizeof word_of_right, sizeof word_of_right);
    return word_of_left == word_of_right;
  };
  if (size > 2 * sizeof(std::uint64_t)) return left == right;
  if (size >= sizeof(std::uint64_t)) return ends_are_same(std::uint64_t{}, std::uint64_t{});
  if (size >= sizeof(std::uint32_t)) return ends_are_same(std::uint32_t{}, std::uint32_t{});
  if (size >= sizeof(std::uint16_t)) return ends_are_same(std::uint16_t{}, std::uint16_t{});
  return size == 0 || left[0] == right[0];
}

}  // namespace datagen
