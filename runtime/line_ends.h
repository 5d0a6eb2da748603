// Where the lines of a text end: all of them in one pass by vectors, instead of a search for each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vectors.h"

namespace datagen {

class LineEnds {
 public:
  explicit LineEnds(Vectors vectors = best_vectors()) : vectors_(vectors) {}

  // Offsets of every \n of a text of less than 4 GiB, in their order. Valid until the next call.
  std::span<const std::uint32_t> find(std::string_view text);
  // A \r stands somewhere in that text.
  bool has_returns() const { return returns_ != 0; }

 private:
  Vectors vectors_;
  std::uint64_t returns_ = 0;
  std::vector<std::uint32_t> found_;  // more than there are, to be used again
};

}  // namespace datagen
