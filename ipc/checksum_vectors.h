// The body of checksum_avx2.cc and checksum_avx512.cc, which say in DATAGEN_CHECKSUM64 how theirs is called,
// and are compiled for such processors. Includes nothing whose inline functions the linker could take from
// there for other files: xxhash's are static with XXH_INLINE_ALL.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace datagen::ipc {

// size_t and uint64_t of ipc/checksum.h, which is not included for the reason above.
XXH64_hash_t DATAGEN_CHECKSUM64(const void* bytes, size_t count, XXH64_hash_t seed);

XXH64_hash_t DATAGEN_CHECKSUM64(const void* bytes, size_t count, XXH64_hash_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

}  // namespace datagen::ipc
