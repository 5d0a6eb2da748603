// Writing JSON text: what fmt leaves to be done.
#pragma once

#include <string>
#include <string_view>

namespace datagen::launcher {

// A JSON string with its quotes; bytes that need no escape stay as they are. `text` is UTF-8.
std::string json_string(std::string_view text);

// A JSON number that reads back as the same double; whole numbers without a fraction. `value` is finite.
std::string json_number(double value);

}  // namespace datagen::launcher
