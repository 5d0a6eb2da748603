// Texts with places for a record's fields: "Translate {text} into {target.language}". `{{` and `}}` are
// braces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <datagen/item.h>

namespace datagen::llm {

class Template {
 public:
  Template() = default;
  // Throws std::invalid_argument for a brace that is not closed or not opened, or a place without a name.
  explicit Template(std::string_view text);

  // With the fields' values: texts as they are, everything else as its JSON. Throws BadRecord for a field
  // that the record does not have.
  std::string fill(const Item& item) const;
  bool is_empty() const { return pieces_.empty(); }

 private:
  struct Piece {
    std::string text;                // as it stands
    std::vector<std::string> field;  // then this field: a key, and keys within it; empty: none
  };
  std::vector<Piece> pieces_;
};

// A value as a prompt shows it.
std::string_view shown(const Value& value);

}  // namespace datagen::llm
