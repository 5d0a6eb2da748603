// Value: reading what lies inside a record, from JSON and from what an operator built.
#include "datagen/value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "loaded_item.h"

namespace datagen {
namespace {

using Type = Value::Type;

TEST(Value, KnowsItsType) {
  LoadedItem item(R"({"z":null,"b":true,"i":12,"neg":-3,"d":1.0,"e":1e2,"s":"","a":[],"o":{}})");
  EXPECT_EQ(item->get("x").type(), Type::missing);
  EXPECT_EQ(item->get("z").type(), Type::null);
  EXPECT_EQ(item->get("b").type(), Type::boolean);
  EXPECT_EQ(item->get("i").type(), Type::integer);
  EXPECT_EQ(item->get("neg").type(), Type::integer);
  EXPECT_EQ(item->get("d").type(), Type::number);
  EXPECT_EQ(item->get("e").type(), Type::number);
  EXPECT_EQ(item->get("s").type(), Type::text);
  EXPECT_EQ(item->get("a").type(), Type::array);
  EXPECT_EQ(item->get("o").type(), Type::object);
  EXPECT_TRUE(item->get("z").is_null());
  EXPECT_TRUE(item->get("z"));
  EXPECT_FALSE(item->get("x"));
  EXPECT_FALSE(item->get("x").is_null());
}

TEST(Value, OfABuiltFieldKnowsItsType) {
  LoadedItem item("{}");
  item->assign({{"z", nullptr},
                {"b", false},
                {"i", 12},
                {"neg", -3},
                {"d", 0.5},
                {"whole", 1.0},
                {"s", ""},
                {"a", array({})},
                {"o", object({})}});
  EXPECT_EQ(item->get("x").type(), Type::missing);
  EXPECT_EQ(item->get("z").type(), Type::null);
  EXPECT_EQ(item->get("b").type(), Type::boolean);
  EXPECT_EQ(item->get("i").type(), Type::integer);
  EXPECT_EQ(item->get("neg").type(), Type::integer);
  EXPECT_EQ(item->get("d").type(), Type::number);
  EXPECT_EQ(item->get("whole").type(), Type::number);
  EXPECT_EQ(item->get("s").type(), Type::text);
  EXPECT_EQ(item->get("a").type(), Type::array);
  EXPECT_EQ(item->get("o").type(), Type::object);
}

// ---- as<T>. The second of each pair holds an extreme, so simdjson's own numbers are not used.

class ValueAs : public testing::TestWithParam<const char*> {
 protected:
  std::string record(const std::string& value) const { return "{\"v\":" + value + GetParam() + "}"; }
  template <class T>
  T as(const std::string& value) const {
    LoadedItem item(record(value));
    return item->get("v").as<T>();
  }
  template <class T>
  std::string reason(const std::string& value) const {
    return bad_reason([&] { as<T>(value); });
  }
};
INSTANTIATE_TEST_SUITE_P(BesideExtremes, ValueAs, testing::Values("", ",\"x\":1e400", ",\"x\":\"\\ud800\""));

TEST_P(ValueAs, ReadsEveryIntegralTypeToItsEnds) {
  EXPECT_EQ(as<std::int8_t>("-128"), -128);
  EXPECT_EQ(as<std::int8_t>("127"), 127);
  EXPECT_EQ(as<std::uint8_t>("255"), 255);
  EXPECT_EQ(as<std::int16_t>("-32768"), -32768);
  EXPECT_EQ(as<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(as<int>("-2147483648"), std::numeric_limits<int>::min());
  EXPECT_EQ(as<unsigned>("4294967295"), 4294967295u);
  EXPECT_EQ(as<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(as<std::int64_t>("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(as<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(as<std::size_t>("0"), 0u);
  EXPECT_EQ(as<int>("-0"), 0);
  EXPECT_EQ(as<unsigned>("-0"), 0u);
}

TEST_P(ValueAs, RefusesIntegersThatDoNotFit) {
  EXPECT_EQ(reason<std::int8_t>("128"), "out_of_range");
  EXPECT_EQ(reason<std::int8_t>("-129"), "out_of_range");
  EXPECT_EQ(reason<std::uint8_t>("256"), "out_of_range");
  EXPECT_EQ(reason<std::uint8_t>("-1"), "out_of_range");
  EXPECT_EQ(reason<std::uint64_t>("-1"), "out_of_range");
  EXPECT_EQ(reason<int>("2147483648"), "out_of_range");
  EXPECT_EQ(reason<std::int64_t>("9223372036854775808"), "out_of_range");
  EXPECT_EQ(reason<std::int64_t>("-9223372036854775809"), "out_of_range");
  EXPECT_EQ(reason<std::uint64_t>("18446744073709551616"), "out_of_range");
  EXPECT_EQ(reason<std::int64_t>("123456789012345678901234567890"), "out_of_range");
}

TEST_P(ValueAs, ANumberWithAFractionIsNoInteger) {
  EXPECT_EQ(reason<int>("1.0"), "wrong_type");
  EXPECT_EQ(reason<int>("1e2"), "wrong_type");
  EXPECT_EQ(reason<std::uint64_t>("0.5"), "wrong_type");
}

TEST_P(ValueAs, ReadsFloatingTypes) {
  EXPECT_EQ(as<double>("0.1"), 0.1);
  EXPECT_EQ(as<double>("1"), 1.0);
  EXPECT_EQ(as<double>("-3"), -3.0);
  EXPECT_EQ(as<double>("18446744073709551615"), 18446744073709551615.0);
  EXPECT_EQ(as<double>("1E+2"), 100.0);
  EXPECT_EQ(as<double>("5e-324"), 5e-324);
  EXPECT_EQ(as<double>("1.7976931348623157e308"), std::numeric_limits<double>::max());
  EXPECT_EQ(as<double>("123456789012345678901234567890"), 123456789012345678901234567890.0);
  EXPECT_EQ(as<float>("0.5"), 0.5f);
  EXPECT_TRUE(std::signbit(as<double>("-0.0")));
}

TEST_P(ValueAs, ADoubleTooSmallIsZeroAsInPython) { EXPECT_EQ(as<double>("1e-400"), 0.0); }

TEST_P(ValueAs, RefusesFloatsThatDoNotFit) {
  EXPECT_EQ(reason<double>("1e400"), "out_of_range");
  EXPECT_EQ(reason<double>("-1e400"), "out_of_range");
  EXPECT_EQ(reason<float>("1e300"), "out_of_range");
}

TEST_P(ValueAs, ReadsBooleansAndStrings) {
  EXPECT_TRUE(as<bool>("true"));
  EXPECT_FALSE(as<bool>("false"));
  EXPECT_EQ(as<std::string>(R"("a\nb")"), "a\nb");
  EXPECT_EQ(as<std::string>(R"("a\u0000b")"), std::string("a\0b", 3));
  LoadedItem item(record(R"("view")"));
  EXPECT_EQ(item->get("v").as<std::string_view>(), "view");
}

TEST_P(ValueAs, RefusesEveryOtherType) {
  for (const char* value : {"null", "1", "1.5", "\"true\"", "[]", "{}"})
    EXPECT_EQ(reason<bool>(value), "wrong_type") << value;
  for (const char* value : {"null", "true", "1.5", "\"1\"", "[1]", "{}"})
    EXPECT_EQ(reason<int>(value), "wrong_type") << value;
  for (const char* value : {"null", "true", "1.5", "\"1\"", "[1]", "{}"}) {
    EXPECT_EQ(reason<unsigned>(value), "wrong_type") << value;
  }
  for (const char* value : {"null", "false", "\"1\"", "[1]", "{}"})
    EXPECT_EQ(reason<double>(value), "wrong_type") << value;
  for (const char* value : {"null", "false", "1", "1.5", "[]", "{}"}) {
    EXPECT_EQ(reason<std::string>(value), "wrong_type") << value;
  }
}

TEST_P(ValueAs, ValueOrHelpsOutForMissingAndNullOnly) {
  LoadedItem item(record("7"));
  EXPECT_EQ(item->get("v").value_or(1), 7);
  EXPECT_EQ(item->get("nothing").value_or(1), 1);
  EXPECT_EQ(item->get("nothing").value_or(std::string("x")), "x");
  EXPECT_EQ(item->get("nothing")["deep"][3].value_or(0.5), 0.5);
  LoadedItem null(record("null"));
  EXPECT_EQ(null->get("v").value_or(true), true);
  EXPECT_EQ(reason<int>("\"7\""), "wrong_type");
  LoadedItem text(record("\"7\""));
  EXPECT_EQ(bad_reason([&] { text->get("v").value_or(1); }), "wrong_type");
}

TEST(Value, NumbersAreTheNearestDoubles) {
  std::mt19937_64 random(3);
  const auto digits = [&](std::size_t count) {
    std::string text;
    while (text.size() < count) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  for (int round = 0; round < 20'000; ++round) {
    std::string number = random() % 3 == 0 ? "-" : "";
    number += random() % 2 == 0 ? "0" : "1" + digits(random() % 18);
    if (random() % 4 != 0) number += "." + digits(1 + random() % 18);
    if (random() % 8 == 0) number += random() % 2 == 0 ? "e-7" : "E12";
    LoadedItem item("{\"n\":" + number + "}");
    const double expected = std::strtod(number.c_str(), nullptr);
    const auto found = item->get("n").as<double>();
    ASSERT_EQ(found, expected) << number;
    ASSERT_EQ(std::signbit(found), std::signbit(expected)) << number;
  }
}

TEST(Value, BuiltNumbersFollowTheSameRules) {
  LoadedItem item("{}");
  item->assign(
      {{"neg", -1}, {"big", std::numeric_limits<std::uint64_t>::max()}, {"half", 0.5}, {"one", 1.0}});
  EXPECT_EQ(item->get("neg").as<int>(), -1);
  EXPECT_EQ(item->get("neg").as<double>(), -1.0);
  EXPECT_EQ(bad_reason([&] { item->get("neg").as<unsigned>(); }), "out_of_range");
  EXPECT_EQ(item->get("big").as<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(item->get("big").as<double>(), 18446744073709551615.0);
  EXPECT_EQ(bad_reason([&] { item->get("big").as<std::int64_t>(); }), "out_of_range");
  EXPECT_EQ(item->get("half").as<double>(), 0.5);
  EXPECT_EQ(bad_reason([&] { item->get("half").as<int>(); }), "wrong_type");
  EXPECT_EQ(item->get("one").as<double>(), 1.0);
  EXPECT_EQ(bad_reason([&] { item->get("one").as<int>(); }), "wrong_type");
}

// ---- messages

TEST(Value, MessagesNameFieldTypeAndRecord) {
  LoadedItem item(R"({"a":[{"b":1},[true,null]],"o":{"p":{"q":"x"}}})", 12, "3");
  const auto message = [&](const Value& value) { return bad_message([&] { value.as<std::string>(); }); };
  EXPECT_EQ(message(item->get("o")["p"]), "field 'o.p' of record 12_3: expected text, found an object");
  EXPECT_EQ(message(item->get("o")["x"]), "field 'o.x' of record 12_3: expected text, found nothing");
  EXPECT_EQ(message(item->get("a")[1]), "field 'a[1]' of record 12_3: expected text, found an array");
  EXPECT_EQ(bad_message([&] { item->get("o")["p"]["q"].as<int>(); }),
            "field 'o.p.q' of record 12_3: expected an integer, found text");
}

TEST(Value, MessagesNameDeepPathsAsTheyAreWritten) {
  LoadedItem item(R"({"a":[{"b":1.5},[true,null]]})", 1);
  const auto message = [&](const Value& value) { return bad_message([&] { value.as<std::string>(); }); };
  EXPECT_EQ(message(item->get("a")[0]["b"]), "field 'a[0].b' of record 1: expected text, found a number");
  EXPECT_EQ(message(item->get("a")[1][0]), "field 'a[1][0]' of record 1: expected text, found a boolean");
}

TEST(Value, MessagesNameTheIndexThatIsMissing) {
  LoadedItem item(R"({"a":[1]})", 1);
  const auto message = [&](const Value& value) { return bad_message([&] { value.as<std::string>(); }); };
  EXPECT_EQ(message(item->get("a")[7]), "field 'a[7]' of record 1: expected text, found nothing");
}

// ---- containers, from JSON, from a rewritten record, built, and from a record built earlier

enum class Made { json, kept, built, inexact };
class ValueTree : public testing::TestWithParam<Made> {
 protected:
  ValueTree()
      : item_(GetParam() == Made::inexact ? R"({"t":[10,"b",{"k":1,"l":"last","k":2},[],null],"x":1e400})"
                                          : R"({"t":[10,"b",{"k":1,"l":"last","k":2},[],null],"x":0})") {
    if (GetParam() == Made::kept) item_->set("x", "rewritten");
    if (GetParam() == Made::built) {
      item_->assign({{"t", array({10, "b", object({{"k", 2}, {"l", "last"}}), array({}), nullptr})}});
    }
  }
  Value tree() { return item_->get("t"); }
  LoadedItem item_;
};
INSTANTIATE_TEST_SUITE_P(HoweverMade, ValueTree,
                         testing::Values(Made::json, Made::kept, Made::built, Made::inexact));

TEST_P(ValueTree, IndexesArrays) {
  EXPECT_EQ(tree()[0].as<int>(), 10);
  EXPECT_EQ(tree()[1].as<std::string>(), "b");
  EXPECT_EQ(tree()[4u].type(), Type::null);
  EXPECT_EQ(tree()[5].type(), Type::missing);
  EXPECT_EQ(tree()[-1].type(), Type::missing);
  EXPECT_EQ(tree()[std::size_t{3}][0].type(), Type::missing);
}

TEST_P(ValueTree, FindsMembersTheLastOfDuplicatesCounting) {
  EXPECT_EQ(tree()[2]["k"].as<int>(), 2);
  EXPECT_EQ(tree()[2]["l"].as<std::string>(), "last");
  EXPECT_EQ(tree()[2]["l"].key(), "l");
  EXPECT_EQ(tree()[2]["none"].type(), Type::missing);
  EXPECT_EQ(tree()[2]["none"]["deeper"][1].type(), Type::missing);
  EXPECT_EQ(tree()[2]["k"].raw(), "2");
}

TEST_P(ValueTree, RefusesTheOtherKindOfIndex) {
  EXPECT_EQ(bad_reason([&] { tree()["k"]; }), "wrong_type");
  EXPECT_EQ(bad_reason([&] { tree()[2][0]; }), "wrong_type");
  EXPECT_EQ(bad_reason([&] { tree()[0][0]; }), "wrong_type");
  EXPECT_EQ(bad_reason([&] { tree()[0]["k"]; }), "wrong_type");
  EXPECT_EQ(bad_reason([&] { tree()[4]["k"]; }), "wrong_type");
}

TEST_P(ValueTree, IsIteratedInOrder) {
  std::vector<Type> types;
  for (const Value value : tree()) {
    types.push_back(value.type());
    EXPECT_EQ(value.key(), "");
  }
  EXPECT_EQ(types, (std::vector<Type>{Type::integer, Type::text, Type::object, Type::array, Type::null}));
  std::string seen;
  for (const Value value : tree()[2]) seen += std::string(value.key()) + "=" + std::string(value.raw()) + ";";
  EXPECT_EQ(seen, GetParam() == Made::built ? R"(k=2;l="last";)" : R"(k=1;l="last";k=2;)");
  EXPECT_EQ(tree()[3].begin(), tree()[3].end());
  EXPECT_EQ(tree()[0].begin(), tree()[0].end());
  EXPECT_EQ(item_->get("nothing").begin(), item_->get("nothing").end());
}

TEST_P(ValueTree, KnowsItsSize) {
  EXPECT_EQ(tree().size(), 5u);
  EXPECT_EQ(tree()[2].size(), GetParam() == Made::built ? 2u : 3u);
  EXPECT_EQ(tree()[3].size(), 0u);
  EXPECT_EQ(tree()[0].size(), 0u);
  EXPECT_EQ(tree()[1].size(), 0u);
  EXPECT_EQ(item_->get("nothing").size(), 0u);
}

TEST_P(ValueTree, GivesItsJson) {
  EXPECT_EQ(tree().raw(), GetParam() == Made::built ? R"([10,"b",{"k":2,"l":"last"},[],null])"
                                                    : R"([10,"b",{"k":1,"l":"last","k":2},[],null])");
  EXPECT_EQ(tree()[1].raw(), R"("b")");
  EXPECT_EQ(tree()[3].raw(), "[]");
  EXPECT_EQ(tree()[4].raw(), "null");
  EXPECT_EQ(bad_reason([&] { tree()[9].raw(); }), "missing_field");
}

TEST_P(ValueTree, StaysValidWhateverIsWritten) {
  const Value value = tree();
  const Value inner = value[2]["l"];
  for (int round = 0; round < 100; ++round) item_->set("t", std::string(1000, 'x'));
  item_->assign({{"new", 1}});
  EXPECT_EQ(value[0].as<int>(), 10);
  EXPECT_EQ(inner.as<std::string_view>(), "last");
  EXPECT_EQ(inner.raw(), R"("last")");
  EXPECT_EQ(value.size(), 5u);
}

TEST(Value, RawKeepsTheSourcesBytes) {
  LoadedItem item("{\"a\" : [ 1.50 , {\"b\":\"\\u00e9]}\" , \"c\" : -0 } ] }");
  EXPECT_EQ(item->get("a").raw(), "[ 1.50 , {\"b\":\"\\u00e9]}\" , \"c\" : -0 } ]");
  EXPECT_EQ(item->get("a")[0].raw(), "1.50");
  EXPECT_EQ(item->get("a")[1]["b"].raw(), "\"\\u00e9]}\"");
  EXPECT_EQ(item->get("a")[1]["c"].raw(), "-0");
}

TEST(Value, EscapedKeysInsideAreDecoded) {
  LoadedItem item(R"({"o":{"t\u0065xt":1,"\"":2}})");
  EXPECT_EQ(item->get("o")["text"].raw(), "1");
  EXPECT_EQ(item->get("o")["\""].raw(), "2");
  std::string keys;
  for (const Value value : item->get("o")) keys += value.key();
  EXPECT_EQ(keys, "text\"");
}

std::chrono::nanoseconds time_of_iterating(int elements) {
  std::string record = "{\"a\":[0";
  for (int index = 1; index < elements; ++index) record += "," + std::to_string(index);
  record += "]}";
  LoadedItem item(record);
  const auto begin = std::chrono::steady_clock::now();
  int count = 0;
  for (const Value value : item->get("a")) count += value.type() == Type::missing ? 0 : 1;
  EXPECT_EQ(count, elements);
  return std::chrono::steady_clock::now() - begin;
}

TEST(Value, IteratingTakesTimeInProportionToTheElements) {
  // The shortest of several: other programs only lengthen them.
  const auto shortest = [](int elements) {
    auto time = time_of_iterating(elements);
    for (int round = 0; round < 6; ++round) time = std::min(time, time_of_iterating(elements));
    return time;
  };
  EXPECT_LT(shortest(30000).count(), shortest(3000).count() * 40);  // 10 when linear, 100 when quadratic
}

}  // namespace
}  // namespace datagen
