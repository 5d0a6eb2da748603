// Text as Python sees it: what cleaning code needs to give the same bytes. All text is valid UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace datagen {

// Without leading and trailing white space, as str.strip(): Unicode White_Space and U+001C to U+001F.
std::string_view strip(std::string_view text);

// Number of Unicode code points, as len(str).
std::size_t count_code_points(std::string_view text);

// Byte position behind the first `count` code points (text.size() when there are fewer).
std::size_t code_point_offset(std::string_view text, std::size_t count);

}  // namespace datagen
