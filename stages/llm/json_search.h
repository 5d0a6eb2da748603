// Where in an answer JSON may stand: alone, in code fences, in prose, written as a text.
#pragma once

#include <string_view>
#include <vector>

#include "llm/json_repair.h"

namespace datagen::llm {

// Every object and array in an answer, the likeliest first: the answer itself, what stands in code fences,
// then what is found in the prose; whole ones before truncated ones, long ones before short ones.
std::vector<FoundJson> find_json(std::string_view answer);

}  // namespace datagen::llm
