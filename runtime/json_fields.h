// Reading the fields of JSON objects that this project's own programs wrote: plans, commits, descriptions,
// dead letters. A field that is missing, or of another type, reads as the fallback.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace datagen::json {

inline std::uint64_t number(simdjson::dom::element object, std::string_view key, std::uint64_t fallback = 0) {
  std::uint64_t value = fallback;
  return object[key].get(value) == simdjson::SUCCESS ? value : fallback;
}

inline std::string text_of(simdjson::dom::element object, std::string_view key,
                           std::string_view fallback = "") {
  std::string_view value;
  return std::string(object[key].get(value) == simdjson::SUCCESS ? value : fallback);
}

inline bool flag(simdjson::dom::element object, std::string_view key, bool fallback = false) {
  bool value = fallback;
  return object[key].get(value) == simdjson::SUCCESS ? value : fallback;
}

inline std::vector<simdjson::dom::element> list(simdjson::dom::element object, std::string_view key) {
  simdjson::dom::array values;
  if (object[key].get(values) != simdjson::SUCCESS) return {};
  return {values.begin(), values.end()};
}

}  // namespace datagen::json
