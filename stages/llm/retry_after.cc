#include "llm/retry_after.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;

constexpr double kLongestMs = 24 * 3600 * 1000.0;  // whoever says more is mistaken

double unit_ms(std::string_view unit) {
  return unit == "ms"                  ? 1
         : unit == "s" || unit.empty() ? 1000
         : unit == "m"                 ? 60'000
         : unit == "h"                 ? 3'600'000
                                       : -1;
}

}  // namespace

milliseconds parse_span(std::string_view text) {
  double total = 0;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !(value >= 0)) return milliseconds(0);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::size_t length = std::min(text.find_first_of("0123456789."), text.size());
    const double unit = unit_ms(text.substr(0, length));
    if (unit < 0) return milliseconds(0);
    text.remove_prefix(length);
    total += value * unit;
  }
  return milliseconds(static_cast<std::int64_t>(std::min(total, kLongestMs)));
}

milliseconds retry_after(const HttpResponse& response) {
  if (const auto text = response.header("retry-after-ms"); !text.empty())
    return parse_span(std::string(text) + "ms");
  const std::string_view text = response.header("retry-after");
  if (text.empty()) return milliseconds(0);
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return parse_span(text);
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return milliseconds(0);
  return milliseconds(std::max<std::int64_t>(0, date - std::time(nullptr)) * 1000);
}

milliseconds rate_limit_pause(const HttpResponse& response) {
  milliseconds longest(0);
  for (const char* what : {"requests", "tokens"}) {
    if (response.header(std::string("x-ratelimit-remaining-") + what) != "0") continue;
    longest = std::max(longest, parse_span(response.header(std::string("x-ratelimit-reset-") + what)));
  }
  return longest;
}

}  // namespace datagen::llm
