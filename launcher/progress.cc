#include "launcher/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "launcher/json_text.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::milliseconds kTerminalInterval{250};
constexpr std::chrono::seconds kLinesInterval{30};
constexpr std::size_t kColumnsUnknown = 100;

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumnsUnknown;
}

void write_line(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

std::string message_json(const std::string& message) {
  return fmt::format("{{\"event\": \"message\", \"text\": {}}}", json_string(message));
}

}  // namespace

bool Progress::is_due() const { return mode_ != Mode::quiet && Clock::now() >= next_; }

void Progress::show(const ProgressView& view) {
  if (!is_due()) return;
  next_ = Clock::now() +
          (mode_ == Mode::terminal ? Clock::duration(kTerminalInterval) : Clock::duration(kLinesInterval));
  if (!has_begun_) {
    has_begun_ = true;
    return;
  }
  if (mode_ == Mode::lines) write_line(progress_line(view));
  if (mode_ == Mode::json) write_line(progress_json(view));
  if (mode_ != Mode::terminal) return;
  // One write, each line cleared behind its text: nothing flickers.
  std::string text = lines_open_ > 0 ? fmt::format("\033[{}A", lines_open_) : "";
  const auto lines = progress_lines(view, terminal_columns() - 1);
  for (const std::string& line : lines) text += "\r" + line + "\033[K\n";
  text += "\033[J";
  lines_open_ = lines.size();
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void Progress::clear() {
  if (lines_open_ > 0) std::fprintf(stderr, "\033[%zuA\r\033[J", lines_open_);
  lines_open_ = 0;
}

void Progress::say(const std::string& message) {
  if (mode_ == Mode::quiet) return;
  clear();
  write_line(mode_ == Mode::json ? message_json(message) : message);
}

void Progress::say_at_end(const std::string& lines) {
  clear();
  if (mode_ == Mode::json) {
    write_line(message_json(lines.substr(0, lines.find_last_not_of('\n') + 1)));
  } else {
    std::fputs(lines.c_str(), stderr);
  }
}

}  // namespace datagen::launcher
