#include "line_ends.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace datagen {

namespace {

constexpr std::size_t kBlockBytes = 64;
using Block = const char*;  // of so many bytes

// A mark gives the newlines of a block, a bit for each; `returns` stays 0 as long as it meets no \r.

#if defined(__x86_64__)

struct MarkCommonly {
  std::uint64_t operator()(Block block, std::uint64_t& returns) const {
    std::uint64_t found = 0;
    for (std::size_t part = 0; part < kBlockBytes / sizeof(__m128i); ++part) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + part);
      const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
      found |= static_cast<std::uint64_t>(bits) << (sizeof bytes * part);
      returns |= static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'))));
    }
    return found;
  }
};

struct MarkByAvx2 {
  DATAGEN_AVX2 std::uint64_t operator()(Block block, std::uint64_t& returns) const {
    const auto marks = [&returns](Block at) DATAGEN_AVX2 {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      returns |=
          static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r'))));
      return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n'))));
    };
    return marks(block) | std::uint64_t{marks(block + 32)} << 32;
  }
};

struct MarkByAvx512 {
  DATAGEN_AVX512 std::uint64_t operator()(Block block, std::uint64_t& returns) const {
    const __m512i bytes = _mm512_loadu_si512(block);
    returns |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\r'));
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'));
  }
};

#else

struct MarkCommonly {
  std::uint64_t operator()(Block block, std::uint64_t& returns) const {
    std::uint64_t found = 0;
    for (std::size_t bit = 0; bit < kBlockBytes; ++bit) {
      found |= std::uint64_t{block[bit] == '\n'} << bit;
      returns |= std::uint64_t{block[bit] == '\r'};
    }
    return found;
  }
};

#endif

// Adds the line ends of some blocks, of which the first begins at `offset`, and gives how many there are.
// Where lines are as long as a block or longer, none has more than two: these are written whether they are
// there or not, since nobody can foresee it. `ends` has room for as many as there are bytes, and two.
template <class Mark>
[[gnu::always_inline]] inline std::size_t find_in_blocks(const char* bytes, std::size_t blocks,
                                                         std::uint32_t offset, std::uint32_t* ends,
                                                         std::uint64_t& returns, Mark mark) {
  std::uint32_t* to = ends;
  std::uint64_t met = 0;  // a register, which a caller's word is not
  for (; blocks > 0; --blocks, bytes += kBlockBytes, offset += kBlockBytes) {
    std::uint64_t marks = mark(bytes, met);
    std::uint32_t* const behind = to + std::popcount(marks);
    const auto take = [&] {
      *to++ = offset + static_cast<std::uint32_t>(std::countr_zero(marks));
      marks &= marks - 1;
    };
    take();
    take();
    while (to < behind) take();
    to = behind;
  }
  returns |= met;
  return static_cast<std::size_t>(to - ends);
}

using FindInBlocks = std::size_t (*)(const char* bytes, std::size_t blocks, std::uint32_t offset,
                                     std::uint32_t* ends, std::uint64_t& returns);

std::size_t find_commonly(const char* bytes, std::size_t blocks, std::uint32_t offset, std::uint32_t* ends,
                          std::uint64_t& returns) {
  return find_in_blocks(bytes, blocks, offset, ends, returns, MarkCommonly());
}

#if defined(__x86_64__)

DATAGEN_AVX2 std::size_t find_by_avx2(const char* bytes, std::size_t blocks, std::uint32_t offset,
                                      std::uint32_t* ends, std::uint64_t& returns) {
  return find_in_blocks(bytes, blocks, offset, ends, returns, MarkByAvx2());
}

DATAGEN_AVX512 std::size_t find_by_avx512(const char* bytes, std::size_t blocks, std::uint32_t offset,
                                          std::uint32_t* ends, std::uint64_t& returns) {
  return find_in_blocks(bytes, blocks, offset, ends, returns, MarkByAvx512());
}

FindInBlocks find_by(Vectors vectors) {
  constexpr FindInBlocks kFinds[] = {find_commonly, find_by_avx2, find_by_avx512};
  return kFinds[static_cast<std::size_t>(vectors)];
}

#else

FindInBlocks find_by(Vectors) { return find_commonly; }

#endif

}  // namespace

std::span<const std::uint32_t> LineEnds::find(std::string_view text) {
  constexpr std::size_t kBlocksAtOnce = 64;  // between two looks at the room for what is found
  const FindInBlocks find_some = find_by(vectors_);
  std::size_t count = 0;
  returns_ = 0;
  const auto add = [&](const char* bytes, std::size_t blocks, std::size_t offset) {
    const std::size_t most = count + blocks * kBlockBytes + 2;
    if (found_.size() < most) found_.resize(2 * most);
    count += find_some(bytes, blocks, static_cast<std::uint32_t>(offset), found_.data() + count, returns_);
  };
  const std::size_t whole = text.size() / kBlockBytes;
  for (std::size_t block = 0; block < whole; block += kBlocksAtOnce)
    add(text.data() + block * kBlockBytes, std::min(kBlocksAtOnce, whole - block), block * kBlockBytes);
  char rest[kBlockBytes] = {};
  const std::string_view last = text.substr(whole * kBlockBytes);
  std::copy(last.begin(), last.end(), rest);
  add(rest, 1, whole * kBlockBytes);
  return {found_.data(), count};
}

}  // namespace datagen
