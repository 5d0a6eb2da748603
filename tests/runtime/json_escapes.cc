// JsonEscapes, by every kind of vectors, against a walk byte by byte.
#include "json_escapes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "json_scan.h"
#include "tests/runtime/all_vectors.h"

namespace datagen {
namespace {

// Every backslash that is not itself escaped begins an escape of JSON: a 1 in `starts` for each. `surrogate`
// is set where one is.
bool has_valid_escapes(std::string_view text, std::string& starts, bool& surrogate) {
  surrogate = false;
  starts.assign(text.size(), '\0');
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') continue;
    starts[at] = 1;
    const int unit = json::escaped_code_unit(text, at);
    if (unit >= 0xD800 && unit <= 0xDFFF) surrogate = true;
    ++at;
    if (unit >= 0) continue;
    if (at == text.size() || std::string_view("\"\\/bfnrt").find(text[at]) == std::string_view::npos)
      return false;
  }
  return true;
}

class JsonEscapesBy : public testing::TestWithParam<Vectors> {
 protected:
  void check(const std::string& text) {
    bool surrogate = false;
    std::string starts;
    const bool valid = has_valid_escapes(text, starts, surrogate);
    ASSERT_EQ(escapes_.scan(text), valid) << text;
    if (!valid) return;
    EXPECT_EQ(escapes_.has_surrogate(), surrogate) << text;
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::uint64_t expected_starts = 0, expected_rare = 0, inside = 0;
      for (std::size_t bit = 0; bit < JsonEscapes::kBlockBytes && at + bit < text.size(); ++bit) {
        const std::uint64_t mark = std::uint64_t{1} << bit;
        inside |= mark;
        if (starts[at + bit] != 0) expected_starts |= mark;
        const bool is_rare = text[at + bit] == 'u' || text[at + bit] == '/';
        if (is_rare && at + bit > 0 && starts[at + bit - 1] != 0) expected_rare |= mark;
      }
      ASSERT_EQ(escapes_.starts(at) & inside, expected_starts) << at << text;
      ASSERT_EQ(escapes_.rare(at) & inside, expected_rare) << at << text;
    }
    for (std::size_t begin = 0; begin <= text.size(); begin += 1 + begin / 7) {
      for (std::size_t end = begin; end <= text.size(); end += 1 + end / 5) {
        ASSERT_EQ(escapes_.any(begin, end), starts.substr(begin, end - begin).find('\1') != text.npos)
            << begin << ' ' << end << text;
      }
    }
  }
  JsonEscapes escapes_{GetParam()};
};

TEST_P(JsonEscapesBy, EveryByteBehindABackslashAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 55; place < 68; ++place) {
      std::string text(place, 'x');
      text += '\\';
      text += static_cast<char>(byte);
      check(text);
      check(text + "00e9");
      check(text + "D83d" + std::string(64, ' '));
    }
  }
}

TEST_P(JsonEscapesBy, RunsOfBackslashesOfEveryLengthAtEveryPlace) {
  for (std::size_t length = 0; length < 140; ++length) {
    for (std::size_t place = 0; place < 66; place += 1 + place / 8) {
      const std::string text = std::string(place, ' ') + std::string(length, '\\');
      check(text);
      check(text + "n" + std::string(30, 'y'));
      check(text + "y");
    }
  }
}

TEST_P(JsonEscapesBy, TextsOfChance) {
  std::mt19937_64 random(7);
  static const std::string kParts[] = {
      "a",    "\\n", "\\\\", "\\/", "\n", "\r", "\\u00e9", "\\ud83d\\ude00", "longer text of no interest",
      "\\\"", "é"};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::size_t left = random() % 40; left > 0; --left) text += kParts[random() % std::size(kParts)];
    if (random() % 4 == 0 && !text.empty()) text[random() % text.size()] = "\\xu\n"[random() % 4];
    check(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, JsonEscapesBy, testing::ValuesIn(all_vectors()),
                         [](const auto& by) { return name_of(by.param); });

}  // namespace
}  // namespace datagen
