// Conditions without jq give jq's answer, or leave it to jq.
#include "jq/simple_condition.h"

#include <datagen/errors.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <functional>
#include <random>

#include "item_state.h"
#include "jq/jq_program.h"

namespace datagen {
namespace {

std::string answer(const std::function<bool()>& ask) {
  try {
    return ask() ? "true" : "false";
  } catch (const BadRecord& bad) {
    return bad.reason();
  }
}

// With the condition where it can tell, as the filter does; `told` counts those.
std::string ours(const std::string& expression, const std::string& record, int& told, JqProgram& program) {
  const std::string bytes = record + std::string(simdjson::SIMDJSON_PADDING, ' ');
  detail::ItemState state;
  RecordView view;
  view.payload = std::string_view(bytes).substr(0, record.size());
  state.load(view);
  const Item item(state);
  return answer([&] {
    const auto holds = SimpleCondition::parse(expression).value().holds(item);
    told += holds ? 1 : 0;
    return holds ? *holds : program.is_true(item.json());
  });
}

TEST(SimpleCondition, GivesJqsAnswer) {
  const std::vector<std::string> values = {"null",
                                           "false",
                                           "true",
                                           "0",
                                           "-0",
                                           "1",
                                           "1.0",
                                           "-1",
                                           "2.5",
                                           "1e3",
                                           "1e999",
                                           "9007199254740993",
                                           "123456789012345678901234567890",
                                           "\"\"",
                                           "\"en\"",
                                           "\"e\"",
                                           "\"\\u0065n\"",
                                           "\"é\"",
                                           "\"\\u00e9\"",
                                           "\"\\ud83d\"",
                                           "\"\\u0000\"",
                                           "[]",
                                           "[1]",
                                           "{}",
                                           "{\"b\":1}",
                                           "{\"b\":\"en\",\"b\":2}",
                                           "{\"b\":{\"c\":null}}"};
  const std::vector<std::string> literals = {"null", "false",  "true", "0",     "1",
                                             "-1",   "2.5",    "1e3",  "1e999", "9007199254740992",
                                             "\"\"", "\"en\"", "\"é\""};
  std::vector<std::string> conditions = {".a",          ".a.b",     ".a.b.c",
                                         " .a and .x ", ".x or .a", ".a and .a.b or .x==1"};
  for (const std::string& literal : literals) {
    for (const std::string operation : {"==", " != ", "<", "<= ", ">", ">="}) {
      conditions.push_back(".a" + operation + literal);
    }
    conditions.push_back(".a.b == " + literal);
  }
  std::mt19937_64 random(30);
  for (int count = 0; count < 15; ++count) {
    const auto any = [&] { return conditions[random() % conditions.size()]; };
    conditions.push_back(any() + (random() % 2 == 0 ? " and " : " or\n") + any());
  }
  for (const char* whole : {".a | not", "( .a.b or .a == 1 ) |not", "(.a)"}) conditions.emplace_back(whole);
  int told = 0;
  int asked = 0;
  for (const std::string& condition : conditions) {
    JqProgram program(condition);
    for (const std::string& value : values) {
      for (const std::string& record :
           {"{\"x\":1,\"a\":" + value + "}", "{\"a\":1,\"\\u0061\":" + value + "}"}) {
        const std::string jqs = answer([&] { return program.is_true(record); });
        EXPECT_EQ(ours(condition, record, told, program), jqs) << condition << " for " << record;
        ++asked;
      }
    }
  }
  EXPECT_GT(told, asked / 3);
}

TEST(SimpleCondition, LeavesOtherFormsToJq) {
  for (const char* expression : {"",
                                 ".",
                                 "true",
                                 ".a | length",
                                 "(.a) == 1",
                                 "(.a",
                                 ".a)",
                                 ".a == .b",
                                 ".a[0]",
                                 ".a?",
                                 ".a == \"x\\n\"",
                                 ".a == \"\\(1)\"",
                                 ".a and",
                                 ".a | nots",
                                 ".a == 1 and (.b)",
                                 "not",
                                 ".a == 1x",
                                 ".a < 1.2.3",
                                 ".a == nullx",
                                 ".a # no",
                                 ".\"a\"",
                                 ".a // 1",
                                 ".a == [1]",
                                 "..",
                                 ".1",
                                 ".a, .b",
                                 ".a == 01",
                                 ".a + 1 == 2",
                                 "if .a then 1 else 2 end"}) {
    EXPECT_FALSE(SimpleCondition::parse(expression)) << expression;
  }
}

TEST(SimpleCondition, ARecordThatIsNoJsonIsNotJqsAffair) {
  int told = 0;
  JqProgram program(".a == 1");
  EXPECT_EQ(ours(".a == 1", "{\"a\":1,}", told, program), "bad_json");
}

}  // namespace
}  // namespace datagen
