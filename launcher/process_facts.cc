#include "launcher/process_facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace datagen::launcher {

std::optional<ProcessFacts> read_process(pid_t pid) {
  if (pid <= 0) return {};
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return {};
  // Behind the name, which may have spaces and brackets of its own; the state is field 3.
  std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
  ProcessFacts facts;
  rest >> facts.state;
  if (!rest || facts.state == 'Z' || facts.state == 'X') return {};
  std::uint64_t user = 0, system = 0, pages = 0;
  std::string field;
  for (int number = 4; number <= 24; ++number) {
    if (number == 14) {
      rest >> user;
    } else if (number == 15) {
      rest >> system;
    } else if (number == 22) {
      rest >> facts.start_ticks;
    } else if (number == 24) {
      rest >> pages;
    } else {
      rest >> field;
    }
  }
  facts.cpu_seconds = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  facts.rss_bytes = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return facts;
}

}  // namespace datagen::launcher
