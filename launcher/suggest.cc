#include "launcher/suggest.h"

#include <algorithm>

namespace datagen::launcher {

namespace {
// Longer words are no keys, names or flags that anyone mistyped; the distance costs their product.
constexpr std::size_t kWordBytesMax = 64;
}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
  // Rows of the table of prefixes: the one before the last, the last, and the one that is being filled.
  std::vector<std::size_t> before(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t column = 0; column <= right.size(); ++column) last[column] = column;
  for (std::size_t line = 1; line <= left.size(); ++line) {
    row[0] = line;
    for (std::size_t column = 1; column <= right.size(); ++column) {
      const bool same = left[line - 1] == right[column - 1];
      row[column] = std::min({last[column] + 1, row[column - 1] + 1, last[column - 1] + (same ? 0 : 1)});
      const bool exchanged = line > 1 && column > 1 && left[line - 1] == right[column - 2] &&
                             left[line - 2] == right[column - 1];
      if (exchanged) row[column] = std::min(row[column], before[column - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[right.size()];
}

std::string suggestion(std::string_view typed, const std::vector<std::string>& known) {
  if (typed.empty() || typed.size() > kWordBytesMax) return {};
  const std::string* nearest = nullptr;
  std::size_t distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string& word : known) {
    if (word.size() > kWordBytesMax) continue;
    const std::size_t steps = edit_distance(typed, word);
    // A word of which every letter was replaced is another word.
    if (steps >= distance || steps >= word.size()) continue;
    distance = steps;
    nearest = &word;
  }
  return nearest == nullptr ? std::string() : " (did you mean '" + *nearest + "'?)";
}

}  // namespace datagen::launcher
