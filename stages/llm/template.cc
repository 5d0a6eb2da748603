#include "llm/template.h"

#include <stdexcept>
#include <utility>

namespace datagen::llm {

namespace {

std::vector<std::string> path_of(std::string_view name) {
  std::vector<std::string> path;
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::string_view key = name.substr(0, dot);
    if (key.empty())
      throw std::invalid_argument("a place for a field has no name: write {field}, or {{ for a brace");
    path.emplace_back(key);
    if (dot == std::string_view::npos) return path;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

Template::Template(std::string_view text) {
  Piece piece;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool is_doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && is_doubled) {
      piece.text += c;
      ++at;
    } else if (c == '}') {
      throw std::invalid_argument("a '}' closes nothing: write }} for a brace");
    } else if (c == '{') {
      const std::size_t end = text.find_first_of("{}", at + 1);
      if (end == std::string_view::npos || text[end] == '{')
        throw std::invalid_argument("a '{' is not closed: write {field}, or {{ for a brace");
      piece.field = path_of(text.substr(at + 1, end - at - 1));
      pieces_.push_back(std::move(piece));
      piece = {};
      at = end;
    } else {
      piece.text += c;
    }
  }
  if (!piece.text.empty()) pieces_.push_back(std::move(piece));
}

std::string_view shown(const Value& value) {
  return value.type() == Value::Type::text ? value.as<std::string_view>() : value.raw();
}

std::string Template::fill(const Item& item) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    if (piece.field.empty()) continue;
    Value value = item.get(piece.field.front());
    std::string name = piece.field.front();
    for (std::size_t index = 1; index < piece.field.size(); ++index) {
      value = value[piece.field[index]];
      name += "." + piece.field[index];
    }
    if (!value)
      throw BadRecord("missing_field",
                      "the prompt asks for '" + name + "', which record " + item.id() + " does not have");
    text += shown(value);
  }
  return text;
}

}  // namespace datagen::llm
