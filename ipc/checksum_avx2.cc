// Compiled for processors with AVX2. Includes nothing whose inline functions the linker could take from here
// for other files: xxhash's are static with XXH_INLINE_ALL.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace datagen::ipc {

// size_t and uint64_t of ipc/checksum.h, which is not included for the reason above.
XXH64_hash_t checksum64_avx2(const void* bytes, size_t count, XXH64_hash_t seed);

XXH64_hash_t checksum64_avx2(const void* bytes, size_t count, XXH64_hash_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

}  // namespace datagen::ipc
