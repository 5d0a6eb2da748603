#include "datagen/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace datagen {

namespace {

// Length of the white-space code point at the start of `text`, or 0. All of them below U+3001, so no need to
// decode in general: the bytes are compared.
std::size_t leading_space(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return (first >= 0x09 && first <= 0x0d) || (first >= 0x1c && first <= 0x20) ? 1 : 0;
  if (first == 0xc2) return text.size() > 1 && (byte(1) == 0x85 || byte(1) == 0xa0) ? 2 : 0;
  if (first < 0xe1 || first > 0xe3 || text.size() < 3) return 0;
  const std::uint32_t code = (first & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  const bool space = code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
                     code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
  return space ? 3 : 0;
}

// The same for the end of the text.
std::size_t trailing_space(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && length < 4 && (text[text.size() - length] & 0xc0) == 0x80) ++length;
  return leading_space(text.substr(text.size() - length)) == length ? length : 0;
}

}  // namespace

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = leading_space(text);
    if (length == 0) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    const std::size_t length = trailing_space(text);
    if (length == 0) break;
    text.remove_suffix(length);
  }
  return text;
}

std::size_t count_code_points(std::string_view text) {
  // Counted in lanes of one byte, which the compiler puts into vectors, and added up before one runs over.
  constexpr std::size_t kLanes = 32, kRoundsMax = 255;
  const auto begins = [](char c) -> std::uint8_t { return static_cast<signed char>(c) > -65 ? 1 : 0; };
  std::size_t count = 0, at = 0;
  while (text.size() - at >= kLanes) {
    std::array<std::uint8_t, kLanes> lanes{};
    const std::size_t rounds = std::min(kRoundsMax, (text.size() - at) / kLanes);
    for (std::size_t round = 0; round < rounds; ++round, at += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += begins(text[at + lane]);
    }
    for (const std::uint8_t lane : lanes) count += lane;
  }
  for (; at < text.size(); ++at) count += begins(text[at]);
  return count;
}

std::size_t code_point_offset(std::string_view text, std::size_t count) {
  std::size_t offset = 0;
  while (offset < text.size() && count > 0) {
    ++offset;
    while (offset < text.size() && (text[offset] & 0xc0) == 0x80) ++offset;
    --count;
  }
  return offset;
}

}  // namespace datagen
