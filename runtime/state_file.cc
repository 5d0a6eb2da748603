#include "state_file.h"

#include <xxhash.h>

#include <cstdio>

#include "commit_log.h"

namespace datagen {

namespace {

constexpr std::size_t kLastLineBytes = 32;

// "datagen_state1 XXXXXXXXXXXXXXXX\n"
std::string last_line_of(std::string_view state) {
  constexpr std::uint64_t kSeed = 0x6461746167656e31;  // "datagen1", as in .done
  char line[kLastLineBytes + 1];
  std::snprintf(line, sizeof line, "datagen_state1 %016llx\n",
                static_cast<unsigned long long>(XXH3_64bits_withSeed(state.data(), state.size(), kSeed)));
  return line;
}

}  // namespace

Result<void> write_state(const std::string& path, std::string_view state) {
  return write_durably(path, std::string(state) + last_line_of(state));
}

Result<std::string> read_state(const std::string& path) {
  DATAGEN_TRY(std::string text, read_file(path));
  if (text.size() >= kLastLineBytes) {
    const std::string line = text.substr(text.size() - kLastLineBytes);
    text.resize(text.size() - kLastLineBytes);
    if (line == last_line_of(text)) return text;
  }
  return Error("the saved state " + path + " is damaged: it is not what was written");
}

}  // namespace datagen
