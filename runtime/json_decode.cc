#include "json_decode.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "json_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace datagen::json {

namespace {

// What a backslash and this character stand for; 0: nothing, or (u) a code unit.
constexpr auto kMeanings = [] {
  std::array<char, 256> meanings{};
  meanings['"'] = '"';
  meanings['\\'] = '\\';
  meanings['/'] = '/';
  meanings['b'] = '\b';
  meanings['f'] = '\f';
  meanings['n'] = '\n';
  meanings['r'] = '\r';
  meanings['t'] = '\t';
  return meanings;
}();

char meaning_of(char escape) { return kMeanings[static_cast<unsigned char>(escape)]; }

char* write_utf8(char* to, unsigned code) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xc0 | code >> 6);
    *to++ = tail(0);
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xe0 | code >> 12);
    *to++ = tail(6);
    *to++ = tail(0);
  } else {
    *to++ = static_cast<char>(0xf0 | code >> 18);
    *to++ = tail(12);
    *to++ = tail(6);
    *to++ = tail(0);
  }
  return to;
}

// \u00XX is the canonical form of control characters without a short one, with small digits.
bool is_canonical_unit(std::string_view escape, int unit) {
  constexpr std::string_view kShort = "\b\t\n\f\r";
  if (unit >= 0x20 || kShort.find(static_cast<char>(unit)) != kShort.npos) return false;
  return escape[5] < 'A' || escape[5] > 'F';
}

constexpr std::size_t kStepBytes = JsonEscapes::kBlockBytes;

// A string on its way from `from` to `to`.
struct Decoding {
  const char* from;
  const char* end;
  char* to;
  bool is_canonical = true;
};

// The escape at `at`; behind it, or null: the half of a pair.
const char* decode_escape(const char* at, Decoding& string) {
  if (const char meaning = meaning_of(at[1]); meaning != 0) {
    if (meaning == '/') string.is_canonical = false;
    *string.to++ = meaning;
    return at + 2;
  }
  const std::string_view rest(at, static_cast<std::size_t>(string.end - at));
  const int unit = escaped_code_unit(rest, 0);
  if (!is_canonical_unit(rest, unit)) string.is_canonical = false;
  if (unit < 0xD800 || unit > 0xDFFF) {
    string.to = write_utf8(string.to, static_cast<unsigned>(unit));
    return at + 6;
  }
  const int other = escaped_code_unit(rest, 6);
  if (unit >= 0xDC00 || other < 0xDC00 || other > 0xDFFF) return nullptr;
  string.to =
      write_utf8(string.to, static_cast<unsigned>(0x10000 + ((unit - 0xD800) << 10) + (other - 0xDC00)));
  return at + 12;
}

// Decodes `bytes` more, escape by escape, and all of an escape that begins in them. Each bit of `starts` is
// one; `is_escaped`: the first byte stands behind a backslash. False: the half of a pair.
bool decode_by_escapes(Decoding& string, std::size_t bytes, std::uint64_t starts, bool is_escaped) {
  const char* const end = string.from + bytes;
  const char* next = string.from;
  // What stands between two escapes is short: a whole step is always copied, and what was too much of it is
  // written over next.
  const auto copy_until = [&](const char* behind) {
    if (behind <= next) return;
    std::memcpy(string.to, next, kStepBytes);
    string.to += behind - next;
    next = behind;
  };
  if (is_escaped && (next = decode_escape(next - 1, string)) == nullptr) return false;
  for (; starts != 0; starts &= starts - 1) {
    const char* const at = string.from + std::countr_zero(starts);
    if (at < next) continue;  // the second half of a pair
    copy_until(at);
    next = decode_escape(at, string);
    if (next == nullptr) return false;
  }
  copy_until(end);
  string.from = next;
  return true;
}

// Steps over the string. `take` writes 64 bytes at the target: those at the source that `kept` names, closed
// up, and of these what they mean behind a backslash where `escaped` says so, which is common escapes only.
template <class Take>
[[gnu::always_inline]] inline bool decode_by(Decoding& string, const JsonEscapes& escapes, std::size_t offset,
                                             Take take) {
  const char* const text = string.from - offset;
  std::uint64_t is_escaped = 0;  // the next byte is, and its backslash has been left out
  while (string.from < string.end) {
    const auto left = static_cast<std::size_t>(string.end - string.from);
    const std::size_t bytes = left < kStepBytes ? left : kStepBytes;
    const std::uint64_t inside = ~std::uint64_t{0} >> (kStepBytes - bytes);
    offset = static_cast<std::size_t>(string.from - text);
    const std::uint64_t starts = escapes.starts(offset) & inside;
    if (Take::kIsByEscapes || (escapes.rare(offset) & inside) != 0) {
      if (!decode_by_escapes(string, bytes, starts, is_escaped != 0)) return false;
      is_escaped = 0;
      continue;
    }
    const std::uint64_t kept = inside & ~starts;
    take(string.to, string.from, kept, starts << 1 | is_escaped);
    is_escaped = starts >> (kStepBytes - 1);
    string.to += std::popcount(kept);
    string.from += bytes;
  }
  return true;
}

struct TakeNothing {
  static constexpr bool kIsByEscapes = true;
  void operator()(char*, const char*, std::uint64_t, std::uint64_t) const {}
};

using DecodeBy = bool (*)(Decoding& string, const JsonEscapes& escapes, std::size_t offset);

bool decode_commonly(Decoding& string, const JsonEscapes& escapes, std::size_t offset) {
  return decode_by(string, escapes, offset, TakeNothing());
}

#if defined(__x86_64__)

// For each choice out of eight bytes where each of those goes; closed up.
constexpr auto kCloseUp = [] {
  std::array<std::array<char, 8>, 256> places{};
  for (unsigned kept = 0; kept < 256; ++kept) {
    std::size_t count = 0;
    for (char byte = 0; byte < 8; ++byte) {
      if (kept >> byte & 1) places[kept][count++] = byte;
    }
  }
  return places;
}();

// The table of meanings for letters, by their lower halves: b, f and n have the upper half 6, r and t 7.
alignas(16) constexpr char kMeanings6[16] = {0, 0, '\b', 0, 0, 0, '\f', 0, 0, 0, 0, 0, 0, 0, '\n', 0};
alignas(16) constexpr char kMeanings7[16] = {0, 0, '\r', 0, '\t'};

struct TakeByAvx2 {
  static constexpr bool kIsByEscapes = false;
  DATAGEN_AVX2 static __m256i twice(const char (&table)[16]) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
  }
  // Lanes of -1 for the bits that are set.
  DATAGEN_AVX2 static __m256i lanes_of(std::uint32_t bits) {
    const __m256i byte_of_lane =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of_lane = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), byte_of_lane);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of_lane), bit_of_lane);
  }
  DATAGEN_AVX2 static __m256i with_meanings(__m256i bytes, std::uint32_t escaped) {
    const __m256i is_upper_7 = _mm256_slli_epi16(bytes, 3);  // the highest bit of each lane
    const __m256i meanings = _mm256_blendv_epi8(_mm256_shuffle_epi8(twice(kMeanings6), bytes),
                                                _mm256_shuffle_epi8(twice(kMeanings7), bytes), is_upper_7);
    const __m256i is_letter = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8('\\'));  // of those that are escaped
    return _mm256_blendv_epi8(bytes, meanings, _mm256_and_si256(is_letter, lanes_of(escaped)));
  }
  DATAGEN_AVX2 static char* close_up(char* to, const char* eight, std::uint8_t kept) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(eight));
    const __m128i places = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kCloseUp[kept].data()));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_shuffle_epi8(bytes, places));
    return to + std::popcount(kept);
  }
  DATAGEN_AVX2 void operator()(char* to, const char* from, std::uint64_t kept, std::uint64_t escaped) const {
    if (escaped == 0) {
      std::memcpy(to, from, kStepBytes);
      return;
    }
    alignas(32) char bytes[kStepBytes];
    for (std::size_t at = 0; at < kStepBytes; at += 32) {
      const __m256i some = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
      _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + at),
                         with_meanings(some, static_cast<std::uint32_t>(escaped >> at)));
    }
    for (std::size_t at = 0; at < kStepBytes; at += 16) {
      to = close_up(to, bytes + at, static_cast<std::uint8_t>(kept >> at));
      to = close_up(to, bytes + at + 8, static_cast<std::uint8_t>(kept >> (at + 8)));
    }
  }
};

struct TakeByAvx512 {
  static constexpr bool kIsByEscapes = false;
  DATAGEN_AVX512 void operator()(char* to, const char* from, std::uint64_t kept,
                                 std::uint64_t escaped) const {
    const __m512i bytes = _mm512_loadu_si512(from);
    const __m512i meanings = _mm512_mask2_permutex2var_epi8(
        _mm512_loadu_si512(kMeanings.data()), bytes, escaped, _mm512_loadu_si512(kMeanings.data() + 64));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, meanings));
  }
};

DATAGEN_AVX2 bool decode_by_avx2(Decoding& string, const JsonEscapes& escapes, std::size_t offset) {
  return decode_by(string, escapes, offset, TakeByAvx2());
}

DATAGEN_AVX512 bool decode_by_avx512(Decoding& string, const JsonEscapes& escapes, std::size_t offset) {
  return decode_by(string, escapes, offset, TakeByAvx512());
}

DecodeBy decoder(Vectors vectors) {
  constexpr DecodeBy kDecoders[] = {decode_commonly, decode_by_avx2, decode_by_avx512};
  return kDecoders[static_cast<std::size_t>(vectors)];
}

#else

DecodeBy decoder(Vectors) { return decode_commonly; }

#endif

}  // namespace

char* decode_string(std::string_view content, const JsonEscapes& escapes, std::size_t offset, char* to,
                    bool& is_canonical) {
  Decoding string{content.data(), content.data() + content.size(), to};
  if (!decoder(escapes.vectors())(string, escapes, offset)) return nullptr;
  is_canonical = string.is_canonical;
  return string.to;
}

}  // namespace datagen::json
