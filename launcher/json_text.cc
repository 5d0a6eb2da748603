#include "launcher/json_text.h"

#include <fmt/format.h>

#include <cmath>

#include "ipc/result.h"

namespace datagen::launcher {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += '\\';
      out += letter;
    } else if (letter == '\n') {
      out += "\\n";
    } else if (letter == '\t') {
      out += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out += letter;
    }
  }
  return out += '"';
}

std::string json_number(double value) {
  DATAGEN_CHECK(std::isfinite(value), "%f has no JSON form", value);
  // 2^53: whole numbers up to here are exact. -0 keeps its sign as a fraction.
  const bool is_negative_zero = value == 0 && std::signbit(value);
  if (value == std::floor(value) && std::fabs(value) <= 9007199254740992.0 && !is_negative_zero) {
    return fmt::format("{}", static_cast<long long>(value));
  }
  return is_negative_zero ? "-0.0" : fmt::format("{}", value);
}

}  // namespace datagen::launcher
