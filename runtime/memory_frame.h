// A frame of memory:// that leaves the run: this header, then its records as JSON Lines.
#pragma once

#include <cstdint>

namespace datagen {

struct MemoryFrameHeader {
  std::uint64_t first;    // records of the output that lie before it
  std::uint64_t records;  // in it
};

}  // namespace datagen
