#include "json_scan.h"

#include <algorithm>
#include <array>

#include "vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace datagen::json {

namespace {

// Behind the string whose opening quote is at `position`.
std::size_t skip_string(std::string_view text, std::size_t position) {
  ++position;
  for (;;) {
    position = text.find_first_of("\"\\", position);
    if (text[position] == '"') return position + 1;
    position += 2;
  }
}

// The digit that a byte stands for, or kNoDigit.
constexpr unsigned kNoDigit = 1u << 16;
constexpr auto kHexDigits = [] {
  std::array<unsigned, 256> digits{};
  digits.fill(kNoDigit);
  for (unsigned digit = 0; digit < 10; ++digit) digits['0' + digit] = digit;
  for (unsigned digit = 10; digit < 16; ++digit) digits['a' + digit - 10] = digits['A' + digit - 10] = digit;
  return digits;
}();

}  // namespace

std::size_t skip_space(std::string_view text, std::size_t position) {
  while (position < text.size() && is_space(text[position])) ++position;
  return position;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t skip_value(std::string_view text, std::size_t position) {
  if (text[position] == '"') return skip_string(text, position);
  if (text[position] != '{' && text[position] != '[') {
    const std::size_t end = text.find_first_of(",]} \t\r\n", position);
    return end == std::string_view::npos ? text.size() : end;
  }
  std::size_t depth = 0;
  for (;;) {
    position = text.find_first_of("\"{}[]", position);
    switch (text[position]) {
      case '"':
        position = skip_string(text, position);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      default:
        if (--depth == 0) return position + 1;
    }
    ++position;
  }
}

std::size_t number_end(std::string_view text, std::size_t position) {
  return position + number_length([rest = text.substr(position)](std::size_t at) {
           return at < rest.size() ? rest[at] : '\0';
         });
}

int escaped_code_unit(std::string_view text, std::size_t position) {
  if (position + 6 > text.size() || text[position] != '\\' || text[position + 1] != 'u') return -1;
  const auto digit = [&](std::size_t at) {
    return kHexDigits[static_cast<unsigned char>(text[position + at])];
  };
  const unsigned a = digit(2), b = digit(3), c = digit(4), d = digit(5);
  if ((a | b | c | d) >= kNoDigit) return -1;
  return static_cast<int>(a << 12 | b << 8 | c << 4 | d);
}

#if defined(__x86_64__)

namespace {

constexpr std::size_t kBlockBytes = 64;

// Whether a text of at least one block has a byte below the blank: one instruction for each 32 bytes. Steps
// are long, so that most records are one: how many there are cannot be foreseen, and a branch that is guessed
// wrong costs more than to take the last block again and again.
DATAGEN_AVX2 bool has_control_avx2(std::string_view text) {
  constexpr std::size_t kBlocks = 8;
  const std::size_t last = text.size() - kBlockBytes;
  const __m256i blanks = _mm256_set1_epi8(' ');
  __m256i least = blanks;
  for (std::size_t step = 0; step < text.size(); step += kBlocks * kBlockBytes) {
#pragma GCC unroll 8
    for (std::size_t block = 0; block < kBlocks; ++block) {
      const char* const at = text.data() + std::min(step + block * kBlockBytes, last);
      least = _mm256_min_epu8(least, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
      least = _mm256_min_epu8(least, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32)));
    }
  }
  return _mm256_movemask_epi8(_mm256_cmpeq_epi8(least, blanks)) != -1;
}

}  // namespace

#endif

bool has_line_end(std::string_view text) {
#if defined(__x86_64__)
  // Most JSON text has no control characters at all.
  static const bool kHasAvx2 = best_vectors() >= Vectors::avx2;
  if (kHasAvx2 && text.size() >= kBlockBytes && !has_control_avx2(text)) return false;
#endif
  return text.find('\n') != text.npos || text.find('\r') != text.npos;
}

bool has_lone_surrogate(std::string_view text) {
  for (std::size_t position = text.find('\\'); position != std::string_view::npos;
       position = text.find('\\', position)) {
    const int unit = escaped_code_unit(text, position);
    if (unit < 0xD800 || unit > 0xDFFF) {
      position += 2;
      continue;
    }
    const int next = escaped_code_unit(text, position + 6);
    if (unit >= 0xDC00 || next < 0xDC00 || next > 0xDFFF) return true;
    position += 12;
  }
  return false;
}

}  // namespace datagen::json
