// What csv:// has in common for reading and writing.
#pragma once

#include <datagen/parameters.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace datagen {

inline void declare_delimiter(Parameters& parameters) {
  parameters.text("delimiter", "auto").help("one character, or tab; auto: a tab for .tsv, else a comma");
}

// "," or ";" or "tab"; auto: a tab for .tsv, else a comma.
inline char read_delimiter(const std::string& text, std::string_view path) {
  if (text == "auto") return path.ends_with(".tsv") ? '\t' : ',';
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() != 1 || text == "\"" || text == "\n" || text == "\r")
    throw std::runtime_error("delimiter: expected one character (or tab), got '" + text + "'");
  return text.front();
}

// "a,b,c"
inline std::vector<std::string> read_columns(std::string_view text) {
  std::vector<std::string> columns;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    columns.emplace_back(text.substr(0, comma));
    if (columns.back().empty()) throw std::runtime_error("columns: a name is empty");
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return columns;
}

}  // namespace datagen
