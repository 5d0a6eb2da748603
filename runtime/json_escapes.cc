#include "json_escapes.h"

#include <algorithm>
#include <cstring>

#include "json_scan.h"
#include "vectors.h"

namespace datagen {

namespace {

constexpr std::size_t kBlockBytes = JsonEscapes::kBlockBytes;
constexpr std::string_view kShortEscapes = "\"\\/bfnrt";

// Fills in a word for each of `count` blocks.
using MarkBlocks = void (*)(const char* text, std::size_t count, std::uint64_t* backslashes,
                            std::uint64_t* short_escapes);

#if defined(__x86_64__)

// One bit for each of 64 bytes: it is `wanted`.
std::uint64_t equal_bytes(const __m128i (&bytes)[4], char wanted) {
  std::uint64_t found = 0;
  for (int part = 0; part < 4; ++part) {
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes[part], _mm_set1_epi8(wanted)));
    found |= static_cast<std::uint64_t>(bits) << (16 * part);
  }
  return found;
}

void mark_blocks(const char* text, std::size_t count, std::uint64_t* backslashes,
                 std::uint64_t* short_escapes) {
  for (std::size_t index = 0; index < count; ++index, text += kBlockBytes) {
    __m128i bytes[4];
    std::memcpy(bytes, text, kBlockBytes);
    backslashes[index] = equal_bytes(bytes, '\\');
    short_escapes[index] = 0;
    for (const char escape : kShortEscapes) short_escapes[index] |= equal_bytes(bytes, escape);
  }
}

DATAGEN_AVX2 std::uint64_t bits_of(__m256i low, __m256i high) {
  return static_cast<unsigned>(_mm256_movemask_epi8(low)) |
         std::uint64_t{static_cast<unsigned>(_mm256_movemask_epi8(high))} << 32;
}

// Lanes of -1 where no short escape stands. Each upper half of a byte that one of them has (2, 5, 6, 7) has a
// bit; a byte is one of them when both of its halves name the same bit.
DATAGEN_AVX2 __m256i no_short_escapes(__m256i bytes) {
  const __m256i by_lower =
      _mm256_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1,  // "br t f \ n /
                       0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1);
  const __m256i by_upper = _mm256_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                            0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
  const __m256i both =
      _mm256_and_si256(_mm256_shuffle_epi8(by_lower, bytes), _mm256_shuffle_epi8(by_upper, upper));
  return _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
}

DATAGEN_AVX2 void mark_blocks_avx2(const char* text, std::size_t count, std::uint64_t* backslashes,
                                   std::uint64_t* short_escapes) {
  const __m256i backslash = _mm256_set1_epi8('\\');
  for (std::size_t index = 0; index < count; ++index, text += kBlockBytes) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
    backslashes[index] = bits_of(_mm256_cmpeq_epi8(low, backslash), _mm256_cmpeq_epi8(high, backslash));
    short_escapes[index] = ~bits_of(no_short_escapes(low), no_short_escapes(high));
  }
}

MarkBlocks best() { return has_avx2() ? mark_blocks_avx2 : mark_blocks; }

#else

void mark_blocks(const char* text, std::size_t count, std::uint64_t* backslashes,
                 std::uint64_t* short_escapes) {
  for (std::size_t index = 0; index < count; ++index) {
    backslashes[index] = short_escapes[index] = 0;
    for (std::size_t bit = 0; bit < kBlockBytes; ++bit, ++text) {
      const std::uint64_t mark = std::uint64_t{1} << bit;
      if (*text == '\\') backslashes[index] |= mark;
      if (kShortEscapes.find(*text) != kShortEscapes.npos) short_escapes[index] |= mark;
    }
  }
}

MarkBlocks best() { return mark_blocks; }

#endif

// Which bytes of a block stand behind a backslash that is not itself behind one: in each run of backslashes
// every second, and the byte behind a run of odd length. `carry` is a bit for the block's first byte, and
// afterwards for that of the next.
std::uint64_t escaped_bytes(std::uint64_t backslashes, std::uint64_t& carry) {
  constexpr std::uint64_t kEven = 0x5555555555555555;
  backslashes &= ~carry;
  const std::uint64_t behind = backslashes << 1 | carry;
  const std::uint64_t odd_starts = backslashes & ~kEven & ~behind;
  // The addition clears runs that begin at an odd bit, and leaves a bit behind each.
  std::uint64_t even_runs = 0;
  carry = __builtin_add_overflow(backslashes, odd_starts, &even_runs) ? 1 : 0;
  return behind & (kEven ^ even_runs << 1);
}

}  // namespace

bool JsonEscapes::scan(std::string_view text) {
  static const MarkBlocks kBest = best();
  const MarkBlocks mark = is_plain_ ? mark_blocks : kBest;
  const std::size_t whole = text.size() / kBlockBytes;
  if (starts_.size() <= whole) {
    starts_.resize(whole + 1);
    short_escapes_.resize(whole + 1);
  }
  mark(text.data(), whole, starts_.data(), short_escapes_.data());
  char rest[kBlockBytes] = {};
  const std::string_view last = text.substr(whole * kBlockBytes);
  std::copy(last.begin(), last.end(), rest);
  mark(rest, 1, &starts_[whole], &short_escapes_[whole]);
  return check(text);
}

bool JsonEscapes::check(std::string_view text) {
  has_surrogate_ = false;
  std::uint64_t carry = 0;
  for (std::size_t index = 0; index <= text.size() / kBlockBytes; ++index) {
    const std::uint64_t escaped = escaped_bytes(starts_[index], carry);
    starts_[index] &= ~escaped;
    for (std::uint64_t long_ones = escaped & ~short_escapes_[index]; long_ones != 0;
         long_ones &= long_ones - 1) {
      const std::size_t at = index * kBlockBytes + static_cast<std::size_t>(__builtin_ctzll(long_ones));
      const int unit = json::escaped_code_unit(text, at - 1);
      if (unit < 0) return false;  // also behind the end of the text
      if (unit >= 0xD800 && unit <= 0xDFFF) has_surrogate_ = true;
    }
  }
  return true;
}

}  // namespace datagen
