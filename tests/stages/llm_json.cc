// JSON out of damaged answers: a corpus of 200 (make_damaged_answers.py says how each was damaged), and the
// rules.
#include "llm/json_search.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "llm/json_schema.h"

namespace datagen::llm {
namespace {

std::optional<std::string> recover(const std::string& answer, const JsonSchema& schema) {
  for (const FoundJson& found : find_json(answer)) {
    if (schema.check(found.text)) return found.text;
  }
  return std::nullopt;
}

TEST(DamagedAnswers, AtLeast95PercentAreRecoveredAndNoneAgainstItsSchema) {
  std::ifstream file(std::string(DATAGEN_SOURCE_DIR) + "/tests/stages/damaged_answers.jsonl");
  int recoverable = 0, recovered = 0, invented = 0, all = 0;
  for (std::string line; std::getline(file, line); ++all) {
    const auto entry = nlohmann::json::parse(line);
    const JsonSchema schema(entry["schema"].dump());
    const std::string answer = entry["answer"];
    const auto found = recover(answer, schema);
    if (entry.contains("none")) {
      if (found) ++invented, ADD_FAILURE() << "made " << *found << " of: " << answer;
      continue;
    }
    ++recoverable;
    if (found && nlohmann::json::parse(*found) == entry["meant"]) {
      ++recovered;
    } else {
      std::printf("not recovered (%s): %s\n  found: %s\n", entry["damage"].get<std::string>().c_str(),
                  answer.c_str(), found.value_or("nothing").c_str());
    }
  }
  EXPECT_EQ(all, 200);
  EXPECT_EQ(invented, 0);
  EXPECT_GE(recovered, recoverable * 95 / 100) << recovered << " of " << recoverable;
  std::printf("recovered %d of %d\n", recovered, recoverable);
}

// Whatever comes in: what comes out is JSON, and the process lives.
TEST(DamagedAnswers, CutAnywhereStillYieldOnlyJson) {
  std::ifstream file(std::string(DATAGEN_SOURCE_DIR) + "/tests/stages/damaged_answers.jsonl");
  simdjson::dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    const std::string answer = nlohmann::json::parse(line)["answer"];
    for (std::size_t cut = 0; cut < answer.size(); cut += 3) {
      for (const FoundJson& found : find_json(std::string_view(answer).substr(cut / 2, cut))) {
        if (!simdjson::validate_utf8(found.text)) continue;  // a character was cut
        ASSERT_TRUE(nlohmann::json::accept(found.text)) << found.text;
      }
    }
  }
}

TEST(JsonRepair, KeepsTheBytesOfNumbersAndStrings) {
  const auto found =
      find_json(R"({"a": 1.0, "b": 123456789012345678901234567890, "c": "\u00e9\n", "d": [1e5,],})");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].text, R"({"a":1.0,"b":123456789012345678901234567890,"c":"\u00e9\n","d":[1e5]})");
}

TEST(JsonRepair, DeepNestingIsNoCrash) { EXPECT_TRUE(find_json(std::string(100'000, '[')).size() < 100'000); }

TEST(JsonSchema, NamesThePlaceThatIsWrong) {
  const JsonSchema schema(
      R"({"type":"object","properties":{"pairs":{"type":"array","items":{"type":"object","properties":{"score":{"type":"integer"}}}}}})");
  const auto checked = schema.check(R"({"pairs":[{"score":1},{"score":"x"}]})");
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message().find("score"), std::string::npos) << checked.error().message();
}

TEST(JsonSchema, RefusesWhatIsNoSchema) {
  EXPECT_THROW(JsonSchema("[]"), std::invalid_argument);
  EXPECT_THROW(JsonSchema("{"), std::invalid_argument);
}

}  // namespace
}  // namespace datagen::llm
