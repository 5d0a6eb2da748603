// Walks over JSON text that is already known to be valid, to find where values begin and end. simdjson's DOM
// does not keep positions, and its parsed numbers do not keep their text; both are needed to pass a value on
// byte for byte. Only number_end and escaped_code_unit may be used on text that was not validated.
#pragma once

#include <cstddef>
#include <string_view>

namespace datagen::json {

constexpr std::size_t kDecodeSlack = 32;

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Behind the white space at `position`.
std::size_t skip_space(std::string_view text, std::size_t position);

// Behind the value that begins at `position`.
std::size_t skip_value(std::string_view text, std::size_t position);

// Without white space around it.
std::string_view trim(std::string_view text);

// Calls visit(key, value) for each member of an object, or visit({}, value) for each element of an array;
// `key` is the text of the key's JSON string, quotes included. A visit that returns false ends the walk.
template <class Visit>
void for_each_child(std::string_view container, Visit visit) {
  std::size_t position = skip_space(container, 0);
  const bool object = container[position] == '{';
  position = skip_space(container, position + 1);
  while (container[position] != '}' && container[position] != ']') {
    std::string_view key;
    if (object) {
      const std::size_t key_end = skip_value(container, position);
      key = container.substr(position, key_end - position);
      position = skip_space(container, skip_space(container, key_end) + 1);  // behind the colon
    }
    const std::size_t end = skip_value(container, position);
    if (!visit(key, container.substr(position, end - position))) return;
    position = skip_space(container, end);
    if (container[position] == ',') position = skip_space(container, position + 1);
  }
}

// A JSON string without escapes needs no decoding: its content is the bytes between the quotes.
inline bool is_plain_string(std::string_view value) {
  return value.size() >= 2 && value[0] == '"' && value.find('\\') == std::string_view::npos;
}

// The end of a number by the grammar of RFC 8259, or `position` when there is none.
std::size_t number_end(std::string_view text, std::size_t position);

// Writes what a JSON string says, given what stands between its quotes, and returns the end of it; null when
// it has a lone surrogate, and thus no UTF-8 form. Up to kDecodeSlack bytes are read behind `content`, and
// written behind the result, which is never longer. `is_canonical`: the writer of json_write.h would give the
// same content.
char* decode_string(std::string_view content, char* to, bool& is_canonical);

// The code unit of the escape \uXXXX at `position`, or -1.
int escaped_code_unit(std::string_view text, std::size_t position);

// Whether a JSON text or string contains an escape \uD800 to \uDFFF without its other half.
bool has_lone_surrogate(std::string_view text);

}  // namespace datagen::json
