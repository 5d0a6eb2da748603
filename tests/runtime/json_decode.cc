// json::decode_string against simdjson and the writer of json_write.h.
#include "json_decode.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>
#include <string>

#include "json_write.h"
#include "tests/runtime/all_vectors.h"

namespace datagen {
namespace {

using Random = std::mt19937_64;

std::string any_string(Random& random) {
  static const std::string kParts[] = {"a",       "é",       "漢",      "\\n",  "\\\"",          "\\\\",
                                       "\\t",     "\\b",     "\\f\\r",  "\\/",  "\\u0000",       "\\u001f",
                                       "\\u001F", "\\u00e9", "\\u6f22", "text", "\\ud83d\\ude00"};
  std::string text = "\"";
  // Either of all kinds, or of those alone that are decoded many at once.
  const std::size_t kinds = random() % 2 == 0 ? std::size(kParts) : std::size_t{9};
  for (std::size_t left = random() % 12; left > 0; --left) {
    text += kParts[random() % kinds];
    if (random() % 4 == 0) text += std::string(random() % 140, 'x');
    if (random() % 40 == 0) text += random() % 2 == 0 ? "\\ud83d" : "\\ude00";  // the half of a pair
  }
  return text + "\"";
}

class JsonDecodeBy : public testing::TestWithParam<Vectors> {};

TEST_P(JsonDecodeBy, SaysWhatSimdjsonSaysAndKnowsTheCanonicalForm) {
  Random random(23);
  simdjson::dom::parser parser;
  JsonEscapes escapes(GetParam());
  for (int round = 0; round < 20'000; ++round) {
    const std::string quoted = any_string(random);
    // Whatever stands around it, backslashes too, and wherever it lies in the text.
    const std::size_t offset = random() % 200 + 1;
    const std::string text = std::string(offset - 1, ' ') + quoted + R"(,"\n\\","other")";
    ASSERT_TRUE(escapes.scan(text)) << quoted;
    const std::string bytes = text + std::string(simdjson::SIMDJSON_PADDING, '\\');
    const std::string_view content = std::string_view(bytes).substr(offset, quoted.size() - 2);
    std::string decoded(content.size() + json::kDecodeSlack, '\0');
    bool is_canonical = false;
    const char* const end = json::decode_string(content, escapes, offset, decoded.data(), is_canonical);
    std::string_view expected;
    const bool has_utf8_form = parser.parse(quoted).get(expected) == simdjson::SUCCESS;
    ASSERT_EQ(end != nullptr, has_utf8_form) << quoted;
    if (end == nullptr) continue;
    decoded.resize(static_cast<std::size_t>(end - decoded.data()));
    ASSERT_EQ(decoded, expected) << quoted;
    ByteBuffer out;
    append_json_string(out, decoded);
    EXPECT_EQ(is_canonical, out.view() == quoted) << quoted;
    // Whatever stands behind the text.
    const std::string padded = decoded + std::string(16, '\n');
    EXPECT_EQ(json_length(std::string_view(padded).substr(0, decoded.size())), out.size() - 2) << quoted;
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, JsonDecodeBy, testing::ValuesIn(all_vectors()),
                         [](const auto& by) { return name_of(by.param); });

}  // namespace
}  // namespace datagen
