// Text as Python sees it. The tables were made with Python 3.11:
//   python3 -c "print([hex(c) for c in range(0x110000) if chr(c).isspace()])"
#include "datagen/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace datagen {
namespace {

constexpr std::uint32_t kPythonSpaces[] = {0x9,    0xa,    0xb,    0xc,    0xd,    0x1c,   0x1d,   0x1e,
                                           0x1f,   0x20,   0x85,   0xa0,   0x1680, 0x2000, 0x2001, 0x2002,
                                           0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a,
                                           0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
constexpr std::uint32_t kCodePoints = 0x110000;

bool is_python_space(std::uint32_t code) {
  return std::find(std::begin(kPythonSpaces), std::end(kPythonSpaces), code) != std::end(kPythonSpaces);
}

bool is_surrogate(std::uint32_t code) { return code >= 0xd800 && code <= 0xdfff; }

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  if (code < 0x10000)
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)), byte(0x80 | (code >> 6 & 0x3f)),
          byte(0x80 | (code & 0x3f))};
}

TEST(Strip, RemovesExactlyPythonsWhiteSpaceAlone) {
  for (std::uint32_t code = 0; code < kCodePoints; ++code) {
    if (is_surrogate(code)) continue;
    const std::string text = utf8(code);
    ASSERT_EQ(strip(text), is_python_space(code) ? "" : text) << "U+" << std::hex << code;
  }
}

TEST(Strip, RemovesExactlyPythonsWhiteSpaceAtBothEnds) {
  for (std::uint32_t code = 0; code < kCodePoints; ++code) {
    if (is_surrogate(code)) continue;
    const std::string text = utf8(code) + "a" + utf8(code) + "b" + utf8(code);
    const std::string inner = "a" + utf8(code) + "b";
    ASSERT_EQ(strip(text), is_python_space(code) ? inner : text) << "U+" << std::hex << code;
  }
}

TEST(Strip, RemovesEverySpaceBesideEveryLengthOfCodePoint) {
  for (const std::uint32_t code : kPythonSpaces) {
    for (const std::uint32_t neighbour : {0x41u, 0xe9u, 0x200bu, 0x4e2du, 0x1f600u, 0x10ffffu}) {
      const std::string space = utf8(code) + utf8(0x20) + utf8(code);
      ASSERT_EQ(strip(space + utf8(neighbour) + space), utf8(neighbour)) << "U+" << std::hex << code;
    }
  }
}

TEST(Strip, RemovesEveryNumberOfSpaces) {
  for (const std::string& space : {utf8(0x20), utf8(0x1c), utf8(0x0d) + utf8(0x2003) + utf8(0x09)}) {
    std::string before, behind;
    for (int count = 0; count < 70; ++count) {
      for (const std::string& inner : {std::string("a"), "b" + std::string(20, ' ') + "c", utf8(0x4e2d)}) {
        ASSERT_EQ(strip(before + inner), inner) << count;
        ASSERT_EQ(strip(inner + before), inner) << count;
        ASSERT_EQ(strip(before + inner + behind), inner) << count;
      }
      before += space;
      if (count % 2 == 0) behind += space;
    }
    EXPECT_EQ(strip(before), "");
  }
}

TEST(Strip, LeavesNothingOfEmptyAndBlankText) {
  EXPECT_EQ(strip(""), "");
  std::string all;
  for (const std::uint32_t code : kPythonSpaces) all += utf8(code);
  EXPECT_EQ(strip(all), "");
}

TEST(Strip, KeepsZeroWidthAndMarkCharacters) {
  for (const std::uint32_t code : {0x00u, 0x180eu, 0x200bu, 0x200cu, 0x200du, 0x2060u, 0xfeffu}) {
    EXPECT_EQ(strip(utf8(code)), utf8(code)) << "U+" << std::hex << code;
  }
}

TEST(Strip, GivesAViewOfTheSameBytes) {
  const std::string text = "  a ";
  EXPECT_EQ(strip(text).data(), text.data() + 2);
}

TEST(CountCodePoints, CountsEachCodePointOnce) {
  std::string text;
  std::size_t count = 0;
  for (std::uint32_t code = 0; code < kCodePoints; ++code) {
    if (is_surrogate(code)) continue;
    ASSERT_EQ(count_code_points(utf8(code)), 1u) << "U+" << std::hex << code;
    text += utf8(code);
    ++count;
  }
  EXPECT_EQ(count_code_points(text), count);
}

TEST(CountCodePoints, IsLenOfPython) {
  EXPECT_EQ(count_code_points(""), 0u);
  EXPECT_EQ(count_code_points("héllo"), 5u);
  EXPECT_EQ(count_code_points("e\u0301"), 2u);
  EXPECT_EQ(count_code_points("👨\u200d👩\u200d👧"), 5u);
  EXPECT_EQ(count_code_points(std::string_view("\0a\0", 3)), 3u);
}

TEST(CountCodePoints, CountsTextOfEveryLengthAndAlignment) {
  const std::string text = [] {
    std::string made;
    for (int index = 0; index < 60; ++index)
      made += utf8(index % 4 == 0 ? 0x1f600 : index % 4 == 1 ? 'a' : 0xe9);
    return made;
  }();
  for (std::size_t begin = 0; begin <= 60; ++begin) {
    for (std::size_t end = begin; end <= 60; ++end) {
      const std::size_t from = code_point_offset(text, begin);
      const std::size_t to = code_point_offset(text, end);
      ASSERT_EQ(count_code_points(std::string_view(text).substr(from, to - from)), end - begin);
    }
  }
}

TEST(CodePointOffset, StandsBehindWholeCodePoints) {
  const std::string_view text = "aé中😀z";
  const std::size_t expected[] = {0, 1, 3, 6, 10, 11, 11, 11};
  for (std::size_t count = 0; count < std::size(expected); ++count) {
    EXPECT_EQ(code_point_offset(text, count), expected[count]) << count;
  }
  EXPECT_EQ(code_point_offset("", 3), 0u);
}

}  // namespace
}  // namespace datagen
