// Functions for processors with AVX2, chosen at run time: every x86-64 has SSE2, most have AVX2.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>

#define DATAGEN_AVX2 __attribute__((target("avx2")))

namespace datagen {

inline bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }

}  // namespace datagen
#endif
