// "did you mean …": the known word that is nearest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace datagen::launcher {

// " (did you mean 'WORD'?)", or nothing when no known word is near enough to be what was meant.
std::string suggestion(std::string_view typed, const std::vector<std::string>& known);

// Steps from one word to the other: a letter inserted, removed, replaced, or two neighbours exchanged.
std::size_t edit_distance(std::string_view left, std::string_view right);

}  // namespace datagen::launcher
