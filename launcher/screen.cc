#include "launcher/screen.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <memory>
#include <sstream>

// Behind all others: without this it defines words such as move and erase as macros.
#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>
#undef lines

namespace datagen::launcher {

namespace {

volatile sig_atomic_t interrupted = 0;

// Where the tables go. `show` returns false when the user has asked for the end.
class Output {
 public:
  virtual ~Output() = default;
  virtual bool show(const std::string& text, std::chrono::milliseconds pause) = 0;
};

class Screen : public Output {
 public:
  explicit Screen(SCREEN* screen) : screen_(screen) {
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
  }
  ~Screen() override {
    endwin();
    delscreen(screen_);
  }
  bool show(const std::string& text, std::chrono::milliseconds pause) override {
    const auto next = std::chrono::steady_clock::now() + pause;
    for (;;) {
      draw(text);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - std::chrono::steady_clock::now());
      if (left.count() <= 0) return true;
      wtimeout(stdscr, static_cast<int>(left.count()));
      const int key = wgetch(stdscr);  // ends early on a key, a new size of the window, or a signal
      if (key == 'q' || key == 'Q' || interrupted != 0) return false;
    }
  }

 private:
  static void draw(const std::string& text) {
    werase(stdscr);
    std::istringstream lines(text);
    int row = 0;
    for (std::string line; row < LINES && std::getline(lines, line); ++row)
      mvwaddnstr(stdscr, row, 0, line.c_str(), -1);
    if (row < LINES) mvwaddnstr(stdscr, LINES - 1, 0, "q: quit", -1);
    wrefresh(stdscr);
  }
  SCREEN* screen_;
};

class Plain : public Output {
 public:
  // `clears`: a terminal that ncurses does not know.
  explicit Plain(bool clears) : clears_(clears) {}
  bool show(const std::string& text, std::chrono::milliseconds pause) override {
    if (clears_) std::fputs("\x1b[H\x1b[2J", stdout);
    std::fputs((text + (clears_ ? "" : "\n")).c_str(), stdout);
    std::fflush(stdout);
    if (pause.count() > 0) poll(nullptr, 0, static_cast<int>(pause.count()));
    return interrupted == 0;
  }

 private:
  bool clears_;
};

bool is_known_terminal() {
  int reason = 0;
  if (setupterm(nullptr, STDOUT_FILENO, &reason) != OK) return false;
  del_curterm(cur_term);  // newterm() makes its own
  return true;
}

std::unique_ptr<Output> open_output() {
  if (isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0) return std::make_unique<Plain>(false);
  std::setlocale(LC_ALL, "");
  // initscr() ends the program when it does not know the terminal, and newterm() loses memory.
  if (is_known_terminal()) {
    if (SCREEN* screen = newterm(nullptr, stdout, stdin)) return std::make_unique<Screen>(screen);
  }
  return std::make_unique<Plain>(true);
}

}  // namespace

int show_live(const std::function<std::string()>& text, std::chrono::milliseconds interval,
              std::uint64_t count) {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };  // without SA_RESTART: waits end
  sigaction(SIGINT, &action, nullptr);
  const auto output = open_output();
  for (std::uint64_t round = 1;; ++round) {
    const bool is_last = round == count;
    if (!output->show(text(), is_last ? std::chrono::milliseconds(0) : interval) || is_last) break;
  }
  return interrupted != 0 ? 130 : 0;
}

}  // namespace datagen::launcher
