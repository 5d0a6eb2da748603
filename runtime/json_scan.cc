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

namespace {

bool has_line_end_commonly(std::string_view text) {
  return text.find('\n') != text.npos || text.find('\r') != text.npos;
}

#if defined(__x86_64__)

// Of at least 32 bytes. Most have none, so none is waited for.
DATAGEN_AVX2 bool has_line_end_avx2(std::string_view text) {
  const auto* const last = text.data() + text.size() - sizeof(__m256i);
  __m256i found = _mm256_setzero_si256();
  const char* at = text.data();
  do {
    at = std::min(at, last);
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    found = _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')));
    found = _mm256_or_si256(found, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r')));
    at += sizeof(__m256i);
  } while (at < last + sizeof(__m256i));
  return _mm256_testz_si256(found, found) == 0;
}

#endif

}  // namespace

bool has_line_end(std::string_view text) {
#if defined(__x86_64__)
  static const bool kHasAvx2 = best_vectors() >= Vectors::avx2;
  if (kHasAvx2 && text.size() >= sizeof(__m256i)) return has_line_end_avx2(text);
#endif
  return has_line_end_commonly(text);
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
