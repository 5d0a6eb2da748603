#include "json_escapes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "json_scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace datagen {

namespace {

constexpr std::size_t kBlockBytes = JsonEscapes::kBlockBytes;
// What may stand behind a backslash; the others are rare, and looked at one by one.
constexpr std::string_view kCommonEscapes = "\"\\bfnrt";

// What the bytes of a block are, a bit for each.
struct Marks {
  std::uint64_t backslashes;
  std::uint64_t common_escapes;
};

#if defined(__x86_64__)

struct MarkCommonly {
  static std::uint64_t equal_bytes(const __m128i (&bytes)[4], char wanted) {
    std::uint64_t found = 0;
    for (int part = 0; part < 4; ++part) {
      const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes[part], _mm_set1_epi8(wanted)));
      found |= static_cast<std::uint64_t>(bits) << (16 * part);
    }
    return found;
  }
  Marks operator()(const char* block) const {
    __m128i bytes[4];
    std::memcpy(bytes, block, kBlockBytes);
    Marks marks{equal_bytes(bytes, '\\'), 0};
    for (const char escape : kCommonEscapes) marks.common_escapes |= equal_bytes(bytes, escape);
    return marks;
  }
};

// The same table of 16 bytes for each 16 lanes.
constexpr std::array<char, 64> repeated(const std::array<char, 16>& table) {
  std::array<char, 64> all{};
  for (std::size_t lane = 0; lane < all.size(); ++lane) all[lane] = table[lane % table.size()];
  return all;
}

// Each upper half of a byte that one of the common escapes has (2, 5, 6, 7) has a bit; a byte is one of them
// when both of its halves name the same bit.
alignas(64) constexpr auto kByLowerHalf = repeated({0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0,  // "br t f
                                                    0, 0, 0, 0, 2, 0, 4, 0});        // \ n
alignas(64) constexpr auto kByUpperHalf = repeated({0, 0, 1, 0, 0, 2, 4, 8});

struct MarkByAvx2 {
  DATAGEN_AVX2 static __m256i table(const std::array<char, 64>& lanes) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes.data()));
  }
  DATAGEN_AVX2 static std::uint64_t bits_of(__m256i low, __m256i high) {
    return static_cast<unsigned>(_mm256_movemask_epi8(low)) |
           std::uint64_t{static_cast<unsigned>(_mm256_movemask_epi8(high))} << 32;
  }
  // Lanes of -1 where no common escape stands.
  DATAGEN_AVX2 static __m256i no_common_escapes(__m256i bytes) {
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    const __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(table(kByLowerHalf), bytes),
                                          _mm256_shuffle_epi8(table(kByUpperHalf), upper));
    return _mm256_cmpeq_epi8(both, _mm256_setzero_si256());
  }
  DATAGEN_AVX2 Marks operator()(const char* block) const {
    const __m256i backslash = _mm256_set1_epi8('\\');
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));
    return {bits_of(_mm256_cmpeq_epi8(low, backslash), _mm256_cmpeq_epi8(high, backslash)),
            ~bits_of(no_common_escapes(low), no_common_escapes(high))};
  }
};

struct MarkByAvx512 {
  DATAGEN_AVX512 Marks operator()(const char* block) const {
    const __m512i bytes = _mm512_loadu_si512(block);
    const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(0x0f));
    return {_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')),
            _mm512_test_epi8_mask(_mm512_shuffle_epi8(_mm512_load_si512(kByLowerHalf.data()), bytes),
                                  _mm512_shuffle_epi8(_mm512_load_si512(kByUpperHalf.data()), upper))};
  }
};

#else

struct MarkCommonly {
  Marks operator()(const char* block) const {
    Marks marks{};
    for (std::size_t bit = 0; bit < kBlockBytes; ++bit) {
      const std::uint64_t mark = std::uint64_t{1} << bit;
      if (block[bit] == '\\') marks.backslashes |= mark;
      if (kCommonEscapes.find(block[bit]) != kCommonEscapes.npos) marks.common_escapes |= mark;
    }
    return marks;
  }
};

#endif

// Which bytes of a block stand behind a backslash that is not itself behind one: in each run of backslashes
// every second, and the byte behind a run of odd length. `carry` is a bit for the block's first byte, and
// afterwards for that of the next.
inline std::uint64_t escaped_bytes(std::uint64_t backslashes, std::uint64_t& carry) {
  constexpr std::uint64_t kEven = 0x5555555555555555;
  backslashes &= ~carry;
  const std::uint64_t behind = backslashes << 1 | carry;
  const std::uint64_t odd_starts = backslashes & ~kEven & ~behind;
  // The addition clears runs that begin at an odd bit, and leaves a bit behind each.
  std::uint64_t even_runs = 0;
  carry = __builtin_add_overflow(backslashes, odd_starts, &even_runs) ? 1 : 0;
  return behind & (kEven ^ even_runs << 1);
}

struct Scan {
  std::string_view text;
  std::uint64_t* starts;
  std::uint64_t* rare;
  std::uint64_t carry = 0;
  bool has_surrogate = false;
};

// Whether those of a block's bytes that are behind a backslash, and no common escape, are right.
[[gnu::noinline]] bool check_rare(Scan& scan, std::size_t block) {
  for (std::uint64_t rare = scan.rare[block]; rare != 0; rare &= rare - 1) {
    const std::size_t at = block * kBlockBytes + static_cast<std::size_t>(__builtin_ctzll(rare));
    if (at < scan.text.size() && scan.text[at] == '/') continue;
    const int unit = json::escaped_code_unit(scan.text, at - 1);
    if (unit < 0) return false;  // also behind the end of the text
    if (unit >= 0xD800 && unit <= 0xDFFF) scan.has_surrogate = true;
  }
  return true;
}

// The blocks from number `block` to `end`, whose bytes these are. Marking does not wait for what is carried
// from block to block, so it pays that both are in one loop; the carry must not go through memory.
template <class Mark>
[[gnu::always_inline]] inline bool scan_blocks(Scan& scan, const char* bytes, std::size_t block,
                                               std::size_t end, Mark mark) {
  std::uint64_t* const starts = scan.starts;
  std::uint64_t* const rare = scan.rare;
  std::uint64_t carry = scan.carry;
  for (; block < end; ++block, bytes += kBlockBytes) {
    const Marks marks = mark(bytes);
    const std::uint64_t escaped = escaped_bytes(marks.backslashes, carry);
    const std::uint64_t rare_ones = escaped & ~marks.common_escapes;
    starts[block] = marks.backslashes & ~escaped;
    rare[block] = rare_ones;
    if (rare_ones != 0 && !check_rare(scan, block)) return false;
  }
  scan.carry = carry;
  return true;
}

using ScanBlocks = bool (*)(Scan& scan, const char* bytes, std::size_t block, std::size_t end);

bool scan_commonly(Scan& scan, const char* bytes, std::size_t block, std::size_t end) {
  return scan_blocks(scan, bytes, block, end, MarkCommonly());
}

#if defined(__x86_64__)

DATAGEN_AVX2 bool scan_by_avx2(Scan& scan, const char* bytes, std::size_t block, std::size_t end) {
  return scan_blocks(scan, bytes, block, end, MarkByAvx2());
}

DATAGEN_AVX512 bool scan_by_avx512(Scan& scan, const char* bytes, std::size_t block, std::size_t end) {
  return scan_blocks(scan, bytes, block, end, MarkByAvx512());
}

ScanBlocks scan_by(Vectors vectors) {
  constexpr ScanBlocks kScans[] = {scan_commonly, scan_by_avx2, scan_by_avx512};
  return kScans[static_cast<std::size_t>(vectors)];
}

#else

ScanBlocks scan_by(Vectors) { return scan_commonly; }

#endif

}  // namespace

bool JsonEscapes::scan(std::string_view text) {
  const ScanBlocks scan_some = scan_by(vectors_);
  const std::size_t whole = text.size() / kBlockBytes;
  if (starts_.size() < whole + 2) {
    starts_.resize(whole + 2);
    rare_.resize(whole + 2);
  }
  char rest[kBlockBytes] = {};
  const std::string_view last = text.substr(whole * kBlockBytes);
  std::copy(last.begin(), last.end(), rest);
  Scan scan{text, starts_.data(), rare_.data()};
  const bool is_right = scan_some(scan, text.data(), 0, whole) && scan_some(scan, rest, whole, whole + 1);
  has_surrogate_ = scan.has_surrogate;
  return is_right;
}

}  // namespace datagen
