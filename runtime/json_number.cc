#include "json_number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>

#include "json_scan.h"

namespace datagen::json {

namespace {

// A number of few digits and without exponent. Its digits and the power of ten are both doubles as they are,
// so their quotient is rounded once, and right (Clinger 1990). Nothing: not one of these.
std::optional<double> short_number(std::string_view text) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
  const bool is_negative = text.front() == '-';
  if (is_negative) text.remove_prefix(1);
  if (text.size() > std::size(kPowers)) return std::nullopt;
  std::uint64_t digits = 0;
  std::size_t behind_point = 0;  // where the digits behind it begin
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '.') {
      behind_point = at + 1;
    } else if (is_digit(text[at])) {
      digits = 10 * digits + static_cast<std::uint64_t>(text[at] - '0');
    } else {
      return std::nullopt;
    }
  }
  const double value =
      static_cast<double>(digits) / kPowers[behind_point == 0 ? 0 : text.size() - behind_point];
  return is_negative ? -value : value;
}

}  // namespace

std::optional<double> to_double(std::string_view number) {
  if (const auto value = short_number(number)) return value;
  double value = 0;
  // It gives up on what is too small as well, where Python and simdjson say 0.
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc())
    value = std::strtod(std::string(number).c_str(), nullptr);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace datagen::json
