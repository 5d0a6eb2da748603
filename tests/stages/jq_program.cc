// Expressions on records: what they give, and what keeps its bytes.
#include "jq/jq_program.h"

#include <datagen/errors.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace datagen {
namespace {

std::vector<std::string> results(const char* expression, const char* record) {
  JqProgram program(expression);
  std::vector<std::string> all;
  program.run(record, [&](std::string_view json) { all.emplace_back(json); });
  return all;
}

std::string reason_of(const char* expression, const char* record) {
  try {
    results(expression, record);
  } catch (const BadRecord& bad) {
    return bad.reason();
  }
  return "none";
}

using Texts = std::vector<std::string>;

TEST(JqProgram, FalseAndNullAreNotTrue) {
  EXPECT_TRUE(JqProgram(".a").is_true(R"({"a":0})"));
  EXPECT_FALSE(JqProgram(".a").is_true(R"({"a":false})"));
  EXPECT_FALSE(JqProgram(".a").is_true("{}"));
  EXPECT_FALSE(JqProgram("empty").is_true("{}"));
  EXPECT_TRUE(JqProgram(".a[]").is_true(R"({"a":[null,1]})"));
}

TEST(JqProgram, WhatStaysAtItsPlaceKeepsItsBytes) {
  const char* record =
      R"({"big":12345678901234567890,"x":1.0,"in":{"e":1e2,"s":"\u00e4","n":[9007199254740993]}})";
  EXPECT_EQ(results(".", record), Texts{record});
  EXPECT_EQ(results(".in.s = 1 | .in.n[1] = 2", record),
            Texts{R"({"big":12345678901234567890,"x":1.0,"in":{"e":1e2,"s":1,"n":[9007199254740993,2]}})"});
  EXPECT_EQ(results("{x, big}", record), Texts{R"({"x":1.0,"big":12345678901234567890})"});
}

TEST(JqProgram, OfDuplicateKeysTheLastCounts) {
  EXPECT_EQ(results(".b = 1", R"({"a":9007199254740992,"\u0061":9007199254740993})"),
            Texts{R"({"a":9007199254740993,"b":1})"});
}

TEST(JqProgram, DigitsAreNotLostSilently) {
  EXPECT_EQ(reason_of("{b: .a}", R"({"a":9007199254740993})"), "number_precision");
  EXPECT_EQ(reason_of("{b: [.a]}", R"({"a":9007199254740992})"), "number_precision");
  EXPECT_EQ(reason_of("{b: .a}", R"({"a":9007199254740991})"), "none");
}

TEST(JqProgram, ErrorsNameTheExpressionAndLeaveTheProgramUsable) {
  JqProgram program(".a + 1");
  for (int round = 0; round < 3; ++round) {
    try {
      program.is_true(R"({"a":"x"})");
      FAIL() << "no error";
    } catch (const BadRecord& bad) {
      EXPECT_EQ(bad.reason(), "expression_error");
      EXPECT_STREQ(bad.what(), "string (\"x\") and number (1) cannot be added (in the expression .a + 1)");
    }
    EXPECT_TRUE(program.is_true(R"({"a":1})"));
  }
  EXPECT_EQ(reason_of("halt", "{}"), "expression_error");
  EXPECT_EQ(reason_of("input", "{}"), "expression_error");
}

TEST(JqProgram, WhatDoesNotCompileIsRefused) {
  EXPECT_THROW(JqProgram(".a =="), std::invalid_argument);
  EXPECT_THROW(JqProgram(std::string(".a\0", 3)), std::invalid_argument);
}

}  // namespace
}  // namespace datagen
