// JSON text that every reader reads back.
#include "launcher/json_text.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cmath>
#include <limits>

namespace datagen::launcher {
namespace {

TEST(JsonText, AStringReadsBackAsItWas) {
  std::string all;
  for (int code = 0; code < 0x80; ++code) all += static_cast<char>(code);
  all += "ä€😀";
  simdjson::dom::parser parser;
  const std::string json = json_string(all);
  std::string_view read;
  ASSERT_EQ(parser.parse(json).get(read), simdjson::SUCCESS) << json;
  EXPECT_EQ(read, all);
}

TEST(JsonText, AStringIsEscapedOnlyWhereItMustBe) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a/b ä"), "\"a/b ä\"");
  EXPECT_EQ(json_string("\"\\\n\t\x01\x7f"), "\"\\\"\\\\\\n\\t\\u0001\\u007f\"");
}

TEST(JsonText, ANumberReadsBackAsTheSameDouble) {
  for (const double value : {0.0, -0.0, 1.0, -1.0, 0.1, 1e-300, 1e300, 4.9e-324, 9007199254740992.0,
                             9007199254740994.0, -1e16, 123456789.125, std::numeric_limits<double>::max()}) {
    simdjson::dom::parser parser;
    const std::string json = json_number(value);
    double read = 7;
    ASSERT_EQ(parser.parse(json).get(read), simdjson::SUCCESS) << json;
    EXPECT_EQ(read, value) << json;
    EXPECT_EQ(std::signbit(read), std::signbit(value)) << json;
  }
}

TEST(JsonText, AWholeNumberHasNoFraction) {
  EXPECT_EQ(json_number(100), "100");
  EXPECT_EQ(json_number(-3), "-3");
  EXPECT_EQ(json_number(0), "0");
}

TEST(JsonTextDeathTest, ANumberWithoutJsonFormEndsTheProgram) {
  EXPECT_DEATH(static_cast<void>(json_number(std::nan(""))), "has no JSON form");
  EXPECT_DEATH(static_cast<void>(json_number(std::numeric_limits<double>::infinity())), "has no JSON form");
}

}  // namespace
}  // namespace datagen::launcher
