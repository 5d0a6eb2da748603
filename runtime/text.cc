#include "datagen/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace datagen {

namespace {

bool is_ascii(char byte) { return static_cast<signed char>(byte) >= 0; }

bool is_ascii_space(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20);
}

#if defined(__x86_64__)

// A bit for each of 16 bytes, the first lowest: it is none of ASCII's white space.
unsigned no_ascii_spaces(const char* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const auto is_between = [&](char first, char last) {
    const __m128i distance = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, _mm_set1_epi8(static_cast<char>(last - first))), distance);
  };
  const __m128i spaces = _mm_or_si128(is_between(0x09, 0x0d), is_between(0x1c, 0x20));
  return ~static_cast<unsigned>(_mm_movemask_epi8(spaces)) & 0xffff;
}

// How many bytes of it the text begins with, and ends with: how many of them there are cannot be foreseen, so
// it is counted without asking byte by byte.
std::size_t leading_ascii_spaces(std::string_view text) {
  std::size_t count = 0;
  for (; count + 16 <= text.size(); count += 16) {
    if (const unsigned others = no_ascii_spaces(text.data() + count); others != 0)
      return count + static_cast<std::size_t>(std::countr_zero(others));
  }
  while (count < text.size() && is_ascii_space(text[count])) ++count;
  return count;
}

std::size_t trailing_ascii_spaces(std::string_view text) {
  std::size_t left = text.size();
  for (; left >= 16; left -= 16) {
    if (const unsigned others = no_ascii_spaces(text.data() + left - 16); others != 0)
      return text.size() - left + static_cast<std::size_t>(std::countl_zero(others << 16));
  }
  while (left > 0 && is_ascii_space(text[left - 1])) --left;
  return text.size() - left;
}

#else

std::size_t leading_ascii_spaces(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_ascii_space) - text.begin());
}

std::size_t trailing_ascii_spaces(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.rbegin(), text.rend(), is_ascii_space) -
                                  text.rbegin());
}

#endif

// Length of the white-space code point beyond ASCII at the start of `text`, or 0. All of them below U+3001,
// so no need to decode in general: the bytes are compared.
std::size_t leading_wide_space(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = byte(0);
  if (first == 0xc2) return text.size() > 1 && (byte(1) == 0x85 || byte(1) == 0xa0) ? 2 : 0;
  if (first < 0xe1 || first > 0xe3 || text.size() < 3) return 0;
  const std::uint32_t code = (first & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  const bool space = code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
                     code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
  return space ? 3 : 0;
}

// The same for the end of the text.
std::size_t trailing_wide_space(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && length < 4 && (text[text.size() - length] & 0xc0) == 0x80) ++length;
  return leading_wide_space(text.substr(text.size() - length)) == length ? length : 0;
}

}  // namespace

std::string_view strip(std::string_view text) {
  for (;;) {
    text.remove_prefix(leading_ascii_spaces(text));
    const std::size_t length = text.empty() || is_ascii(text.front()) ? 0 : leading_wide_space(text);
    if (length == 0) break;
    text.remove_prefix(length);
  }
  for (;;) {
    text.remove_suffix(trailing_ascii_spaces(text));
    const std::size_t length = text.empty() || is_ascii(text.back()) ? 0 : trailing_wide_space(text);
    if (length == 0) return text;
    text.remove_suffix(length);
  }
}

namespace {

std::size_t count_continuations_by_byte(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += static_cast<signed char>(c) < -64 ? 1 : 0;
  return count;
}

#if defined(__x86_64__)

// Continuation bytes of UTF-8 are those below -64. Both functions take at least one vector of text; what is
// left behind the last whole one is counted with the bytes before it, which are masked.
constexpr char kLowestStart = -64;

// From kMask[n] on: as many lanes as fill the vector, of which the last n are set.
template <std::size_t kLanes>
constexpr auto kMask = [] {
  std::array<char, 2 * kLanes> lanes{};
  std::fill(lanes.begin() + kLanes, lanes.end(), '\xff');
  return lanes;
}();

std::size_t sum_of_halves(__m128i halves) {
  return static_cast<std::size_t>(_mm_cvtsi128_si64(halves) + _mm_cvtsi128_si64(_mm_srli_si128(halves, 8)));
}

__m128i load_16(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

std::size_t count_continuations_sse2(std::string_view text) {
  constexpr std::size_t kBytes = sizeof(__m128i);
  const char* const whole_end = text.data() + text.size() / kBytes * kBytes;
  const __m128i zero = _mm_setzero_si128();
  const __m128i start = _mm_set1_epi8(kLowestStart);
  const __m128i last = _mm_and_si128(_mm_cmplt_epi8(load_16(text.data() + text.size() - kBytes), start),
                                     load_16(&kMask<kBytes>[text.size() % kBytes]));
  __m128i counts = _mm_sad_epu8(_mm_sub_epi8(zero, last), zero);
  for (const char* at = text.data(); at != whole_end; at += kBytes) {
    const __m128i found = _mm_cmplt_epi8(load_16(at), start);
    counts = _mm_add_epi64(counts, _mm_sad_epu8(_mm_sub_epi8(zero, found), zero));
  }
  return sum_of_halves(counts);
}

DATAGEN_AVX2 __m256i load_32(const char* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

DATAGEN_AVX2 std::size_t count_continuations_avx2(std::string_view text) {
  constexpr std::size_t kBytes = sizeof(__m256i);
  const char* const whole_end = text.data() + text.size() / kBytes * kBytes;
  const __m256i zero = _mm256_setzero_si256();
  const __m256i start = _mm256_set1_epi8(kLowestStart);
  const __m256i last = _mm256_and_si256(_mm256_cmpgt_epi8(start, load_32(text.data() + text.size() - kBytes)),
                                        load_32(&kMask<kBytes>[text.size() % kBytes]));
  __m256i counts = _mm256_sad_epu8(_mm256_sub_epi8(zero, last), zero);
  for (const char* at = text.data(); at != whole_end; at += kBytes) {
    const __m256i found = _mm256_cmpgt_epi8(start, load_32(at));
    counts = _mm256_add_epi64(counts, _mm256_sad_epu8(_mm256_sub_epi8(zero, found), zero));
  }
  return sum_of_halves(_mm_add_epi64(_mm256_castsi256_si128(counts), _mm256_extracti128_si256(counts, 1)));
}

std::size_t count_continuations(std::string_view text) {
  static const bool kHasAvx2 = best_vectors() >= Vectors::avx2;
  if (text.size() >= sizeof(__m256i) && kHasAvx2) return count_continuations_avx2(text);
  return text.size() < sizeof(__m128i) ? count_continuations_by_byte(text) : count_continuations_sse2(text);
}

#else

std::size_t count_continuations(std::string_view text) { return count_continuations_by_byte(text); }

#endif

}  // namespace

std::size_t count_code_points(std::string_view text) { return text.size() - count_continuations(text); }

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
