#include "ipc/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace datagen::ipc {

#if defined(DATAGEN_CHECKSUM_AVX2)
std::uint64_t checksum64_avx2(const void* bytes, std::size_t count, std::uint64_t seed);
#endif

namespace {

using Checksum = std::uint64_t (*)(const void*, std::size_t, std::uint64_t);

std::uint64_t checksum64_everywhere(const void* bytes, std::size_t count, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

Checksum choose() {
#if defined(DATAGEN_CHECKSUM_AVX2)
  if (__builtin_cpu_supports("avx2") != 0) return checksum64_avx2;
#endif
  return checksum64_everywhere;
}

}  // namespace

std::uint64_t checksum64(const void* bytes, std::size_t count, std::uint64_t seed) {
  static const Checksum chosen = choose();
  return chosen(bytes, count, seed);
}

}  // namespace datagen::ipc
