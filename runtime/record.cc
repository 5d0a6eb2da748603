#include "record.h"

namespace datagen {

std::string lineage_id(std::uint64_t row, std::string_view path) {
  if (row == kNoRow) return std::string(path);
  std::string id = std::to_string(row);
  if (!path.empty()) id.append("_").append(path);
  return id;
}

}  // namespace datagen
