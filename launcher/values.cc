#include "launcher/values.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace datagen::launcher {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr Unit kSizeUnits[] = {
    {"B", 1},
    {"KB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", std::int64_t{1} << 10},
    {"MiB", std::int64_t{1} << 20},
    {"GiB", std::int64_t{1} << 30},
    {"TiB", std::int64_t{1} << 40},
};
constexpr Unit kDurationUnits[] = {
    {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

Error refuse(std::string_view text, std::string_view expected) {
  return Error(fmt::format("expected {}, got '{}'", expected, text));
}

// The digits that `text` begins with, and what follows them.
struct Split {
  std::string_view digits, rest;
};
Split split_number(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  return {text.substr(0, digits), text.substr(digits)};
}

template <std::size_t count>
Result<std::int64_t> with_unit(std::string_view text, const Unit (&units)[count], std::string_view rest,
                               std::string_view digits, std::string_view expected) {
  const auto number = parse_whole(digits);
  if (!number) return digits.empty() ? refuse(text, expected) : number.error();
  for (const Unit& unit : units) {
    if (unit.name != rest) continue;
    if (number.value() > std::numeric_limits<std::int64_t>::max() / unit.factor)
      return Error(fmt::format("'{}' is too large", text));
    return number.value() * unit.factor;
  }
  return refuse(text, expected);
}

}  // namespace

bool has_leading_zeros(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  // Also 007.5 and 01e3, but not 0.5, and not 0x10, 00:12 or 01-02, which are no decimal numbers.
  const Split whole = split_number(text);
  if (whole.digits.size() < 2 || whole.digits.front() != '0') return false;
  std::string_view rest = whole.rest;
  if (rest.starts_with('.')) rest = split_number(rest.substr(1)).rest;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    rest = split_number(rest).rest;
  }
  return rest.empty();
}

Result<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return Error(fmt::format("'{}' is too large", text));
  if (error != std::errc() || end != text.data() + text.size()) return refuse(text, "a whole number");
  if (has_leading_zeros(text)) return Error(fmt::format("'{}' has leading zeros", text));
  return value;
}

Result<std::int64_t> parse_size(std::string_view text) {
  constexpr std::string_view kExpected = "a size such as 64MiB";
  const Split split = split_number(text);
  if (split.rest.empty()) {
    if (split.digits.empty()) return refuse(text, kExpected);
    return parse_whole(split.digits);
  }
  if (split.rest.size() == 1 &&
      std::string_view("kKmMgGtT").find(split.rest.front()) != std::string_view::npos) {
    const char unit = static_cast<char>(split.rest.front() & ~0x20);
    return Error(
        fmt::format("expected {}, got '{}' (did you mean '{}{}iB'?)", kExpected, text, split.digits, unit));
  }
  return with_unit(text, kSizeUnits, split.rest, split.digits, kExpected);
}

Result<std::int64_t> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  const Split split = split_number(text);
  if (has_leading_zeros(split.digits)) return Error(fmt::format("'{}' has leading zeros", text));
  if (split.rest.empty() && !split.digits.empty()) {
    return Error(fmt::format("'{}' has no unit: write {}s for seconds (ms, s, m, h, d)", text, text));
  }
  return with_unit(text, kDurationUnits, split.rest, split.digits, "a duration such as 30s");
}

Result<DeadLetterLimit> parse_dead_letter_limit(std::string_view text) {
  constexpr std::string_view kExpected = "a count or a share such as 5%";
  if (text.ends_with('%')) {
    const std::string_view number = text.substr(0, text.size() - 1);
    double percent = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), percent, std::chars_format::fixed);
    const bool is_whole =
        error == std::errc() && end == number.data() + number.size() && !number.starts_with('-');
    // NaN is neither.
    if (!is_whole || !(percent >= 0 && percent <= 100)) return refuse(text, kExpected);
    if (has_leading_zeros(number)) return Error(fmt::format("'{}' has leading zeros", text));
    return DeadLetterLimit{{}, percent / 100};
  }
  if (has_leading_zeros(text)) return Error(fmt::format("'{}' has leading zeros", text));
  const auto count = parse_whole(text);
  if (!count || count.value() < 0) return refuse(text, kExpected);
  return DeadLetterLimit{count.value(), 0};
}

bool DeadLetterLimit::is_exceeded(std::uint64_t dead, std::uint64_t records) const {
  if (count) return dead > static_cast<std::uint64_t>(*count);
  return static_cast<double>(dead) > share * static_cast<double>(records);
}

std::string DeadLetterLimit::show() const {
  return count ? std::to_string(*count) : fmt::format("{:g}%", share * 100);
}

std::string show_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double shown = static_cast<double>(bytes);
  for (; shown >= 1024 && unit + 1 < std::size(kUnits); ++unit) shown /= 1024;
  const bool is_whole = shown == static_cast<double>(static_cast<std::uint64_t>(shown));
  return is_whole ? fmt::format("{:.0f} {}", shown, kUnits[unit])
                  : fmt::format("{:.1f} {}", shown, kUnits[unit]);
}

}  // namespace datagen::launcher
