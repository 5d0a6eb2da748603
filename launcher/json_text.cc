#include "launcher/json_text.h"

#include <fmt/format.h>

#include <cmath>

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
  // 2^53: whole numbers up to here are exact.
  if (value == std::floor(value) && std::fabs(value) <= 9007199254740992.0) {
    return fmt::format("{}", static_cast<long long>(value));
  }
  return fmt::format("{}", value);
}

}  // namespace datagen::launcher
