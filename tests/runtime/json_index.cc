// What JsonIndex says yes to is what JsonDocument accepts, whatever stands around it; and records built as
// JSON have the bytes that a sink makes of those built as msgpack.
#include "json_index.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "datagen/fields.h"
#include "datagen/text.h"
#include "item_state.h"
#include "json_document.h"
#include "json_scan.h"
#include "json_write.h"

namespace datagen {
namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t end) { return random() % end; }

std::string padded(const std::string& text) { return text + std::string(simdjson::SIMDJSON_PADDING, '"'); }

bool is_object(std::string_view text) {
  const std::string copy = padded(std::string(text));
  simdjson::dom::parser parser;
  JsonDocument document;
  return document.parse(parser, std::string_view(copy).substr(0, text.size())) == JsonError::none &&
         document.root().is_object();
}

std::string any_string(Random& random) {
  static const std::vector<std::string> kParts = {"a",
                                                  "text",
                                                  " ",
                                                  "é",
                                                  "漢",
                                                  "{",
                                                  "}",
                                                  ",",
                                                  ":",
                                                  "[",
                                                  "\\n",
                                                  "\\\"",
                                                  "\\\\",
                                                  "\\/",
                                                  "\\u0000",
                                                  "\\u001f",
                                                  "\\u001F",
                                                  "\\t",
                                                  "_i",
                                                  "\\u00e9",
                                                  "\\ud83d\\ude00",
                                                  "\\ud83d",
                                                  "x123456789012345678901234567890"};
  std::string text = "\"";
  for (std::size_t left = below(random, 5); left > 0; --left) text += kParts[below(random, kParts.size())];
  return text + "\"";
}

std::string any_value(Random& random, int levels) {
  static const std::vector<std::string> kScalars = {
      "0", "-1", "12.50", "1e9", "-0.0E-3", "123456789012345678901", "true", "false", "null", "1e999"};
  static const std::vector<std::string> kSpaces = {"", "", "", " ", "\t", " \r "};
  const auto space = [&] { return kSpaces[below(random, kSpaces.size())]; };
  const std::size_t kind = below(random, levels == 0 ? 3 : 5);
  if (kind < 2) return any_string(random);
  if (kind == 2) return kScalars[below(random, kScalars.size())];
  const bool object = kind == 3;
  std::string text = object ? "{" : "[";
  for (std::size_t index = 0, count = below(random, 4); index < count; ++index) {
    text += (index == 0 ? "" : ",") + space();
    if (object) text += any_string(random) + space() + ":" + space();
    text += any_value(random, levels - 1) + space();
  }
  return text + (object ? "}" : "]");
}

std::string any_object(Random& random) {
  for (;;) {
    std::string text = any_value(random, 3);
    if (text[0] == '{') return text;
  }
}

void damage(std::string& text, Random& random) {
  static const std::string kBytes = std::string("{}[]\":,\\u0d89aeE.+-tfn \t\r\n\x01\xff\xc3\xa9") + '\0';
  const std::size_t at = below(random, text.size());
  const char byte = kBytes[below(random, kBytes.size())];
  switch (below(random, 3)) {
    case 0:
      text[at] = byte;
      break;
    case 1:
      text.erase(at, 1);
      break;
    default:
      text.insert(at, 1, byte);
  }
}

// Records with what stands between them in a frame.
struct Around {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> records;  // place and length

  Around(const std::vector<std::string>& lines, Random& random) {
    static const std::vector<std::string> kBetween = {"\n", "\n", "\r\n", "", "0_3", "\n\n \n"};
    for (const std::string& line : lines) {
      records.emplace_back(text.size(), line.size());
      text += line + kBetween[below(random, kBetween.size())];
    }
    bytes = padded(text);
  }
  std::string_view view() const { return std::string_view(bytes).substr(0, text.size()); }
  std::string_view record(std::size_t index) const {
    return view().substr(records[index].first, records[index].second);
  }
  std::string bytes;
};

void expect_fields(const JsonIndex& index, std::string_view record) {
  std::size_t at = 0;
  json::for_each_child(json::trim(record), [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(std::string(index.fields()[at].key), key.substr(1, key.size() - 2)) << record;
    EXPECT_EQ(std::string(index.fields()[at].value), value) << record;
    ++at;
    return true;
  });
  EXPECT_EQ(index.fields().size(), at) << record;
}

// Returns how many were accepted.
std::size_t compare(JsonIndex& index, const Around& around) {
  std::size_t accepted = 0;
  index.begin(around.view());
  for (std::size_t at = 0; at < around.records.size(); ++at) {
    const std::string_view record = around.record(at);
    if (!index.check(record)) continue;
    ++accepted;
    EXPECT_TRUE(is_object(record)) << record << "\nwithin\n" << around.text;
    if (::testing::Test::HasFailure()) return accepted;
    expect_fields(index, record);
    if (!index.is_plain(false)) continue;
    ByteBuffer out;
    RecordView view;
    view.payload = record;
    append_record(out, view, Ids::off);
    EXPECT_EQ(out.view(), record);
  }
  return accepted;
}

TEST(JsonIndex, AcceptsNothingThatIsNotAValidObject) {
  Random random(20);
  JsonIndex index;
  std::size_t accepted = 0;
  std::size_t asked = 0;
  for (int round = 0; round < 20'000 && !HasFailure(); ++round) {
    std::vector<std::string> lines;
    for (std::size_t count = 1 + below(random, 5); count > 0; --count) {
      lines.push_back(any_object(random));
      if (below(random, 3) == 0) damage(lines.back(), random);
    }
    asked += lines.size();
    accepted += compare(index, Around(lines, random));
  }
  EXPECT_GT(accepted, asked / 4);
}

TEST(JsonIndex, AcceptsCleanRecordsAllTheSameWhateverIsBesideThem) {
  Random random(21);
  JsonIndex index;
  const std::string good = R"( {"a":"x\n","b":[1,{"c":null}],"d":-1.5e3} )";
  for (const std::string bad :
       {R"({"a":"x)", R"({"a":"\x"})", "{\"a\":\"\xff\"}", R"({"a":2,})", "\"", "\\"}) {
    EXPECT_EQ(compare(index, Around({good, bad, good, good}, random)), 3u) << bad;
  }
  EXPECT_EQ(compare(index, Around({"{}", "{ }", R"({"a":{}})", R"({"a":[]})"}, random)), 4u);
}

TEST(JsonIndex, TakesManyRecordsThatAreScannedInParts) {
  Random random(22);
  JsonIndex index;
  std::vector<std::string> lines(2'000, R"({"text":"some words","len":10})");
  lines[1'000] = "{";
  EXPECT_EQ(compare(index, Around(lines, random)), 1'999u);
}

// One line end in front of each token in turn, blanks in front of the others, wherever in 64 bytes that lies
// and whatever of the record is in a piece that was scanned at once.
TEST(JsonIndex, SeesALineEndBetweenTokensWhereverItStands) {
  constexpr std::size_t kPieceBytes = 16 * 1024;
  const std::string tokens[] = {"\"key\"", ":", "\"", ",", "\"b\"", ":", "[", "1", ",", "{", "}", "]", "}"};
  JsonIndex index;
  for (std::size_t shift = 0; shift < 130; ++shift) {
    for (std::size_t place = 0; place < std::size(tokens); ++place) {
      for (const char gap : {' ', '\t', '\n', '\r'}) {
        std::string record = "{";
        for (std::size_t token = 0; token < std::size(tokens); ++token) {
          record += (token == place ? gap : ' ') + tokens[token];
          if (tokens[token] == "\"") record += std::string(shift / 2, 'x') + "\"";
        }
        const std::string filler = "{\"a\":\"" + std::string(kPieceBytes - shift, 'x') + "\"}";
        const std::string bytes = padded("{}\r\n" + record + "\n" + filler + "\n" + record + "\n{}\n");
        const std::string_view text(bytes);
        index.begin(text.substr(0, bytes.size() - simdjson::SIMDJSON_PADDING));
        std::size_t at = 0;
        const auto is_plain = [&](std::size_t length, std::size_t behind) {
          EXPECT_TRUE(index.check(text.substr(at, length)));
          at += length + behind;
          EXPECT_TRUE(index.is_plain(true)) << "who says so is believed";
          return index.is_plain(false);
        };
        const bool is_line = gap == ' ' || gap == '\t';
        ASSERT_TRUE(is_plain(2, 2));
        ASSERT_EQ(is_plain(record.size(), 1), is_line) << shift << record;
        ASSERT_TRUE(is_plain(filler.size(), 1));
        ASSERT_EQ(is_plain(record.size(), 1), is_line) << shift << record;
        ASSERT_TRUE(is_plain(2, 1));
      }
    }
  }
}

TEST(JsonIndex, KnowsNothingOfARecordThatStandsWhereAnotherStood) {
  JsonIndex index;
  std::string bytes = padded(R"({"a":"xyz"})");
  const std::string_view record = std::string_view(bytes).substr(0, 11);
  EXPECT_TRUE(index.check(record));
  std::memcpy(bytes.data(), R"({"a":"x\z"})", 11);
  EXPECT_FALSE(index.check(record));
  index.begin(record);
  std::memcpy(bytes.data(), R"({"b": true})", 11);
  EXPECT_TRUE(index.check(record));
  EXPECT_EQ(index.fields()[0].key, "b");
}

// ---- records built as JSON

// What a sink writes for the record that `change` leaves, or for its children, built as `built`.
std::string written(const std::string& json, const std::function<void(Item&)>& change, Tag built, Ids ids) {
  detail::ItemState state(built);
  const std::string bytes = padded(json);
  RecordView record;
  record.payload = std::string_view(bytes).substr(0, json.size());
  record.origin.row = 7;
  state.load(record);
  Item item(state);
  ByteBuffer out;
  try {
    change(item);
  } catch (const BadRecord& bad) {
    return bad.reason();
  } catch (const std::invalid_argument&) {
    return "invalid_argument";
  }
  const auto add = [&](std::string_view payload, std::uint8_t flags) {
    RecordView made{payload, {}, record.origin, built, flags};
    append_record(out, made, ids);
    out.push_back('\n');
  };
  if (state.outcome() == detail::ItemState::Outcome::rewritten)
    add(state.rewritten(), state.rewritten_flags());
  for (std::size_t index = 0; index < state.children(); ++index) add(state.child(index), kValidated);
  return std::string(out.view()) + item.json();
}

TEST(BuiltAsJson, HasTheBytesThatASinkMakesOfMsgpack) {
  const std::vector<std::string> records = {
      R"({"text":" a \"b\"\n ","n":1.50,"m":{"x" : [1, 2]},"text2":"plain é"})",
      R"({"text":"a\/b\u00e9","n":123456789012345678901,"_i":3})",
      R"({"text":"","n":-0.0,"\u0061":1,"a":2})",
      " {\"text\":\"\\ud83d\\ude00x\",\r\"n\":null , \"m\":[\r] } ",
      R"({"text":"\ud83d","n":1})",
      R"({"n":1})",
  };
  const std::vector<std::function<void(Item&)>> changes = {
      [](Item& item) {
        item.assign({{"text", strip(item.text("text"))}, {"len", 3}});
      },
      [](Item& item) {
        item.assign({{"text", item.text("text")}, {"é\"", item.get("n")}});
      },
      [](Item& item) {
        item.assign({{"half", item.text("text").substr(0, item.text("text").size() / 2)}});
      },
      [](Item& item) { item.set("text", item.get("text").as<std::string_view>()); },
      [](Item& item) { item.set("text2", "new\x01"); },
      [](Item& item) { item.set("_i", 5), item.set("f", 2.0), item.set("b", true), item.set("z", nullptr); },
      [](Item& item) { item.set("u", ~std::uint64_t{0}), item.set("s", std::int64_t{-3}), item.erase("n"); },
      [](Item& item) { item.set("bad", "\xff"); },
      [](Item& item) { item.set("\xff", 1); },
      [](Item& item) { item.set("nan", std::nan("")); },
      [](Item& item) {
        item.set("o", object({{"k", "v\n"}, {"l", array({1, 2.5, "x"})}}));
      },
      [](Item& item) { item.set_json("j", " {\"a\" :\n[1] } "); },
      [](Item& item) { item.assign_json("{\"q\":\"\\u0041\" ,\"_i\":1}"); },
      [](Item& item) {
        item.emit({{"a", 1}, {"_i", "x"}}), item.emit_json("{\"b\" : 2}");
      },
      [](Item& item) {
        item.emit_copy({{"copy", true}}), item.emit(object({{"c", 1e300}}));
      },
      [](Item& item) { item.set("x", 1), item.set("y", item.get("x")), item.set("text", item.text("x")); },
      [](Item& item) { item.set("x", " t\n"), item.set("y", item.text("x")), item.set("z", item.get("x")); },
  };
  for (const std::string& record : records) {
    for (std::size_t index = 0; index < changes.size(); ++index) {
      for (const Ids ids : {Ids::off, Ids::add, Ids::keep}) {
        EXPECT_EQ(written(record, changes[index], Tag::json, ids),
                  written(record, changes[index], Tag::msgpack, ids))
            << record << ", change " << index;
      }
    }
  }
}

}  // namespace
}  // namespace datagen
