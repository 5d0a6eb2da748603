#include "json_scan.h"

#include <cstring>

namespace datagen::json {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Behind the string whose opening quote is at `position`.
std::size_t skip_string(std::string_view text, std::size_t position) {
  ++position;
  for (;;) {
    position = text.find_first_of("\"\\", position);
    if (text[position] == '"') return position + 1;
    position += 2;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::size_t skip_space(std::string_view text, std::size_t position) {
  while (position < text.size() && is_space(text[position])) ++position;
  return position;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t skip_value(std::string_view text, std::size_t position) {
  if (text[position] == '"') return skip_string(text, position);
  if (text[position] != '{' && text[position] != '[') {
    const std::size_t end = text.find_first_of(",]} \t\r\n", position);
    return end == std::string_view::npos ? text.size() : end;
  }
  std::size_t depth = 0;
  for (;;) {
    position = text.find_first_of("\"{}[]", position);
    switch (text[position]) {
      case '"':
        position = skip_string(text, position);
        continue;
      case '{':
      case '[':
        ++depth;
        break;
      default:
        if (--depth == 0) return position + 1;
    }
    ++position;
  }
}

int escaped_code_unit(std::string_view text, std::size_t position) {
  if (position + 6 > text.size() || text[position] != '\\' || text[position + 1] != 'u') return -1;
  int unit = 0;
  for (std::size_t index = position + 2; index < position + 6; ++index) {
    const int digit = hex_digit(text[index]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool has_lone_surrogate(std::string_view text) {
  for (std::size_t position = text.find('\\'); position != std::string_view::npos;
       position = text.find('\\', position)) {
    const int unit = escaped_code_unit(text, position);
    if (unit < 0xD800 || unit > 0xDFFF) {
      position += 2;
      continue;
    }
    const int next = escaped_code_unit(text, position + 6);
    if (unit >= 0xDC00 || next < 0xDC00 || next > 0xDFFF) return true;
    position += 12;
  }
  return false;
}

}  // namespace datagen::json
