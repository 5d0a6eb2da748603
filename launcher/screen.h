// A text that is shown again and again: on the whole screen where there is a terminal, else one below the
// other. The only file that knows ncurses.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace datagen::launcher {

// Shows what `text` makes, until q, Ctrl-C, or `count` looks (0: no limit). The exit code: 0, or 130 after
// Ctrl-C.
int show_live(const std::function<std::string()>& text, std::chrono::milliseconds interval,
              std::uint64_t count);

}  // namespace datagen::launcher
