// JSON in and out: what is accepted, what Python's json.dumps would write, and the "_i" of the output.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "json_document.h"
#include "json_scan.h"
#include "json_write.h"
#include "loaded_item.h"

namespace datagen {
namespace {

// ---- scanning

TEST(JsonScan, FindsALineEndAtEveryPlaceOfEveryLength) {
  for (std::size_t length = 0; length < 1'200; length += length < 150 ? 1 : 1 + length % 64 / 3) {
    for (const char other : {' ', '\x0b', '\x8a', '\xff'}) {
      const std::string text(length, other);
      ASSERT_FALSE(json::has_line_end(text)) << length;
      // Not what stands around it.
      const std::string around = '\n' + text + '\r';
      ASSERT_FALSE(json::has_line_end(std::string_view(around).substr(1, length))) << length;
      for (std::size_t place = 0; place < length; ++place) {
        for (const char line_end : {'\n', '\r'}) {
          std::string two_lines = text;
          two_lines[place] = line_end;
          ASSERT_TRUE(json::has_line_end(two_lines)) << length << ' ' << place;
        }
      }
    }
  }
}

TEST(JsonScan, TakesNoOtherByteForALineEnd) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::size_t length : {1, 63, 64, 100, 600}) {
      const std::string text(length, static_cast<char>(byte));
      EXPECT_EQ(json::has_line_end(text), byte == '\n' || byte == '\r') << byte << ' ' << length;
    }
  }
}

// ---- writing

std::string number(double value) {
  ByteBuffer out;
  append_json_number(out, value);
  return std::string(out.view());
}

std::string json_string(std::string_view text) {
  ByteBuffer out;
  append_json_string(out, text);
  return std::string(out.view());
}

// python3 -c "print(repr(float(x)))"
constexpr struct {
  double value;
  const char* repr;
} kReprs[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1.0, "1.0"},
    {2.0, "2.0"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {0.2, "0.2"},
    {1e16, "1e+16"},
    {1e15, "1000000000000000.0"},
    {9999999999999998.0, "9999999999999998.0"},
    {123456789012345680.0, "1.2345678901234568e+17"},
    {1e-5, "1e-05"},
    {1e-4, "0.0001"},
    {0.00012345, "0.00012345"},
    {1.2345e-5, "1.2345e-05"},
    {5e-324, "5e-324"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {1e22, "1e+22"},
    {1e21, "1e+21"},
    {1e23, "1e+23"},
    {123456789.123, "123456789.123"},
    {3.141592653589793, "3.141592653589793"},
    {100.0, "100.0"},
    {1e100, "1e+100"},
    {-1e-7, "-1e-07"},
    {1.5e-10, "1.5e-10"},
    {9007199254740993.0, "9007199254740992.0"},
    {0.3333333333333333, "0.3333333333333333"},
    {1e300, "1e+300"},
    {4294967296.0, "4294967296.0"},
    {18446744073709551616.0, "1.8446744073709552e+19"},
    {-9223372036854775808.0, "-9.223372036854776e+18"},
    {1234567890123456.7, "1234567890123456.8"},
    {12345678901234567.0, "1.2345678901234568e+16"},
};

TEST(JsonWrite, FloatsAreThoseOfPythonsRepr) {
  for (const auto& [value, repr] : kReprs) EXPECT_EQ(number(value), repr);
}

TEST(JsonWrite, FloatsKeepTheirFormThroughARecord) {
  for (const auto& [value, repr] : kReprs) {
    LoadedItem item("{}");
    item->set("v", value);
    EXPECT_EQ(item.written(), "{\"v\":" + std::string(repr) + "}");
    EXPECT_EQ(item->get("v").raw(), repr);
    EXPECT_EQ(item->get("v").as<double>(), value);
    LoadedItem inside("{}");
    inside->set("v", array({value}));
    EXPECT_EQ(inside.written(), "{\"v\":[" + std::string(repr) + "]}");
  }
}

TEST(JsonWrite, EveryFloatReadsBackTheSame) {
  std::mt19937_64 random(20240229);
  for (int round = 0; round < 200000; ++round) {
    const std::uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const std::string text = number(value);
    const double again = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(std::memcmp(&again, &value, sizeof value), 0) << text;
  }
}

TEST(JsonWrite, EscapesAreThoseOfJsonDumps) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_string("\n\r\t\b\f"), R"("\n\r\t\b\f")");
  EXPECT_EQ(json_string(std::string_view("\0\x01\x0b\x1f\x7f", 5)), "\"\\u0000\\u0001\\u000b\\u001f\x7f\"");
  EXPECT_EQ(json_string("é中😀\u2028\u0085"), "\"é中😀\u2028\u0085\"");
}

TEST(JsonWrite, EveryCharacterIsEscapedAtEveryPlace) {
  for (int c = 0; c < 0x80; ++c) {
    std::string alone = json_string(std::string(1, static_cast<char>(c)));
    alone = alone.substr(1, alone.size() - 2);
    for (std::size_t before = 0; before < 40; ++before) {
      for (const std::size_t behind : {0u, 1u, 15u, 16u, 17u}) {
        const std::string left(before, 'l'), right(behind, 'r');
        ASSERT_EQ(json_string(left + static_cast<char>(c) + right), "\"" + left + alone + right + "\"") << c;
      }
    }
  }
}

TEST(JsonWrite, TextOfNothingButEscapesIsWrittenWhole) {
  const std::string controls(10000, '\x01');
  std::string expected;
  for (std::size_t index = 0; index < controls.size(); ++index) expected += "\\u0001";
  EXPECT_EQ(json_string(controls), "\"" + expected + "\"");
}

// ---- reading

JsonError parse(std::string_view text) {
  simdjson::dom::parser parser;
  JsonDocument document;
  std::string padded(text);
  padded.append(simdjson::SIMDJSON_PADDING, '~');
  return document.parse(parser, std::string_view(padded).substr(0, text.size()));
}

std::string nested(std::size_t levels, const char* open, const char* inside, const char* close) {
  std::string text;
  for (std::size_t level = 0; level < levels; ++level) text += open;
  text += inside;
  for (std::size_t level = 0; level < levels; ++level) text += close;
  return text;
}

TEST(JsonRead, AcceptsWhatRfc8259Allows) {
  for (const char* text : {"{}",
                           "[]",
                           "null",
                           "true",
                           "0",
                           "-0",
                           "1.0",
                           "1E+2",
                           "1e-2",
                           "\"\"",
                           " {\t} ",
                           "[1 , 2]",
                           R"({"a":1,"a":2})",
                           R"({"":{}})",
                           R"("\u0000")",
                           R"("\/\b\f\n\r\t\\\"")",
                           R"("\ud83d\ude00")",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "123456789012345678901234567890",
                           "-9223372036854775809",
                           R"("\ud800")",
                           R"("\udfff\ud800")",
                           R"({"\udc00":1e999})",
                           "\"\x7f\"",
                           "\"\u2028\"",
                           "[1e400,{\"a\":[18446744073709551616,\"\\ud800x\"]},-1E+999]"}) {
    EXPECT_EQ(parse(text), JsonError::none) << text;
  }
}

// Each alone, and beside an extreme that makes the text be parsed a second time with replacements.
TEST(JsonRead, RefusesWhatIsNotJson) {
  for (const std::string text : {"",           " ",           "{",         "}",         "[",
                                 "{\"a\":1,}", "[1,]",        "[,1]",      "[1,,2]",    "{\"a\"}",
                                 "{\"a\":}",   "{a:1}",       "{'a':1}",   "'a'",       "01",
                                 "-01",        "-",           "+1",        ".5",        "1.",
                                 "1.e5",       "1e",          "1e+",       "0x10",      "1_000",
                                 "NaN",        "Infinity",    "-Infinity", "nan",       "tru",
                                 "True",       "None",        "nulll",     "\"a",       "\"\\x41\"",
                                 "\"\\u12\"",  "\"\\u12g4\"", "\"\\",      "1 2",       "{} {}",
                                 "[1] x",      "{\"a\":1}}",  "// c\n1",   "/* c */ 1", "\xef\xbb\xbf{}",
                                 "\"a\nb\"",   "\"a\tb\"",    "\"\x01\"",  "\"\x1f\"",  "[\x0b]",
                                 "[\xc2\xa0]", "{1:2}",       "[1;2]",     "{\"a\" 1}", "[\"a\" \"b\"]",
                                 "[1e400.5]",  "[1e4001e1]",  "[--1]"}) {
    EXPECT_EQ(parse(text), JsonError::bad_json) << text;
    EXPECT_EQ(parse("[1e400," + text + "]"), JsonError::bad_json) << "beside 1e400: " << text;
    EXPECT_EQ(parse("[\"\\ud800\"," + text + "]"), JsonError::bad_json) << "beside \\ud800: " << text;
    EXPECT_EQ(parse("{\"a\":" + text + ",\"b\":1e400}"), JsonError::bad_json) << "before 1e400: " << text;
  }
}

TEST(JsonRead, RefusesANulByteOutsideOfStringsAndInside) {
  using namespace std::string_view_literals;
  EXPECT_EQ(parse("{}\0"sv), JsonError::bad_json);
  EXPECT_EQ(parse("\"a\0b\""sv), JsonError::bad_json);
  EXPECT_EQ(parse("[1\0]"sv), JsonError::bad_json);
}

TEST(JsonRead, RefusesInvalidUtf8) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x80\""}) {
    EXPECT_EQ(parse(text), JsonError::invalid_utf8);
    EXPECT_NE(parse("[1e400," + std::string(text) + "]"), JsonError::none);
  }
}

TEST(JsonRead, AcceptsAThousandLevelsAndRefusesFarMore) {
  EXPECT_EQ(parse(nested(1000, "[", "", "]")), JsonError::none);
  EXPECT_EQ(parse(nested(1000, "{\"a\":", "1e400", "}")), JsonError::none);
  for (const std::size_t levels : {2000u, 100000u, 3000000u}) {
    EXPECT_EQ(parse(nested(levels, "[", "", "]")), JsonError::too_deep) << levels;
    EXPECT_EQ(parse(nested(levels, "{\"a\":", "1", "}")), JsonError::too_deep) << levels;
    EXPECT_NE(parse(nested(levels, "[", "1e400", "]")), JsonError::none) << levels;
    EXPECT_NE(parse(std::string(levels, '[')), JsonError::none) << levels;
  }
}

TEST(JsonRead, AThousandLevelsPassThroughAnItem) {
  const std::string deep = nested(999, "[", "1.0", "]");
  LoadedItem item("{\"a\":" + deep + "}");
  item->set("b", item->get("a"));
  item->set_json("c", deep);
  EXPECT_EQ(item.written(), "{\"a\":" + deep + ",\"b\":" + deep + ",\"c\":" + deep + "}");
  Value value = item->get("c");
  for (int level = 0; level < 999; ++level) value = value[0];
  EXPECT_EQ(value.raw(), "1.0");
}

TEST(JsonRead, ARecordIsAnObject) {
  for (const char* text : {"[]", "1", "null", "\"a\"", "1e400"}) {
    LoadedItem item(text);
    EXPECT_EQ(bad_reason([&] { item->get("a"); }), "not_an_object") << text;
  }
  LoadedItem bad("{\"a\":1,}");
  EXPECT_EQ(bad_reason([&] { bad->get("a"); }), "bad_json");
  EXPECT_EQ(bad_reason([&] { bad->set("a", 1); }), "bad_json");
  EXPECT_EQ(bad_reason([&] { bad->json(); }), "bad_json");
}

TEST(JsonRead, NoByteBehindTheTextMatters) {
  for (const std::string behind : {"1", "]", "\"", "e5", "}}}}", "\xff"}) {
    simdjson::dom::parser parser;
    JsonDocument document;
    std::string padded = "{\"a\":[1e400,12]}" + behind;
    const std::size_t size = padded.size() - behind.size();
    padded.append(simdjson::SIMDJSON_PADDING, '9');
    EXPECT_EQ(document.parse(parser, std::string_view(padded).substr(0, size)), JsonError::none);
    EXPECT_EQ(document.parse(parser, std::string_view(padded).substr(6, 2)), JsonError::bad_json);
    EXPECT_EQ(document.parse(parser, std::string_view(padded).substr(6, 3)), JsonError::none);
    EXPECT_EQ(double(document.root().get_double()), 1e4);
  }
}

TEST(JsonScan, TellsLoneSurrogatesFromPairs) {
  for (const char* lone :
       {R"("\ud800")", R"("\udc00")", R"("a\uDBFFb")", R"("\ud800\\udc00")", R"("\ud83d\ude00\ude00")"}) {
    EXPECT_TRUE(json::has_lone_surrogate(lone)) << lone;
  }
  for (const char* fine :
       {R"("")", R"("\ud83d\ude00")", R"("\\ud800")", R"("\ue000")", R"("\uD83D\uDE00")", R"("ud800")"}) {
    EXPECT_FALSE(json::has_lone_surrogate(fine)) << fine;
  }
}

// ---- "_i"

std::string output(std::string_view json, Ids ids, std::uint64_t row = 10, std::string_view path = "") {
  RecordView record;
  record.payload = json;
  record.path = path;
  record.origin.row = row;
  ByteBuffer out;
  append_record(out, record, ids);
  return std::string(out.view());
}

std::string output(const Composite& object, Ids ids, std::uint64_t row = 10, std::string_view path = "") {
  RecordView record;
  record.payload = object.bytes();
  record.path = path;
  record.origin.row = row;
  record.tag = Tag::msgpack;
  ByteBuffer out;
  append_record(out, record, ids);
  return std::string(out.view());
}

TEST(Ids, AreAddedLast) {
  EXPECT_EQ(output(R"({"a":1})", Ids::add), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(R"({"a":1})", Ids::add, 10, "0_3"), R"({"a":1,"_i":"10_0_3"})");
  EXPECT_EQ(output(R"({"a":1})", Ids::add, kNoRow, "end_0"), R"({"a":1,"_i":"end_0"})");
  EXPECT_EQ(output(R"({"a":1})", Ids::keep), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(object({{"a", 1}}), Ids::add), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(object({{"a", 1}}), Ids::keep, 10, "2"), R"({"a":1,"_i":"10_2"})");
  EXPECT_EQ(output(R"({"a":1})", Ids::add, 0), R"({"a":1,"_i":0})");
}

TEST(Ids, AreAddedToEmptyObjects) {
  for (const Ids ids : {Ids::add, Ids::keep}) {
    EXPECT_EQ(output("{}", ids), R"({"_i":10})");
    EXPECT_EQ(output(object({}), ids), R"({"_i":10})");
  }
  EXPECT_EQ(output("{}", Ids::off), "{}");
  EXPECT_EQ(output(object({}), Ids::off), "{}");
}

TEST(Ids, AreAddedWhateverSpaceStandsInTheObject) {
  for (const std::string space : {"", " ", "\t", "\r", " \t ", "\r \r"}) {
    for (const std::string& json :
         {space + "{" + space + "}" + space, space + "{\"a\":1" + space + "}" + space}) {
      const std::string made = output(json, Ids::add);
      LoadedItem again(made);
      EXPECT_EQ(bad_reason([&] { EXPECT_EQ(again->get("_i").raw(), "10"); }), "none") << made;
    }
  }
}

TEST(Ids, ReplaceAnInputsOwn) {
  EXPECT_EQ(output(R"({"_i":5,"a":1})", Ids::add), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(R"({"a":1,"_i":{"x":[1,"}"]}})", Ids::add), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(R"({"_i":1,"a":1.0,"_i":2})", Ids::add), R"({"a":1.0,"_i":10})");
  EXPECT_EQ(output(R"({"_i":1})", Ids::add), R"({"_i":10})");
  EXPECT_EQ(output(object({{"_i", 5}, {"a", 1}}), Ids::add), R"({"a":1,"_i":10})");
  EXPECT_EQ(output(object({{"_i", object({{"_i", 1}})}}), Ids::add), R"({"_i":10})");
  EXPECT_EQ(output(object({{"a", 1}, {"_i", array({1, 2})}, {"b", 2}}), Ids::add),
            R"({"a":1,"b":2,"_i":10})");
}

TEST(Ids, ReplaceAnEscapedOne) {
  for (const char* key : {R"(\u005fi)", R"(_\u0069)", R"(\u005F\u0069)", R"(\u005f\u0069)"}) {
    const std::string json = "{\"" + std::string(key) + "\":5,\"a\":1}";
    EXPECT_EQ(output(json, Ids::add), R"({"a":1,"_i":10})");
    EXPECT_EQ(output(json, Ids::off), R"({"a":1})");
    EXPECT_EQ(output(json, Ids::keep), json);
  }
}

TEST(Ids, AreKeptWhenAsked) {
  EXPECT_EQ(output(R"({"_i":5,"a":1})", Ids::keep), R"({"_i":5,"a":1})");
  EXPECT_EQ(output(object({{"_i", "x"}, {"a", 1}}), Ids::keep), R"({"_i":"x","a":1})");
  EXPECT_EQ(output(R"({"a":{"_i":5}})", Ids::keep), R"({"a":{"_i":5},"_i":10})");
  EXPECT_EQ(output(object({{"a", object({{"_i", 5}})}}), Ids::keep), R"({"a":{"_i":5},"_i":10})");
}

TEST(Ids, AreLeftOutWhenOff) {
  EXPECT_EQ(output(R"({"a":1})", Ids::off), R"({"a":1})");
  EXPECT_EQ(output(R"({"_i":5,"a":1})", Ids::off), R"({"a":1})");
  EXPECT_EQ(output(object({{"_i", 5}, {"a", 1}}), Ids::off), R"({"a":1})");
}

TEST(Ids, OnlyTheRecordsOwnKeyCounts) {
  EXPECT_EQ(output(R"({"a":"_i","b":{"_i":1},"c_i":2,"_ix":3,"d":"\"_i\""})", Ids::add),
            R"({"a":"_i","b":{"_i":1},"c_i":2,"_ix":3,"d":"\"_i\"","_i":10})");
  EXPECT_EQ(output(object({{"a", "_i"}, {"b", object({{"_i", 1}})}, {"c", array({"_i"})}}), Ids::add),
            R"({"a":"_i","b":{"_i":1},"c":["_i"],"_i":10})");
}

TEST(Ids, TextThatOnlyLooksLikeOneChangesNoByte) {
  EXPECT_EQ(output(R"({ "a" : "\u0041" })", Ids::off), R"({ "a" : "\u0041" })");
  EXPECT_EQ(output(R"({ "a" : "x_i" })", Ids::off), R"({ "a" : "x_i" })");
}

TEST(Output, IsOneLineWhateverSpaceTheRecordHolds) {
  for (const Ids ids : {Ids::add, Ids::off, Ids::keep}) {
    const std::string made = output("\n{\n  \"a\": [\r\n 1.0 ],\n \"_i\" :\n 3 }\n", ids);
    EXPECT_EQ(made.find('\n'), std::string::npos) << made;
  }
  ByteBuffer built;
  append_map_header(built, 1);
  append_msgpack_text(built, "a");
  append_raw_json(built, "[\r\n1.0 ]");  // a field that an operator did not touch
  ByteBuffer made;
  append_msgpack_as_json(made, built.view());
  EXPECT_EQ(made.view(), R"({"a":[  1.0 ]})");
}

TEST(Output, ABuiltRecordThatEndsInABracketTextIsSeparatedRight) {
  EXPECT_EQ(output(object({{"a[", "b{"}, {"c", array({"[", "{", array({}), object({})})}}), Ids::add),
            R"({"a[":"b{","c":["[","{",[],{}],"_i":10})");
}

}  // namespace
}  // namespace datagen
