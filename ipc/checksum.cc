#include "ipc/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace datagen::ipc {

#if defined(DATAGEN_CHECKSUM_AVX)
std::uint64_t checksum64_avx2(const void* bytes, std::size_t count, std::uint64_t seed);
std::uint64_t checksum64_avx512(const void* bytes, std::size_t count, std::uint64_t seed);
#endif

namespace {

using Checksum = std::uint64_t (*)(const void*, std::size_t, std::uint64_t);

std::uint64_t checksum64_everywhere(const void* bytes, std::size_t count, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

Checksum choose() {
#if defined(DATAGEN_CHECKSUM_AVX)
  // VBMI2 is not used: it tells processors apart that do not slow down for vectors of this width.
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0)
    return checksum64_avx512;
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
