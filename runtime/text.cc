#include "datagen/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

#if defined(__SSE2__)
// Of 16 bytes: -1 in the lane of each continuation byte.
__m128i continuations(const char* bytes) {
  return _mm_cmplt_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), _mm_set1_epi8(-64));
}

std::size_t sum_of_lanes(__m128i lanes) {
  const __m128i halves = _mm_sad_epu8(lanes, _mm_setzero_si128());
  return static_cast<std::size_t>(_mm_cvtsi128_si64(halves) + _mm_cvtsi128_si64(_mm_srli_si128(halves, 8)));
}
#else
bool is_continuation(char c) { return static_cast<signed char>(c) < -64; }
#endif

}  // namespace

std::size_t count_code_points(std::string_view text) {
  std::size_t continued = 0;
#if defined(__SSE2__)
  std::size_t at = 0;
  constexpr std::size_t kVector = 16, kVectorsMax = 255;  // a lane holds no more
  while (text.size() - at >= kVector) {
    const std::size_t end = at + std::min(kVectorsMax, (text.size() - at) / kVector) * kVector;
    __m128i counts = _mm_setzero_si128();
    for (; at < end; at += kVector) counts = _mm_sub_epi8(counts, continuations(text.data() + at));
    continued += sum_of_lanes(counts);
  }
  char last[kVector] = {};
  std::memcpy(last, text.data() + at, text.size() - at);
  continued += sum_of_lanes(_mm_sub_epi8(_mm_setzero_si128(), continuations(last)));
#else
  for (const char c : text) continued += is_continuation(c) ? 1 : 0;
#endif
  return text.size() - continued;
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
