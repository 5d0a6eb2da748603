// Validates a record's JSON in full and gives simdjson's view of it.
//
// simdjson refuses three things that RFC 8259 allows and that must pass untouched: integers beyond 64 bits,
// numbers beyond a double, and escapes of lone surrogates. Such text (rare) is parsed once more from a copy
// of the same length in which those tokens are replaced; positions stay the same, and whoever reads one of
// the replaced values is told so by `is_exact`.
#pragma once

#include <simdjson.h>

#include <memory>
#include <string>
#include <string_view>

namespace datagen {

enum class JsonError : std::uint8_t { none, bad_json, invalid_utf8, not_an_object, too_deep };

// The name that a dead letter is counted by.
const char* reason_name(JsonError error);

class JsonDocument {
 public:
  // Parses `text`, behind which simdjson::SIMDJSON_PADDING bytes are readable. The root is any value.
  // The document stays valid until the next parse; strings are copied into it.
  JsonError parse(simdjson::dom::parser& parser, std::string_view text);

  simdjson::dom::element root() const { return root_; }
  std::string_view text() const { return text_; }
  // False: some value was replaced; check a string with json::has_lone_surrogate and a number by its text.
  bool is_exact() const { return exact_; }
  // What simdjson said, for messages.
  const char* message() const { return simdjson::error_message(error_); }

 private:
  JsonError parse_replaced(simdjson::dom::parser& parser);

  simdjson::dom::document document_;
  simdjson::dom::element root_;
  std::string_view text_;
  std::string replaced_;
  bool exact_ = true;
  simdjson::error_code error_ = simdjson::SUCCESS;
};

// A member of an object by key, the last of duplicates, and its place among the members; false when it is
// not there.
bool find_member(simdjson::dom::object object, std::string_view key, simdjson::dom::element& found,
                 std::size_t& index);

}  // namespace datagen
