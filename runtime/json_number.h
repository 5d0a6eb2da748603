// The double that a JSON number stands for.
#pragma once

#include <optional>
#include <string_view>

namespace datagen::json {

// The nearest one, 0 for what is too small. `number` is valid by RFC 8259. Nothing: it is too large.
std::optional<double> to_double(std::string_view number);

}  // namespace datagen::json
