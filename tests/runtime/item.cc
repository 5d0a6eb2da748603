// Item: what an operator reads and writes, and what then leaves the stage.
#include "datagen/item.h"

#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "datagen/testing.h"
#include "loaded_item.h"

namespace datagen {
namespace {

// What `{}` becomes when "v" is set to the value.
std::string written(const FieldValue& value) {
  LoadedItem item("{}");
  item->set("v", value);
  return item.written();
}

// ---- types

TEST(Item, LiteralIsTextNotBool) {
  EXPECT_EQ(written("true"), R"({"v":"true"})");
  EXPECT_EQ(written(""), R"({"v":""})");
  char array[] = "abc";
  EXPECT_EQ(written(array), R"({"v":"abc"})");
  const char* pointer = array;
  EXPECT_EQ(written(pointer), R"({"v":"abc"})");
}

// Two literals in braces could be two iterators of a string, and one pair of them a copy of something else.
TEST(Item, LiteralsInBracesAreKeysAndTexts) {
  LoadedItem item("{}");
  item->assign({{"a", "b"}});
  EXPECT_EQ(item.written(), R"({"a":"b"})");
  item->assign({{"a", "b"}, {"true", "false"}});
  EXPECT_EQ(item.written(), R"({"a":"b","true":"false"})");
  item->assign(object({{"a", "b"}}));
  EXPECT_EQ(item.written(), R"({"a":"b"})");
  item->assign({{"list", array({"a", "b"})}, {"object", object({{"a", "b"}, {"c", "d"}})}});
  EXPECT_EQ(item.written(), R"({"list":["a","b"],"object":{"a":"b","c":"d"}})");
  item->emit({{"a", "b"}, {"c", "d"}});
  item->emit_copy({{"list", "e"}, {"object", "f"}});
  EXPECT_EQ(item.children(),
            (std::vector<std::string>{R"({"a":"b","c":"d"})", R"({"list":"e","object":"f"})"}));
}

TEST(Item, WritesEveryStringType) {
  EXPECT_EQ(written(std::string("a\0b", 3)), R"({"v":"a\u0000b"})");
  EXPECT_EQ(written(std::string_view("ab")), R"({"v":"ab"})");
  const std::string text = "c";
  EXPECT_EQ(written(text), R"({"v":"c"})");
  EXPECT_EQ(written(std::string_view()), R"({"v":""})");
}

TEST(Item, WritesBooleansAndNull) {
  EXPECT_EQ(written(true), R"({"v":true})");
  EXPECT_EQ(written(false), R"({"v":false})");
  EXPECT_EQ(written(nullptr), R"({"v":null})");
}

template <class T>
class ItemInteger : public testing::Test {};
using Integers = testing::Types<signed char, unsigned char, short, unsigned short, int, unsigned, long,
                                unsigned long, long long, unsigned long long, std::int8_t, std::uint8_t,
                                std::int64_t, std::uint64_t, std::size_t, std::ptrdiff_t>;
TYPED_TEST_SUITE(ItemInteger, Integers);

TYPED_TEST(ItemInteger, IsWrittenAndReadBackWithItsWholeRange) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam value : {Limits::min(), TypeParam{0}, TypeParam{1}, TypeParam{100}, Limits::max()}) {
    LoadedItem item("{}");
    item->set("v", value);
    EXPECT_EQ(item.written(), "{\"v\":" + std::to_string(value) + "}");
    EXPECT_EQ(item->get("v").as<TypeParam>(), value);
    EXPECT_EQ(item->get("v").raw(), std::to_string(value));
    LoadedItem again(item.written());
    EXPECT_EQ(again->get("v").as<TypeParam>(), value);
  }
}

TEST(Item, AmbiguousIntegersAreIntegers) {
  EXPECT_EQ(written(0), R"({"v":0})");
  EXPECT_EQ(written(0L), R"({"v":0})");
  EXPECT_EQ(written(1u), R"({"v":1})");
  EXPECT_EQ(written('a' - 'b'), R"({"v":-1})");
}

TEST(Item, WritesFloatsAsDoubles) {
  EXPECT_EQ(written(0.5f), R"({"v":0.5})");
  EXPECT_EQ(written(0.1), R"({"v":0.1})");
  EXPECT_EQ(written(2.0), R"({"v":2.0})");
  EXPECT_EQ(written(1.5L), R"({"v":1.5})");
}

TEST(Item, RefusesNaNAndInfinity) {
  LoadedItem item(R"({"a":1})");
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_THROW(item->set("v", value), std::invalid_argument);
    EXPECT_THROW(item->assign({{"v", value}}), std::invalid_argument);
    EXPECT_THROW(item->emit({{"v", value}}), std::invalid_argument);
    EXPECT_THROW(array({value}), std::invalid_argument);
    EXPECT_THROW(object({{"v", value}}), std::invalid_argument);
  }
}

TEST(Item, CharactersAndPointersDoNotCompile) {
  EXPECT_FALSE((std::convertible_to<char, FieldValue>));
  EXPECT_FALSE((std::convertible_to<char8_t, FieldValue>));
  EXPECT_FALSE((std::convertible_to<char16_t, FieldValue>));
  EXPECT_FALSE((std::convertible_to<char32_t, FieldValue>));
  EXPECT_FALSE((std::convertible_to<int*, FieldValue>));
  EXPECT_FALSE((std::convertible_to<const void*, FieldValue>));
  EXPECT_FALSE((std::convertible_to<std::vector<int>, FieldValue>));
}

TEST(Item, WideCharactersDoNotCompile) { EXPECT_FALSE((std::convertible_to<wchar_t, FieldValue>)); }

TEST(Item, WritesOptionals) {
  EXPECT_EQ(written(std::optional<int>(3)), R"({"v":3})");
  EXPECT_EQ(written(std::optional<bool>(false)), R"({"v":false})");
  EXPECT_EQ(written(std::optional<std::string>("x")), R"({"v":"x"})");
  EXPECT_EQ(written(std::optional<double>()), R"({"v":null})");
  EXPECT_EQ(written(std::optional<std::string>()), R"({"v":null})");
}

TEST(Item, WritesArraysAndObjects) {
  EXPECT_EQ(written(array({1, "a", true, nullptr, 0.5})), R"({"v":[1,"a",true,null,0.5]})");
  EXPECT_EQ(written(array({})), R"({"v":[]})");
  EXPECT_EQ(written(object({})), R"({"v":{}})");
  EXPECT_EQ(written(object({{"a", 1}, {"b", array({object({{"c", "d"}})})}})),
            R"({"v":{"a":1,"b":[{"c":"d"}]}})");
  EXPECT_EQ(written(array_of(std::vector<int>{1, 2})), R"({"v":[1,2]})");
  EXPECT_EQ(written(array_of(std::vector<std::string>{"x", "y"})), R"({"v":["x","y"]})");
  EXPECT_EQ(written(array_of(std::vector<bool>{true, false})), R"({"v":[true,false]})");
}

TEST(Item, WritesContainersOfEverySize) {
  for (const int size : {0, 15, 16, 17, 255, 256, 65535, 65536}) {
    std::vector<int> numbers;
    std::string expected = "[";
    for (int index = 0; index < size; ++index) {
      numbers.push_back(index);
      expected += (index == 0 ? "" : ",") + std::to_string(index);
    }
    ASSERT_EQ(written(array_of(numbers)), "{\"v\":" + expected + "]}") << size;
  }
  for (const std::size_t size : {0u, 31u, 32u, 255u, 256u, 65535u, 65536u}) {
    const std::string text(size, 'x');
    ASSERT_EQ(written(text), "{\"v\":\"" + text + "\"}") << size;
  }
}

TEST(Item, HoldsRecordsOfManyFields) {
  for (const int size : {15, 16, 17, 400}) {
    LoadedItem item("{}");
    std::string expected = "{";
    for (int index = 0; index < size; ++index) {
      item->set("k" + std::to_string(index), index);
      expected += (index == 0 ? "\"k" : ",\"k") + std::to_string(index) + "\":" + std::to_string(index);
    }
    ASSERT_EQ(item.written(), expected + "}");
  }
}

TEST(Item, TheLastOfDuplicateKeysInAnObjectCountsAtTheFirstsPlace) {
  EXPECT_EQ(written(object({{"a", 1}, {"b", 2}, {"a", 3}})), R"({"v":{"a":3,"b":2}})");
  LoadedItem item(R"({"z":0})");
  item->assign({{"a", 1}, {"b", 2}, {"a", "x"}});
  EXPECT_EQ(item.written(), R"({"a":"x","b":2})");
}

TEST(Item, PassesValuesOn) {
  LoadedItem item(R"({"a":{"x":[1.0,1e400,"\u00e9"]},"n":null})");
  item->set("b", item->get("a"));
  item->set("c", item->get("a")["x"][0]);
  item->set("n2", item->get("n"));
  item->set("m", item->get("missing"));
  item->set("in", array({item->get("a")["x"][1]}));
  EXPECT_EQ(
      item.written(),
      R"({"a":{"x":[1.0,1e400,"\u00e9"]},"n":null,"b":{"x":[1.0,1e400,"\u00e9"]},"c":1.0,"n2":null,"m":null,)"
      R"("in":[1e400]})");
}

TEST(Item, PassesABuiltValueOn) {
  LoadedItem item("{}");
  item->set("a", object({{"t", "x\n"}, {"n", -5}, {"d", 2.0}}));
  item->set("b", item->get("a"));
  item->set("c", item->get("a")["t"]);
  EXPECT_EQ(item.written(), R"({"a":{"t":"x\n","n":-5,"d":2.0},"b":{"t":"x\n","n":-5,"d":2.0},"c":"x\n"})");
}

// ---- text that has no JSON form

constexpr std::string_view kInvalid[] = {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                         "\x80"};

TEST(Item, RefusesInvalidUtf8InText) {
  for (const std::string_view text : kInvalid) {
    LoadedItem item("{}");
    EXPECT_EQ(bad_reason([&] { item->set("v", text); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->assign({{"v", text}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->emit({{"v", text}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->emit_copy({{"v", text}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { array({text}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { object({{"v", text}}); }), "invalid_utf8");
    EXPECT_NE(bad_reason([&] { item->set_json("v", "\"" + std::string(text) + "\""); }), "none");
  }
}

TEST(Item, RefusesInvalidUtf8InKeys) {
  for (const std::string_view key : kInvalid) {
    LoadedItem item("{}");
    EXPECT_EQ(bad_reason([&] { item->set(key, 1); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->assign({{key, 1}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->emit({{key, 1}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->emit_copy({{key, 1}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { object({{key, 1}}); }), "invalid_utf8");
    EXPECT_EQ(bad_reason([&] { item->set_json(key, "1"); }), "invalid_utf8");
  }
}

// ---- reading

TEST(Item, ReadsText) {
  LoadedItem item(R"({"a":"x","b":"\u00e9\n\"","c":""})");
  EXPECT_EQ(item->text("a"), "x");
  EXPECT_EQ(item->text("b"), "é\n\"");
  EXPECT_EQ(item->text("c"), "");
  EXPECT_TRUE(item->has("c"));
  EXPECT_FALSE(item->has("d"));
}

TEST(Item, NamesKeyTypeAndRecordOfABadText) {
  LoadedItem item(R"({"n":1,"z":null,"o":{}})", 41, "2_0");
  EXPECT_EQ(bad_message([&] { item->text("n"); }),
            "field 'n' of record 41_2_0: expected text, found an integer");
  EXPECT_EQ(bad_message([&] { item->text("z"); }), "field 'z' of record 41_2_0: expected text, found null");
  EXPECT_EQ(bad_message([&] { item->text("o"); }),
            "field 'o' of record 41_2_0: expected text, found an object");
  EXPECT_EQ(bad_message([&] { item->text("x"); }),
            "field 'x' of record 41_2_0: expected text, found nothing");
  EXPECT_EQ(bad_reason([&] { item->text("n"); }), "wrong_type");
  EXPECT_EQ(bad_reason([&] { item->text("x"); }), "missing_field");
}

TEST(Item, TheLastOfDuplicateKeysCounts) {
  LoadedItem item(R"({"a":"first","b":1,"a":"last"})");
  EXPECT_EQ(item->text("a"), "last");
  EXPECT_EQ(item->get("a").raw(), R"("last")");
  item->set("b", 2);
  EXPECT_EQ(item->text("a"), "last");
  EXPECT_EQ(item.written(), R"({"a":"last","b":2})");
}

TEST(Item, DuplicateKeysPassWhenNothingIsWritten) {
  LoadedItem item(R"( {"a" : 1, "a":2}  )");
  EXPECT_EQ(item->get("a").as<int>(), 2);
  EXPECT_EQ(item.written(), R"({"a" : 1, "a":2})");
}

TEST(Item, FindsEscapedKeys) {
  LoadedItem item(R"({"t\u0065xt":"x","\u00e9":1,"a\"b":2,"a\\":3})");
  EXPECT_EQ(item->text("text"), "x");
  EXPECT_EQ(item->get("é").as<int>(), 1);
  EXPECT_EQ(item->get("a\"b").as<int>(), 2);
  EXPECT_EQ(item->get("a\\").as<int>(), 3);
  item->set("text", "y");
  EXPECT_EQ(item->get("é").as<int>(), 1);
  EXPECT_EQ(item.written(), R"({"text":"y","é":1,"a\"b":2,"a\\":3})");
}

TEST(Item, AnEscapedDuplicateOfAKeyIsADuplicate) {
  LoadedItem item(R"({"text":"1","t\u0065xt":"2"})");
  EXPECT_EQ(item->text("text"), "2");
  item->set("n", 1);
  EXPECT_EQ(item.written(), R"({"text":"2","n":1})");
}

TEST(Item, TheEmptyKeyIsAKey) {
  LoadedItem item(R"({"":"x"})");
  EXPECT_EQ(item->text(""), "x");
  item->set("", 1);
  EXPECT_EQ(item.written(), R"({"":1})");
}

TEST(Item, KnowsItsLineageId) {
  EXPECT_EQ(LoadedItem("{}", 10)->id(), "10");
  EXPECT_EQ(LoadedItem("{}", 10, "0_3")->id(), "10_0_3");
  EXPECT_EQ(LoadedItem("{}", kNoRow, "end_2")->id(), "end_2");
}

TEST(Item, GivesTheRecordAsJsonAsItStands) {
  LoadedItem item(R"( {"a": 1.0 ,"b":"x"} )");
  EXPECT_EQ(item->json(), R"({"a": 1.0 ,"b":"x"})");
  item->set("b", 2);
  EXPECT_EQ(item->json(), R"({"a":1.0,"b":2})");
  item->erase("a");
  EXPECT_EQ(item->json(), R"({"b":2})");
}

// ---- writing

TEST(Item, ReadsWhatItWrote) {
  LoadedItem item(R"({"a":"old","keep":1.0})");
  item->set("a", "new");
  EXPECT_EQ(item->text("a"), "new");
  item->set("a", 7);
  EXPECT_EQ(item->get("a").as<int>(), 7);
  item->set("n", array({1, object({{"k", "v"}})}));
  EXPECT_EQ(item->get("n")[1]["k"].as<std::string>(), "v");
  EXPECT_EQ(item->get("keep").raw(), "1.0");
  item->erase("a");
  EXPECT_FALSE(item->has("a"));
  EXPECT_THROW(item->text("a"), BadRecord);
  item->assign({{"only", "x"}});
  EXPECT_FALSE(item->has("keep"));
  EXPECT_EQ(item->text("only"), "x");
}

TEST(Item, ViewsStayValidWhateverIsWritten) {
  const std::string long_text(100000, 'q');
  LoadedItem item(R"({"text":"  padded\n ","esc":"\u00e9","obj":{"list":[1.50,"s"]},"long":")" + long_text +
                  "\"}");
  const std::string_view text = item->text("text");
  const std::string_view escaped = item->text("esc");
  const std::string_view large = item->text("long");
  const Value object_value = item->get("obj");
  const std::string_view inner = object_value["list"][1].as<std::string_view>();
  const std::string_view raw = object_value.raw();
  item->set("text", "overwritten");
  const std::string_view second = item->text("text");
  for (int round = 0; round < 200; ++round) {
    item->set("text", std::string(static_cast<std::size_t>(round) * 50, 'z'));
    item->set("obj", round);
    item->set_json("esc", "[" + std::to_string(round) + "]");
  }
  item->erase("long");
  item->assign({{"a", text}, {"b", second}, {"c", large}, {"d", object_value}});
  item->assign(object({{"a", item->get("a")}}));
  item->erase("a");
  EXPECT_EQ(text, "  padded\n ");
  EXPECT_EQ(escaped, "é");
  EXPECT_EQ(large, long_text);
  EXPECT_EQ(second, "overwritten");
  EXPECT_EQ(inner, "s");
  EXPECT_EQ(raw, R"({"list":[1.50,"s"]})");
  EXPECT_EQ(object_value["list"][0].as<double>(), 1.5);
  EXPECT_EQ(object_value["list"][0].raw(), "1.50");
  EXPECT_EQ(object_value.raw(), R"({"list":[1.50,"s"]})");
  item->emit_copy({{"a", text}});
}

TEST(Item, AViewOfItsOwnCanBeWrittenBack) {
  LoadedItem item(R"({"text":" a b "})");
  item->set("text", item->text("text").substr(1, 3));
  item->set("text", item->text("text").substr(2, 1));
  item->assign({{"copy", item->text("text")}, {"len", 1}});
  EXPECT_EQ(item.written(), R"({"copy":"b","len":1})");
}

TEST(Item, KeepsTheOrderOfFieldsAndAddsNewOnesAtTheEnd) {
  LoadedItem item(R"({"c":1,"a":2,"b":3})");
  item->set("a", "x");
  item->set("z", 0);
  item->set("c", nullptr);
  EXPECT_EQ(item.written(), R"({"c":null,"a":"x","b":3,"z":0})");
  item->erase("c");
  item->set("c", 9);
  EXPECT_EQ(item.written(), R"({"a":"x","b":3,"z":0,"c":9})");
}

TEST(Item, NumbersKeepTheirTextWhenAnotherFieldIsSet) {
  for (const char* number : {"1.0", "1e400", "123456789012345678901234567890", "-0", "-0.0", "1E+2", "0.10",
                             "18446744073709551616", "1e-400", "3.14159265358979323846264338327950288"}) {
    LoadedItem item("{\"n\":" + std::string(number) + ",\"deep\":[{\"m\":" + number + "}],\"t\":\"x\"}");
    item->set("t", "y");
    EXPECT_EQ(item.written(),
              "{\"n\":" + std::string(number) + ",\"deep\":[{\"m\":" + number + "}],\"t\":\"y\"}");
    EXPECT_EQ(item->get("n").raw(), number);
  }
}

TEST(Item, StringsKeepTheirBytesWhenAnotherFieldIsSet) {
  LoadedItem item(R"({"s":"\u00e9\/\u000a\ud83d\ude00é","t":1})");
  item->set("t", 2);
  EXPECT_EQ(item.written(), R"({"s":"\u00e9\/\u000a\ud83d\ude00é","t":2})");
}

TEST(Item, WhitespaceInsideAKeptValueStays) {
  LoadedItem item("{ \"a\" : [ 1 , {\t\"b\" :2 } ] , \"t\" : 1 }");
  item->set("t", 2);
  EXPECT_EQ(item.written(), "{\"a\":[ 1 , {\t\"b\" :2 } ],\"t\":2}");
}

TEST(Item, AnUnwrittenRecordPassesByteForByte) {
  const std::string line = R"({ "b":1.0,  "a" : "\u0041" ,"c":[1e400, "\ud800"]})";
  LoadedItem item(line);
  EXPECT_EQ(item->text("a"), "A");
  EXPECT_EQ(item.written(), line);
}

// ---- lone surrogates

constexpr const char* kLone[] = {R"(\ud800)",       R"(\udc00)",       R"(\uDFFF)",       R"(x\ud83dy)",
                                 R"(\ud800\ud800)", R"(\ude00\ud83d)", R"(\ud83d\u0041)", R"(\ud83d\n)"};

TEST(Item, ALoneSurrogatePassesUntouched) {
  for (const std::string lone : kLone) {
    const std::string line = "{\"s\":\"" + lone + "\",\"t\":\"ok\",\"n\":1.0}";
    LoadedItem item(line);
    EXPECT_EQ(item->text("t"), "ok") << lone;
    EXPECT_EQ(item.written(), line);
    item->set("t", "set");
    EXPECT_EQ(item.written(), "{\"s\":\"" + lone + "\",\"t\":\"set\",\"n\":1.0}");
    EXPECT_EQ(item->get("s").type(), Value::Type::text) << lone;
    EXPECT_EQ(item->get("s").raw(), "\"" + lone + "\"");
  }
}

TEST(Item, TextOfALoneSurrogateIsABadRecord) {
  for (const std::string lone : kLone) {
    LoadedItem item("{\"s\":\"" + lone + "\",\"l\":[\"" + lone + "\"]}", 5);
    EXPECT_EQ(bad_reason([&] { item->text("s"); }), "lone_surrogate") << lone;
    EXPECT_EQ(bad_reason([&] { item->get("s").as<std::string>(); }), "lone_surrogate") << lone;
    EXPECT_EQ(bad_reason([&] { item->get("l")[0].as<std::string>(); }), "lone_surrogate") << lone;
    EXPECT_NE(bad_message([&] { item->text("s"); }).find("field 's' of record 5"), std::string::npos) << lone;
    item->set("other", 1);
    EXPECT_EQ(bad_reason([&] { item->text("s"); }), "lone_surrogate") << lone;
  }
}

TEST(Item, PairedSurrogatesAreText) {
  LoadedItem item(R"({"s":"\ud83d\ude00","lone":"\ud800","b":"\\ud800"})");
  EXPECT_EQ(item->text("s"), "😀");
  EXPECT_EQ(item->text("b"), "\\ud800");
}

TEST(Item, AKeyWithALoneSurrogatePassesOrIsRefusedButIsNeverBroken) {
  for (const std::string lone : kLone) {
    const std::string line = "{\"" + lone + "\":1,\"t\":\"x\"}";
    LoadedItem item(line);
    EXPECT_EQ(item->text("t"), "x") << lone;
    EXPECT_EQ(item.written(), line);
    const std::string reason = bad_reason([&] { item->set("t", "y"); });
    if (reason == "none") {
      EXPECT_EQ(item.written(), "{\"" + lone + "\":1,\"t\":\"y\"}");
    } else {
      EXPECT_EQ(reason, "lone_surrogate");
    }
  }
}

// ---- set_json

TEST(Item, SetJsonPassesTextOn) {
  LoadedItem item(R"({"a":1})");
  item->set_json("b", R"( {"x": [1.0, 1e400, "\ud800"]} )");
  item->set_json("a", "123456789012345678901234567890");
  EXPECT_EQ(item.written(), R"({"a":123456789012345678901234567890,"b":{"x": [1.0, 1e400, "\ud800"]}})");
  EXPECT_EQ(item->get("b")["x"][0].raw(), "1.0");
  EXPECT_EQ(item->get("b")["x"][1].raw(), "1e400");
  for (const char* value : {"null", "true", "false", "0", "\"\"", "[]", "{}"}) {
    item->set_json("c", value);
    EXPECT_EQ(item->get("c").raw(), value);
  }
}

TEST(Item, SetJsonRefusesWhatIsNotJson) {
  for (const char* text : {"", " ", "{", "[1,]", "nul", "1 2", "'a'", "{a:1}", "NaN", "01", "\"\x01\"", "\"a",
                           "}", "1,", "\"a\nb\"", "{\"a\r\":1}"}) {
    LoadedItem item(R"({"a":1})");
    EXPECT_EQ(bad_reason([&] { item->set_json("b", text); }), "bad_json") << text;
    EXPECT_EQ(item.written(), R"({"a":1})");
  }
}

TEST(Item, SetJsonOfPrettyPrintedTextLeavesOneLine) {
  LoadedItem item("{}");
  item->set_json("a", "{\n  \"x\": [\r\n    1.0,\n    \"a\\nb\"\n  ]\n}");
  EXPECT_EQ(item.written().find_first_of("\r\n"), std::string::npos) << item.written();
  EXPECT_EQ(item->get("a")["x"][0].raw(), "1.0");
  EXPECT_EQ(item->get("a")["x"][1].as<std::string>(), "a\nb");
}

// ---- children and drops

TEST(Item, EmitMakesChildren) {
  LoadedItem item(R"({"a":1,"b":2.0})");
  item->emit({{"x", 1}, {"y", "z"}, {"x", 2}});
  item->emit(object({{"o", nullptr}}));
  item->emit({});
  EXPECT_EQ(item.children(), (std::vector<std::string>{R"({"x":2,"y":"z"})", R"({"o":null})", "{}"}));
  EXPECT_EQ(item.state.outcome(), detail::ItemState::Outcome::expanded);
}

TEST(Item, EmitCopyTakesTheFieldsAsTheyStand) {
  LoadedItem item(R"({"a":1.0,"t":"x"})");
  item->emit_copy({{"t", "first"}});
  item->set("a", 2);
  item->emit_copy({{"n", 1}});
  item->emit_copy({});
  EXPECT_EQ(item.children(), (std::vector<std::string>{R"({"a":1.0,"t":"first"})", R"({"a":2,"t":"x","n":1})",
                                                       R"({"a":2,"t":"x"})"}));
  EXPECT_EQ(item->text("t"), "x");
}

TEST(Item, EmittedViewsOfTheParentStayRight) {
  LoadedItem item(R"({"text":"one two"})");
  const std::string_view text = item->text("text");
  for (int round = 0; round < 100; ++round) item->emit_copy({{"text", text.substr(0, 3)}});
  item->emit({{"text", text.substr(4)}});
  const auto children = item.children();
  ASSERT_EQ(children.size(), 101u);
  EXPECT_EQ(children[99], R"({"text":"one"})");
  EXPECT_EQ(children[100], R"({"text":"two"})");
}

TEST(Item, OnlyObjectsCanBeRecords) {
  LoadedItem item(R"({"a":1})");
  EXPECT_ANY_THROW(item->emit(array({1})));
  EXPECT_ANY_THROW(item->emit(array({})));
  EXPECT_ANY_THROW(item->assign(array({})));
  EXPECT_ANY_THROW(item->assign(array({1, 2})));
}

TEST(Item, DropTakesItOut) {
  LoadedItem item(R"({"a":1})");
  item->set("a", 2);
  item->drop("short");
  EXPECT_EQ(item.state.outcome(), detail::ItemState::Outcome::dropped);
  EXPECT_EQ(item.state.drop_reason(), "short");
  EXPECT_THROW(item->set("a", 3), std::logic_error);
  EXPECT_THROW(item->erase("a"), std::logic_error);
  EXPECT_THROW(item->assign({}), std::logic_error);
  EXPECT_THROW(item->set_json("a", "1"), std::logic_error);
  EXPECT_THROW(item->emit({}), std::logic_error);
  EXPECT_THROW(item->emit_copy({}), std::logic_error);
  EXPECT_EQ(item->get("a").as<int>(), 2);
}

TEST(Item, DropAfterEmitIsAMistake) {
  LoadedItem item(R"({"a":1})");
  item->emit({{"b", 1}});
  EXPECT_THROW(item->drop("x"), std::logic_error);
}

TEST(Item, RestoringUndoesEverything) {
  LoadedItem item(R"({"a":1.0})");
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(item->json(), R"({"a":1.0})");
    item->set("a", std::string(50000, 'x'));
    item->set_json("b", "[1]");
    EXPECT_EQ(item->get("b")[0].as<int>(), 1);
    item->emit_copy({{"c", 1}});
    item.state.restore();
    EXPECT_EQ(item.state.children(), 0u);
    EXPECT_EQ(item.state.outcome(), detail::ItemState::Outcome::unchanged);
    item->drop("x");
    item.state.restore();
    EXPECT_EQ(item.written(), R"({"a":1.0})");
  }
}

TEST(Item, AFailedWriteLeavesTheRecordAsItWas) {
  LoadedItem item(R"({"a":1})");
  EXPECT_ANY_THROW(item->set("a", "\xff"));
  EXPECT_ANY_THROW(item->assign({{"x", 1}, {"y", "\xff"}}));
  EXPECT_ANY_THROW(item->emit_copy({{"x", 1}, {"y", "\xff"}}));
  EXPECT_ANY_THROW(item->emit({{"x", 1}, {"y", "\xff"}}));
  EXPECT_EQ(item->json(), R"({"a":1})");
  EXPECT_EQ(item.state.children(), 0u);
}

// ---- records that a stage before built

TEST(Item, ReadsAndWritesABuiltRecord) {
  LoadedItem item(
      object({{"text", "a\tb"}, {"n", 1}, {"f", 1.0}, {"list", array({1, "x"})}, {"none", nullptr}}), 3);
  EXPECT_EQ(item->id(), "3");
  EXPECT_EQ(item->text("text"), "a\tb");
  EXPECT_EQ(item->get("list")[1].as<std::string>(), "x");
  EXPECT_TRUE(item->get("none").is_null());
  EXPECT_EQ(item->json(), R"({"text":"a\tb","n":1,"f":1.0,"list":[1,"x"],"none":null})");
  EXPECT_EQ(item.state.outcome(), detail::ItemState::Outcome::unchanged);
  const std::string_view text = item->text("text");
  item->set("text", "new");
  item->erase("n");
  EXPECT_EQ(text, "a\tb");
  EXPECT_EQ(item.written(), R"({"text":"new","f":1.0,"list":[1,"x"],"none":null})");
}

TEST(Item, RawIsAFieldOfAnUntouchedRecordAsItStands) {
  LoadedItem item(R"({"n": 1.50 ,"s":"a\u0062", "o":{"x": [1 , 2]},"n":1e400})");
  EXPECT_EQ(item->raw("n"), "1e400") << "the last of duplicates";
  EXPECT_EQ(item->raw("s"), R"("a\u0062")");
  EXPECT_EQ(item->raw("o"), R"({"x": [1 , 2]})");
  EXPECT_EQ(item->raw("x"), std::nullopt);
  item->set("t", 1);
  EXPECT_EQ(item->raw("n"), std::nullopt) << "it was written to";
  LoadedItem escaped(R"({"\u006b":1})");
  EXPECT_EQ(escaped->raw("k"), std::nullopt) << "its key does not stand there";
  EXPECT_EQ(escaped->get("k").as<int>(), 1);
  EXPECT_EQ(bad_reason([] { LoadedItem(R"({"n":01})")->raw("n"); }), "bad_json");
}

TEST(Item, RawPartsSurviveAChainOfStages) {
  LoadedItem first(R"({"n":1e400,"s":"\ud800","t":"x","big":123456789012345678901234567890})");
  first->set("t", "y");
  LoadedItem second("{}");
  second.state.load([&] {
    RecordView record;
    record.payload = first.state.rewritten();
    record.tag = Tag::msgpack;
    return record;
  }());
  EXPECT_EQ(second->get("n").raw(), "1e400");
  EXPECT_EQ(second->get("big").type(), Value::Type::integer);
  EXPECT_EQ(bad_reason([&] { second->text("s"); }), "lone_surrogate");
  second->set("t", "z");
  EXPECT_EQ(second.written(), R"({"n":1e400,"s":"\ud800","t":"z","big":123456789012345678901234567890})");
}

// ---- whole stages

TEST(Item, TestRunsAGenericLambda) {
  const TestResult result = test([](auto& item, auto&) { item.set("len", item.text("text").size()); },
                                 {R"({"text":"abc"})", R"({"text":1})", R"({"text":""})"});
  EXPECT_EQ(result.records,
            (std::vector<std::string>{R"({"text":"abc","len":3})", R"({"text":"","len":0})"}));
  EXPECT_EQ(result.ids, (std::vector<std::string>{"0", "2"}));
  ASSERT_EQ(result.dead.size(), 1u);
  EXPECT_EQ(result.dead[0].id, "1");
  EXPECT_EQ(result.dead[0].reason, "wrong_type");
}

}  // namespace
}  // namespace datagen
