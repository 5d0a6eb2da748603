// LineEnds, by every kind of vectors, against a walk byte by byte.
#include "line_ends.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/runtime/all_vectors.h"

namespace datagen {
namespace {

class LineEndsBy : public testing::TestWithParam<Vectors> {
 protected:
  void check(const std::string& text) {
    std::vector<std::uint32_t> expected;
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\n') expected.push_back(static_cast<std::uint32_t>(at));
    }
    const auto found = ends_.find(text);
    ASSERT_EQ(std::vector(found.begin(), found.end()), expected) << text.size() << " bytes: " << text;
    ASSERT_EQ(ends_.has_returns(), text.find('\r') != text.npos) << text.size() << " bytes: " << text;
  }

  LineEnds ends_{GetParam()};
};

TEST_P(LineEndsBy, FindsEveryPlaceOfABlock) {
  check("");
  for (std::size_t size = 1; size < 200; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\n';
      check(text);
      text[at] = '\r';
      check(text);
    }
    check(std::string(size, '\n'));
    check(std::string(size, '\n' + 1));
    check(std::string(size, static_cast<char>('\n' | 0x80)));
  }
}

TEST_P(LineEndsBy, FindsLinesOfAnyLength) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    const std::size_t mean = std::size_t{1} << random() % 11;
    std::string text(random() % 20'000, '\0');
    for (char& byte : text) byte = random() % mean == 0 ? '\n' : static_cast<char>(random());
    check(text);
  }
}

TEST_P(LineEndsBy, DoesNotReadBehindTheText) {
  const std::string text = "ab\ncd";
  std::vector<char> exact(text.begin(), text.end());  // what a sanitizer knows the end of
  const auto found = ends_.find({exact.data(), exact.size()});
  EXPECT_EQ(std::vector(found.begin(), found.end()), std::vector<std::uint32_t>{2});
}

INSTANTIATE_TEST_SUITE_P(Vectors, LineEndsBy, testing::ValuesIn(all_vectors()),
                         [](const auto& by) { return name_of(by.param); });

}  // namespace
}  // namespace datagen
