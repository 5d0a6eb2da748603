#include "record.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace datagen {

std::string lineage_id(std::uint64_t row, std::string_view path) {
  if (row == kNoRow) return std::string(path);
  std::string id = std::to_string(row);
  if (!path.empty()) id.append("_").append(path);
  return id;
}

bool parse_lineage_id(std::string_view id, std::uint64_t& row, std::string_view& path) {
  const std::string_view number = id.substr(0, id.find('_'));
  if (id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz_") != std::string_view::npos) return false;
  row = kNoRow;
  path = id;
  if (number.find_first_not_of("0123456789") != std::string_view::npos) return true;  // made at the end
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), row);
  path = id.substr(std::min(number.size() + 1, id.size()));
  return parsed.ec == std::errc();
}

}  // namespace datagen
