// The order of the rules; whole runs are in tests/end_to_end/merged_inputs.py.
#include "merge/merge_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "merge/merge_spec.h"

namespace datagen {
namespace {

using Turns = std::vector<std::uint8_t>;

TEST(Turns, AreSpreadAsEvenlyAsTheWeightsAllow) {
  EXPECT_EQ(make_turns({1, 1, 1}, 0), (Turns{0, 1, 2}));
  EXPECT_EQ(make_turns({3, 1}, 0), (Turns{0, 0, 1, 0}));
  EXPECT_EQ(make_turns({5, 1, 1}, 0), (Turns{0, 0, 1, 0, 2, 0, 0}));
}

TEST(Turns, WhoHasEndedGetsNone) {
  EXPECT_EQ(make_turns({3, 1, 2}, 0b001), make_turns({0, 1, 2}, 0));
  EXPECT_EQ(make_turns({3, 1}, 0b10), (Turns{0, 0, 0}));
}

TEST(Turns, EachHasItsShareOfARoundAndIsNeverFarFromIt) {
  const std::vector<std::uint32_t> weights = {7, 1, 12, 5};
  const Turns turns = make_turns(weights, 0);
  ASSERT_EQ(turns.size(), 25u);
  for (std::size_t input = 0; input < weights.size(); ++input) {
    EXPECT_EQ(std::ranges::count(turns, input), weights[input]);
    for (std::size_t end = 1; end <= turns.size(); ++end) {
      const auto had =
          static_cast<double>(std::count(turns.begin(), turns.begin() + static_cast<long>(end), input));
      EXPECT_NEAR(had, static_cast<double>(weights[input] * end) / 25, 2) << input << " of " << end;
    }
  }
}

TEST(Weights, AreWholeNumbersInTheirProportions) {
  using Whole = std::vector<std::uint32_t>;
  EXPECT_EQ(whole_weights({"3", "1"}), (Whole{3, 1}));
  EXPECT_EQ(whole_weights({"0.5", "0.2", "0.3"}), (Whole{5, 2, 3}));
  EXPECT_EQ(whole_weights({"100", "50"}), (Whole{2, 1}));
  EXPECT_EQ(whole_weights({"1.50", "0.5"}), (Whole{3, 1}));
}

TEST(Weights, WhatIsNoneIsRefused) {
  for (const char* wrong : {"0", "-1", "", ".", "1e3", "many", "0.0000001", "1.2.3", "9999999", "0.000000"})
    EXPECT_THROW(whole_weights({"1", wrong}), std::invalid_argument) << wrong;
  EXPECT_THROW(whole_weights({"0.333333", "1"}), std::invalid_argument);  // a round of 1,333,333
}

std::string refusal(const std::string& json) {
  try {
    read_merge_specs(json);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "read";
}

TEST(MergeSpecs, AreReadWithTheirParameters) {
  const auto specs = read_merge_specs(
      R"([{"name":"web","uri":"jsonl:///web/"},{"name":"shop","uri":"csv:///s.csv","params":{"delimiter":";"}}])");
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].path, "/web/");
  EXPECT_EQ(std::get<std::string>(specs[1].parameters.at("delimiter")), ";");
  EXPECT_EQ(std::get<bool>(specs[1].parameters.at("header")), true);
}

TEST(MergeSpecs, WhatIsWrongIsSaid) {
  EXPECT_NE(refusal("[]").find("expected a list"), std::string::npos);
  EXPECT_NE(refusal(R"([{"name":"a","uri":"memory://x"}])").find("a: memory:// cannot be read together"),
            std::string::npos);
  EXPECT_NE(refusal(R"([{"name":"a","uri":"jsonl:///a","params":{"delimiter":";"}}])")
                .find("no parameter 'delimiter'"),
            std::string::npos);
  EXPECT_NE(
      refusal(R"([{"name":"a","uri":"jsonl:///a"},{"name":"a","uri":"jsonl:///b"}])").find("two inputs a"),
      std::string::npos);
  std::string many;
  for (int input = 0; input < 17; ++input)
    many += (input == 0 ? "" : ",") + std::string(R"({"name":"i)") + std::to_string(input) +
            R"(","uri":"jsonl:///a"})";
  EXPECT_NE(refusal("[" + many + "]").find("17 inputs; 16 is the most"), std::string::npos);
}

}  // namespace
}  // namespace datagen
