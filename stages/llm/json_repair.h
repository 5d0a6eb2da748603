// JSON out of what models write: in prose or code fences, with trailing commas, single quotes, comments,
// quotes that are not escaped, cut off in the middle. What is found is always valid JSON; whether it is what
// was wanted, a schema has to say.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace datagen::llm {

struct FoundJson {
  std::string text;           // strict JSON
  bool is_truncated = false;  // its end was missing: it was closed behind its last complete member or element
  std::size_t length = 0;     // of the text that it was read from
};

// The object or array that begins at text[0], read with tolerance. Its numbers and strings keep their bytes
// wherever they are JSON already. Of a truncated one further versions, in which what was open is left out,
// from the inside out. Nothing: it cannot be read so.
std::vector<FoundJson> repair_json(std::string_view text);

// Adds one that is not among them already.
void add(std::vector<FoundJson>& all, FoundJson found);

}  // namespace datagen::llm
