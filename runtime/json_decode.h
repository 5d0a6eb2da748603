// What JSON strings say.
#pragma once

#include <cstddef>
#include <string_view>

#include "json_escapes.h"

namespace datagen::json {

constexpr std::size_t kDecodeSlack = 64;

// Writes what a JSON string says, given what stands between its quotes, and returns the end of it; null when
// it has a lone surrogate, and thus no UTF-8 form. `escapes` are those of a text in which `content` begins at
// `offset`. Up to kDecodeSlack bytes are read behind `content`, and written behind
// the result, which is never longer. `is_canonical`: the writer of json_write.h would give the same content.
char* decode_string(std::string_view content, const JsonEscapes& escapes, std::size_t offset, char* to,
                    bool& is_canonical);

}  // namespace datagen::json
