// A table as text: columns as wide as their widest cell, two spaces apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace datagen::launcher {

// Columns that a terminal needs for UTF-8 without wide characters: its code points.
std::size_t width_of(std::string_view text);
// Cut to `columns`, with … at the end when something is missing.
std::string cut_to(const std::string& text, std::size_t columns);

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { add(std::move(head)); }
  // Fewer cells than the head has leave the rest empty.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // A line for each row, the head first; no spaces at their ends.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace datagen::launcher
