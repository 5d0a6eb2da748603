// Functions for what only some processors can do, chosen at run time: every x86-64 has SSE2, most have AVX2.
#pragma once

#include <cstdint>

#define DATAGEN_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define DATAGEN_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt")))

namespace datagen {

// Each can what those before it can. The first is what every processor of its kind has.
enum class Vectors : std::uint8_t { common, avx2, avx512 };

#if defined(__x86_64__)

inline Vectors best_vectors() {
  const auto has_all = [](auto... has) { return (... && (has != 0)); };
  if (!has_all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("bmi"), __builtin_cpu_supports("bmi2"),
               __builtin_cpu_supports("popcnt")))
    return Vectors::common;
  const bool has_avx512 =
      has_all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"),
              __builtin_cpu_supports("avx512vbmi"), __builtin_cpu_supports("avx512vbmi2"));
  return has_avx512 ? Vectors::avx512 : Vectors::avx2;
}

#else

inline Vectors best_vectors() { return Vectors::common; }

#endif

}  // namespace datagen
