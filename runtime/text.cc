#include "datagen/text.h"

#include <algorithm>
#include <cstdint>

#include "vectors.h"

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

namespace {

#if defined(__x86_64__)

// Continuation bytes of UTF-8 are those below -64. A lane of a sum holds 255 of them at most.
constexpr std::size_t kVectorsMax = 255;

std::size_t sum_of_halves(__m128i halves) {
  return static_cast<std::size_t>(_mm_cvtsi128_si64(halves) + _mm_cvtsi128_si64(_mm_srli_si128(halves, 8)));
}

// Of as many whole vectors as `text` has, which goes on behind them.
std::size_t take_continuations(std::string_view& text) {
  constexpr std::size_t kVector = sizeof(__m128i);
  std::size_t count = 0;
  while (text.size() >= kVector) {
    const std::size_t vectors = std::min(kVectorsMax, text.size() / kVector);
    __m128i counts = _mm_setzero_si128();
    for (std::size_t index = 0; index < vectors; ++index) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()) + index);
      counts = _mm_sub_epi8(counts, _mm_cmplt_epi8(bytes, _mm_set1_epi8(-64)));
    }
    count += sum_of_halves(_mm_sad_epu8(counts, _mm_setzero_si128()));
    text.remove_prefix(vectors * kVector);
  }
  return count;
}

DATAGEN_AVX2 std::size_t take_continuations_avx2(std::string_view& text) {
  constexpr std::size_t kVector = sizeof(__m256i);
  std::size_t count = 0;
  while (text.size() >= kVector) {
    const std::size_t vectors = std::min(kVectorsMax, text.size() / kVector);
    __m256i counts = _mm256_setzero_si256();
    for (std::size_t index = 0; index < vectors; ++index) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data()) + index);
      counts = _mm256_sub_epi8(counts, _mm256_cmpgt_epi8(_mm256_set1_epi8(-64), bytes));
    }
    const __m256i sums = _mm256_sad_epu8(counts, _mm256_setzero_si256());
    count += sum_of_halves(_mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
    text.remove_prefix(vectors * kVector);
  }
  return count;
}

std::size_t count_continuations(std::string_view text) {
  static const bool kHasAvx2 = has_avx2();
  std::size_t count = kHasAvx2 ? take_continuations_avx2(text) : 0;
  count += take_continuations(text);
  char last[sizeof(__m128i)] = {};
  std::copy(text.begin(), text.end(), last);
  std::string_view rest(last, sizeof last);
  return count + take_continuations(rest);
}

#else

std::size_t count_continuations(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += static_cast<signed char>(c) < -64 ? 1 : 0;
  return count;
}

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
