// The fast way to know that a record is valid JSON and where its fields are: simdjson's first stage over the
// text of many records at once, and a walk over the tokens that it found. Nothing is decoded and no tree is
// built.
//
// It answers yes or "not known": whoever is told the latter asks JsonDocument, which also says what is wrong.
// Why a yes is sound is argued in docs/performance.md, "Validation".
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace datagen {

class JsonIndex {
 public:
  struct Field {
    std::string_view key;    // without quotes; it has no escapes
    std::string_view value;  // JSON text, no white space around it
  };

  // Looks for tokens in `text`, which holds records and whatever stands between them and stays as it is; any
  // bytes may follow it. An index of text that holds one record only costs more for each.
  // False: the first stage found something wrong somewhere in it, so nothing is known of any record.
  bool scan(std::string_view text);
  void clear() { text_ = {}; }
  bool covers(std::string_view record) const {
    return record.data() >= text_.data() && record.data() + record.size() <= text_.data() + text_.size();
  }

  // `record`, which the index covers, is a valid JSON object, and its fields are known. False: nobody knows
  // yet.
  bool check(std::string_view record);
  // Of the last record for which check() was true, in their order, duplicates included.
  const std::vector<Field>& fields() const { return fields_; }
  // The last of them with this key; null when there is none.
  const Field* find(std::string_view key) const;
  // Of the same: nothing stands around the object and no line end within it, and it has no "_i".
  bool is_plain() const { return is_plain_; }

 private:
  const std::uint32_t* find_token(std::uint32_t at) const;
  bool walk(std::uint32_t begin, std::uint32_t end);

  simdjson::dom::parser parser_;
  std::string_view text_;
  bool is_usable_ = false;               // the first stage had nothing to say against the text
  bool has_return_ = false;              // a carriage return stands somewhere in it
  const std::uint32_t* next_ = nullptr;  // token behind the last record
  const std::uint32_t* last_ = nullptr;  // behind the last token
  std::vector<Field> fields_;
  bool is_plain_ = false;
};

}  // namespace datagen
