#include <algorithm>

#include "json_write.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace datagen {

#if defined(__SSE2__)

namespace {

// By how much each of 16 bytes, of which `count` count, grows in JSON.
std::size_t growth_of_16(const char* from, std::size_t count) {
  const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  const auto is = [&](char byte) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)); };
  const auto is_below = [&](__m128i lanes, char end) {
    return _mm_cmpeq_epi8(_mm_min_epu8(lanes, _mm_set1_epi8(static_cast<char>(end - 1))), lanes);
  };
  const __m128i control = is_below(bytes, 0x20);
  const __m128i by_one = _mm_or_si128(control, _mm_or_si128(is('"'), is('\\')));
  // \b, \t, \n, \f and \r stand from 8 to 13, with 11 between them.
  const __m128i is_short = _mm_andnot_si128(is(11), is_below(_mm_sub_epi8(bytes, _mm_set1_epi8(8)), 6));
  const __m128i by_four = _mm_andnot_si128(is_short, control);
  const __m128i growth = _mm_or_si128(_mm_and_si128(by_one, _mm_set1_epi8(1)),  //
                                      _mm_and_si128(by_four, _mm_set1_epi8(4)));
  const __m128i counts = _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(count)), places);
  const __m128i sums = _mm_sad_epu8(_mm_and_si128(growth, counts), _mm_setzero_si128());
  return static_cast<std::size_t>(_mm_cvtsi128_si32(sums) + _mm_extract_epi16(sums, 4));
}

}  // namespace

// Most of what is asked for is short, and how short cannot be foreseen: nothing depends on it.
std::size_t json_length(std::string_view text) {
  std::size_t length = text.size();
  std::size_t at = 0;
  do {
    length += growth_of_16(text.data() + at, std::min<std::size_t>(text.size() - at, 16));
    at += 16;
  } while (at < text.size());
  return length;
}

#else

std::size_t json_length(std::string_view text) {
  std::size_t length = text.size();
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    length += std::string_view("\b\t\n\f\r\"\\").find(c) != std::string_view::npos ? 1 : 5;
  }
  return length;
}

#endif

}  // namespace datagen
