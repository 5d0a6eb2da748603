// Counts, sizes, durations and shares as people write them.
#include "launcher/values.h"

#include <gtest/gtest.h>

#include <limits>

namespace datagen::launcher {
namespace {

template <class T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : result.error().message();
}

TEST(Values, AWholeNumberIsDigitsAndNothingElse) {
  EXPECT_EQ(parse_whole("0").value(), 0);
  EXPECT_EQ(parse_whole("-12").value(), -12);
  EXPECT_EQ(parse_whole("9223372036854775807").value(), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "-", "+5", " 5", "5 ", "5.0", "1e3", "1_000", "0x10", "five", "5;"}) {
    EXPECT_EQ(refusal(parse_whole(text)), "expected a whole number, got '" + std::string(text) + "'");
  }
  EXPECT_EQ(refusal(parse_whole("9223372036854775808")), "'9223372036854775808' is too large");
  EXPECT_EQ(refusal(parse_whole("007")), "'007' has leading zeros");
  EXPECT_EQ(refusal(parse_whole("-01")), "'-01' has leading zeros");
}

TEST(Values, ASizeHasUnitsOfThousandsOrOf1024) {
  EXPECT_EQ(parse_size("0").value(), 0);
  EXPECT_EQ(parse_size("4096").value(), 4096);
  EXPECT_EQ(parse_size("7B").value(), 7);
  EXPECT_EQ(parse_size("2KB").value(), 2'000);
  EXPECT_EQ(parse_size("3MB").value(), 3'000'000);
  EXPECT_EQ(parse_size("4GB").value(), 4'000'000'000);
  EXPECT_EQ(parse_size("5TB").value(), 5'000'000'000'000);
  EXPECT_EQ(parse_size("2KiB").value(), 2048);
  EXPECT_EQ(parse_size("64MiB").value(), 64 << 20);
  EXPECT_EQ(parse_size("1GiB").value(), 1 << 30);
  EXPECT_EQ(parse_size("1TiB").value(), std::int64_t{1} << 40);
}

TEST(Values, ASizeThatIsNoneIsRefusedWithTheRightForm) {
  for (const char* text : {"", "MiB", "-5", "1.5GiB", "64 MiB", "64mib", "64MiBs", "64Mi"}) {
    EXPECT_EQ(refusal(parse_size(text)), "expected a size such as 64MiB, got '" + std::string(text) + "'");
  }
  EXPECT_EQ(refusal(parse_size("64M")), "expected a size such as 64MiB, got '64M' (did you mean '64MiB'?)");
  EXPECT_EQ(refusal(parse_size("2g")), "expected a size such as 64MiB, got '2g' (did you mean '2GiB'?)");
  EXPECT_EQ(refusal(parse_size("064")), "'064' has leading zeros");
  EXPECT_EQ(refusal(parse_size("064MiB")), "'064' has leading zeros");
  EXPECT_EQ(refusal(parse_size("8388608TiB")), "'8388608TiB' is too large");
  EXPECT_EQ(parse_size("8388607TiB").value(), (std::int64_t{1} << 40) * 8388607);
  EXPECT_EQ(refusal(parse_size("99999999999999999999")), "'99999999999999999999' is too large");
  EXPECT_EQ(refusal(parse_size("99999999999999999999KB")), "'99999999999999999999' is too large");
}

TEST(Values, ADurationNeedsItsUnit) {
  EXPECT_EQ(parse_duration("0").value(), 0);
  EXPECT_EQ(parse_duration("0s").value(), 0);
  EXPECT_EQ(parse_duration("250ms").value(), 250);
  EXPECT_EQ(parse_duration("30s").value(), 30'000);
  EXPECT_EQ(parse_duration("5m").value(), 300'000);
  EXPECT_EQ(parse_duration("2h").value(), 7'200'000);
  EXPECT_EQ(parse_duration("1d").value(), 86'400'000);
  EXPECT_EQ(refusal(parse_duration("30")), "'30' has no unit: write 30s for seconds (ms, s, m, h, d)");
  for (const char* text : {"", "s", "-5s", "1.5s", "5 s", "5min", "5S", "1h30m"}) {
    EXPECT_EQ(refusal(parse_duration(text)),
              "expected a duration such as 30s, got '" + std::string(text) + "'");
  }
  EXPECT_EQ(refusal(parse_duration("030")), "'030' has leading zeros");
  EXPECT_EQ(refusal(parse_duration("030s")), "'030s' has leading zeros");
  EXPECT_EQ(refusal(parse_duration("9223372036854775807d")), "'9223372036854775807d' is too large");
}

TEST(Values, DeadLettersAreLimitedByCountOrByShare) {
  EXPECT_EQ(parse_dead_letter_limit("0").value().count, 0);
  EXPECT_EQ(parse_dead_letter_limit("100").value().count, 100);
  EXPECT_EQ(parse_dead_letter_limit("5%").value().count, std::nullopt);
  EXPECT_DOUBLE_EQ(parse_dead_letter_limit("5%").value().share, 0.05);
  EXPECT_DOUBLE_EQ(parse_dead_letter_limit("0.5%").value().share, 0.005);
  EXPECT_DOUBLE_EQ(parse_dead_letter_limit("100%").value().share, 1);
  EXPECT_DOUBLE_EQ(parse_dead_letter_limit("0%").value().share, 0);
  for (const char* text :
       {"", "%", "-1", "-1%", "-0%", "101%", "nan%", "inf%", "1e1%", "5 %", "5%%", "0.05", "5percent"}) {
    EXPECT_EQ(refusal(parse_dead_letter_limit(text)),
              "expected a count or a share such as 5%, got '" + std::string(text) + "'");
  }
  EXPECT_EQ(refusal(parse_dead_letter_limit("05%")), "'05%' has leading zeros");
  EXPECT_EQ(refusal(parse_dead_letter_limit("05")), "'05' has leading zeros");
}

TEST(Values, BytesAreShownInTheLargestUnitThatFits) {
  EXPECT_EQ(show_bytes(0), "0 bytes");
  EXPECT_EQ(show_bytes(1023), "1023 bytes");
  EXPECT_EQ(show_bytes(256 << 10), "256 KiB");
  EXPECT_EQ(show_bytes(3 << 19), "1.5 MiB");
  EXPECT_EQ(show_bytes(std::numeric_limits<std::uint64_t>::max()), "16 EiB");
}

TEST(Values, OnlyDecimalNumbersHaveLeadingZeros) {
  for (const char* text : {"007", "00", "-01", "+01", "007.5", "01e3", "01.5E-3", "00.0"})
    EXPECT_TRUE(has_leading_zeros(text)) << text;
  for (const char* text :
       {"", "0", "-0", "0.5", "0e3", "10", "0x10", "00:12", "01-02-2024", "00.1.2", "007a", "0_1", ".01"}) {
    EXPECT_FALSE(has_leading_zeros(text)) << text;
  }
}

}  // namespace
}  // namespace datagen::launcher
