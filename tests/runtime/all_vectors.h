// What this processor can do, for tests that try each.
#pragma once

#include <string>
#include <vector>

#include "vectors.h"

namespace datagen {

inline std::vector<Vectors> all_vectors() {
  std::vector<Vectors> all;
  for (const Vectors vectors : {Vectors::common, Vectors::avx2, Vectors::avx512}) {
    if (vectors <= best_vectors()) all.push_back(vectors);
  }
  return all;
}

inline std::string name_of(Vectors vectors) {
  constexpr const char* kNames[] = {"Common", "Avx2", "Avx512"};
  return kNames[static_cast<int>(vectors)];
}

}  // namespace datagen
