#include "launcher/text_table.h"

#include <algorithm>

namespace datagen::launcher {

namespace {
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string cut_to(const std::string& text, std::size_t columns) {
  if (width_of(text) <= columns) return text;
  if (columns == 0) return {};
  std::size_t at = 0;
  for (std::size_t width = 0; at < text.size(); ++at) {
    if (begins_character(text[at]) && width++ == columns - 1) break;
  }
  return text.substr(0, at) + "…";
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], width_of(row[column]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column)
      line += row[column] + std::string(widths[column] - width_of(row[column]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace datagen::launcher
