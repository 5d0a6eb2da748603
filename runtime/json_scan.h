// Walks over JSON text that is already known to be valid, to find where values begin and end. simdjson's DOM
// does not keep positions, and its parsed numbers do not keep their text; both are needed to pass a value on
// byte for byte. Only number_end and escaped_code_unit may be used on text that was not validated.
#pragma once

#include <cstddef>
#include <string_view>

namespace datagen::json {

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

// The length of a number by the grammar of RFC 8259, or 0 when there is none. `byte(n)` is the n-th byte of
// the text; any that is no part of a number stands for its end.
template <class Byte>
std::size_t number_length(Byte byte) {
  std::size_t at = byte(0) == '-' ? 1 : 0;
  const auto skip_digits = [&] {
    const std::size_t begin = at;
    while (is_digit(byte(at))) ++at;
    return at > begin;
  };
  if (byte(at) == '0') {
    if (is_digit(byte(++at))) return 0;
  } else if (!skip_digits()) {
    return 0;
  }
  if (byte(at) == '.') {
    ++at;
    if (!skip_digits()) return 0;
  }
  if (byte(at) == 'e' || byte(at) == 'E') {
    ++at;
    if (byte(at) == '+' || byte(at) == '-') ++at;
    if (!skip_digits()) return 0;
  }
  return at;
}

// The end of the number at `position`, or `position` when there is none.
std::size_t number_end(std::string_view text, std::size_t position);

// The code unit of the escape \uXXXX at `position`, or -1.
int escaped_code_unit(std::string_view text, std::size_t position);

// Whether \n or \r stands in a text.
bool has_line_end(std::string_view text);

// Whether a JSON text or string contains an escape \uD800 to \uDFFF without its other half.
bool has_lone_surrogate(std::string_view text);

}  // namespace datagen::json
