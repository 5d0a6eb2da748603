// Compresses whole units: a gzip member or a zstd frame each, with checksum.
//
// Owner: one thread, which reuses what the library allocates.
#pragma once

#include <memory>
#include <string_view>

#include "byte_buffer.h"
#include "datagen/input_stream.h"

namespace datagen {

class UnitPacker {
 public:
  virtual ~UnitPacker() = default;
  // Appends one unit that holds `content`, which may be empty. Throws std::bad_alloc.
  virtual void pack(std::string_view content, ByteBuffer& out) = 0;
};

struct PackLevels {
  int least, most, usual;
};
PackLevels levels_of(Compression compression);
std::unique_ptr<UnitPacker> make_packer(Compression compression, int level);

}  // namespace datagen
