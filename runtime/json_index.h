// The fast way to know that a record is valid JSON and where its fields are: simdjson's first stage over the
// text of many records at once, and a walk over the tokens that it found. Nothing is decoded and no tree is
// built.
//
// It answers yes or "not known": whoever is told the latter asks JsonDocument, which also says what is wrong.
// Why a yes is sound is argued in docs/performance.md, "Validation".
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "json_decode.h"
#include "json_escapes.h"

namespace datagen {

class JsonIndex {
 public:
  struct Field {
    std::string_view key;    // without quotes; it has no escapes
    std::string_view value;  // JSON text, no white space around it
  };

  // The records to be checked next lie in `text`, which stays as it is; whatever stands between them. Without
  // it each is looked at by itself, which costs more.
  void begin(std::string_view text) {
    around_ = text;
    text_ = {};
    is_window_ = false;
    spoiled_end_ = nullptr;
  }

  // `record` is a valid JSON object, and its fields are known. False: nobody knows yet.
  bool check(std::string_view record);
  // Of the last record for which check() was true, in their order, duplicates included.
  std::span<const Field> fields() const { return {fields_.data(), field_count_}; }
  // The last of them with this key; null when there is none.
  const Field* find(std::string_view key) const;
  // Of the same: nothing stands around the object and no line end within it, and it has no "_i".
  // `is_one_line`: the second is known.
  bool is_plain(bool is_one_line) const;
  // An escape \uD800 to \uDFFF may stand in it.
  bool may_have_surrogates() const { return escapes_.has_surrogate(); }
  // No escape stands in this part of it.
  bool is_free_of_escapes(std::string_view part) const {
    return !escapes_.any(offset(part.data()), offset(part.data()) + part.size());
  }
  // json::decode_string of what stands between the quotes of one of its strings.
  char* decode(std::string_view content, char* to, bool& is_canonical) const {
    return json::decode_string(content, escapes_, offset(content.data()), to, is_canonical);
  }

 private:
  bool covers(std::string_view record) const {
    return is_window_ && record.data() >= text_.data() &&
           record.data() + record.size() <= text_.data() + text_.size();
  }
  std::size_t offset(const char* at) const { return static_cast<std::size_t>(at - text_.data()); }
  void find_tokens(std::string_view record);
  bool scan(std::string_view text);
  const std::uint32_t* find_token(std::uint32_t at) const;
  bool walk(std::string_view object);

  simdjson::dom::parser parser_;
  JsonEscapes escapes_;  // of text_
  std::string_view around_;
  const char* spoiled_end_ = nullptr;  // records before it are looked at one by one
  std::string_view text_;              // whose tokens are known
  // The text is a part of that in which the records lie. A record's own says nothing of the next one, which
  // may stand at the same place.
  bool is_window_ = false;
  bool is_usable_ = false;               // the first stage had nothing to say against it
  const std::uint32_t* next_ = nullptr;  // token behind the last record
  const std::uint32_t* last_ = nullptr;  // behind the last token
  std::vector<Field> fields_;            // more than there are, to be used again
  std::size_t field_count_ = 0;
  std::string_view record_;  // of these fields
};

}  // namespace datagen
