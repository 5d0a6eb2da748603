// The command line as it describes itself: from the same text come --help, the manual page and what a shell
// completes.
#pragma once

#include <string>
#include <vector>

namespace datagen::launcher {

struct Verb {
  struct Option {
    std::string names;     // "-h,--help"
    std::string argument;  // "TEXT"; empty: a flag
    std::string help;
  };
  std::string name, help;
  std::vector<std::string> positionals;  // "RUN"
  std::vector<Option> options;
  std::string footer;  // examples and exit codes
};

// A script for `shell`: bash, zsh or fish; empty for another.
std::string completion_script(const std::vector<Verb>& verbs, const std::string& shell);
// PROGRAM.1, as roff. `about`: what it does, in a sentence.
std::string manual_page(const std::string& program, const std::string& about, const std::vector<Verb>& verbs,
                        const std::string& version);

}  // namespace datagen::launcher
