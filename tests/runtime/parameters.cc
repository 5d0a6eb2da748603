// Declared parameters: parsing, checking, completing, and the Context that hands them out.
#include "datagen/parameters.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>

#include "context_state.h"

namespace datagen {
namespace {

std::string refusal(const Parameter& parameter, std::string_view text) {
  try {
    parse_parameter(parameter, text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Parameters, KeepTheOrderAndWordsOfTheirDeclaration) {
  Parameters p;
  p.integer("max", 100).min(1).max(200).help("records per domain");
  p.text("key").required().secret();
  p.describe("one line", "stages: [x]");
  ASSERT_EQ(p.all().size(), 2u);
  const Parameter& max = p.all()[0];
  EXPECT_EQ(max.name, "max");
  EXPECT_EQ(max.type, Parameter::Type::integer);
  EXPECT_EQ(max.default_value, ParameterValue(std::int64_t{100}));
  EXPECT_EQ(max.min, 1.0);
  EXPECT_EQ(max.max, 200.0);
  EXPECT_EQ(max.help, "records per domain");
  EXPECT_FALSE(max.required);
  EXPECT_TRUE(p.all()[1].required);
  EXPECT_TRUE(p.all()[1].secret);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(p.all()[1].default_value));
  EXPECT_EQ(p.find("key"), &p.all()[1]);
  EXPECT_EQ(p.find("ke"), nullptr);
  EXPECT_EQ(p.help(), "one line");
  EXPECT_EQ(p.example(), "stages: [x]");
}

TEST(Parameters, IntegersAreReadInFullAndWithinTheirRange) {
  Parameters p;
  p.integer("n", 5).min(1).max(10);
  const Parameter& n = p.all()[0];
  EXPECT_EQ(parse_parameter(n, "1"), ParameterValue(std::int64_t{1}));
  EXPECT_EQ(parse_parameter(n, "10"), ParameterValue(std::int64_t{10}));
  for (const char* bad : {"", " 1", "1 ", "1.0", "1e3", "0x10", "one", "1,000", "true"}) {
    EXPECT_EQ(refusal(n, bad), "parameter 'n': expected an integer, got '" + std::string(bad) + "'");
  }
  EXPECT_EQ(refusal(n, "0"), "parameter 'n': expected at least 1, got '0'");
  EXPECT_EQ(refusal(n, "11"), "parameter 'n': expected at most 10, got '11'");
}

TEST(Parameters, IntegersReachTheEndsOf64Bits) {
  Parameters p;
  p.integer("n");
  const Parameter& n = p.all()[0];
  EXPECT_EQ(parse_parameter(n, "9223372036854775807"),
            ParameterValue(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(parse_parameter(n, "-9223372036854775808"),
            ParameterValue(std::numeric_limits<std::int64_t>::min()));
  EXPECT_NE(refusal(n, "9223372036854775808"), "accepted");
}

TEST(Parameters, NumbersAreFiniteAndWithinTheirRange) {
  Parameters p;
  p.number("t", 0.5).min(-0.25).max(1.5);
  p.number("free");
  const Parameter& t = p.all()[0];
  EXPECT_EQ(parse_parameter(t, "0.1"), ParameterValue(0.1));
  EXPECT_EQ(parse_parameter(t, "1"), ParameterValue(1.0));
  EXPECT_EQ(parse_parameter(t, "1e-3"), ParameterValue(0.001));
  EXPECT_EQ(refusal(t, "-0.3"), "parameter 't': expected at least -0.25, got '-0.3'");
  EXPECT_EQ(refusal(t, "2"), "parameter 't': expected at most 1.5, got '2'");
  for (const char* bad : {"", "0,5", "half", "1e999", "nan", "inf", "-inf"}) {
    EXPECT_NE(refusal(t, bad), "accepted") << bad;
    EXPECT_NE(refusal(p.all()[1], bad), "accepted") << bad;
  }
}

TEST(Parameters, SmallBoundsAreShownAsTheyAre) {
  Parameters p;
  p.number("rate").min(1e-9);
  EXPECT_EQ(refusal(p.all()[0], "0"), "parameter 'rate': expected at least 1e-09, got '0'");
}

TEST(Parameters, BooleansAreTrueOrFalse) {
  Parameters p;
  p.boolean("on", true);
  EXPECT_EQ(parse_parameter(p.all()[0], "true"), ParameterValue(true));
  EXPECT_EQ(parse_parameter(p.all()[0], "false"), ParameterValue(false));
  for (const char* bad : {"", "True", "1", "0", "yes"}) {
    EXPECT_EQ(refusal(p.all()[0], bad),
              "parameter 'on': expected true or false, got '" + std::string(bad) + "'");
  }
}

TEST(Parameters, ChoicesAreOneOfTheirList) {
  Parameters p;
  p.choice("by", {"paragraph", "chars"}, "paragraph");
  EXPECT_EQ(parse_parameter(p.all()[0], "chars"), ParameterValue(std::string("chars")));
  EXPECT_EQ(refusal(p.all()[0], "line"), "parameter 'by': expected one of paragraph, chars, got 'line'");
  EXPECT_NE(refusal(p.all()[0], ""), "accepted");
}

TEST(Parameters, TextIsTakenAsItIs) {
  Parameters p;
  p.text("prompt");
  for (const char* text : {"", " a=b ", "true", "12", "{\"a\": 1}"}) {
    EXPECT_EQ(parse_parameter(p.all()[0], text), ParameterValue(std::string(text)));
  }
}

TEST(Parameters, CompletingFillsInDefaults) {
  Parameters p;
  p.integer("a", 1);
  p.text("b");
  p.number("c", 0.5);
  const ParameterValues values = complete_parameters(p, {{"c", 2.0}});
  EXPECT_EQ(values, (ParameterValues{{"a", std::int64_t{1}}, {"c", 2.0}}));
}

TEST(Parameters, CompletingRefusesUnknownAndMissingNames) {
  Parameters p;
  p.text("model").required().help("name of the model");
  try {
    complete_parameters(p, {});
    FAIL() << "a required parameter is missing";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "parameter 'model' is required (name of the model)");
  }
  try {
    complete_parameters(p, {{"modle", std::string("x")}});
    FAIL() << "an unknown parameter was given";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "parameter 'modle' is not known");
  }
}

class ContextParameters : public testing::Test {
 protected:
  detail::ContextState state_{"stage",
                              3,
                              {{"flag", true},
                               {"count", std::int64_t{7}},
                               {"ratio", 0.25},
                               {"name", std::string("x")},
                               {"negative", std::int64_t{-1}},
                               {"large", std::int64_t{300}}}};
  Context context_{state_};
};

TEST_F(ContextParameters, AreGivenAsTheTypeAskedFor) {
  EXPECT_TRUE(context_.param<bool>("flag"));
  EXPECT_EQ(context_.param<int>("count"), 7);
  EXPECT_EQ(context_.param<std::size_t>("count"), 7u);
  EXPECT_EQ(context_.param<double>("count"), 7.0);
  EXPECT_EQ(context_.param<double>("ratio"), 0.25);
  EXPECT_EQ(context_.param<float>("ratio"), 0.25f);
  EXPECT_EQ(context_.param<std::string>("name"), "x");
  EXPECT_EQ(context_.param<std::string_view>("name"), "x");
  EXPECT_EQ(context_.stage(), "stage");
  EXPECT_EQ(context_.worker(), 3);
}

TEST_F(ContextParameters, RefuseAnotherTypeAndUnknownNames) {
  EXPECT_THROW(context_.param<bool>("count"), std::logic_error);
  EXPECT_THROW(context_.param<int>("flag"), std::logic_error);
  EXPECT_THROW(context_.param<int>("ratio"), std::logic_error);
  EXPECT_THROW(context_.param<double>("name"), std::logic_error);
  EXPECT_THROW(context_.param<std::string>("count"), std::logic_error);
  EXPECT_THROW(context_.param<int>("cuont"), std::logic_error);
  EXPECT_TRUE(context_.has_param("count"));
  EXPECT_FALSE(context_.has_param("cuont"));
}

TEST_F(ContextParameters, DoNotWrapAroundInASmallerType) {
  EXPECT_THROW(context_.param<std::uint8_t>("large"), std::logic_error);
  EXPECT_THROW(context_.param<std::size_t>("negative"), std::logic_error);
  EXPECT_EQ(context_.param<std::int16_t>("large"), 300);
}

TEST_F(ContextParameters, CountsGoToTheFrameInWork) {
  context_.count("before any frame");
  StageNotes notes;
  state_.notes = &notes;
  context_.count("a");
  context_.count("a", 4);
  context_.report_usage("m", 10, 3);
  context_.report_usage("m", 1, 1);
  state_.notes = nullptr;
  EXPECT_EQ(notes.counters.size(), 1u);
  EXPECT_EQ(notes.counters["a"], 5);
  const Usage usage = notes.usage[{"m", "", UsageKind::kept}];
  EXPECT_EQ(usage.calls, 2u);
  EXPECT_EQ(usage.prompt_tokens, 11u);
  EXPECT_EQ(usage.completion_tokens, 4u);
}

TEST_F(ContextParameters, CancelledFollowsTheWorkersCell) {
  EXPECT_FALSE(context_.cancelled());
  std::atomic<std::uint32_t> cell{0};
  state_.cancel = &cell;
  EXPECT_FALSE(context_.cancelled());
  cell = 1;
  EXPECT_TRUE(context_.cancelled());
}

}  // namespace
}  // namespace datagen
