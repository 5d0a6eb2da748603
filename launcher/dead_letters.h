// Reading a run's dead_letter.jsonl.
#pragma once

#include <functional>
#include <string>

#include "ipc/result.h"

namespace datagen::launcher {

struct DeadLetter {
  std::string line;  // as it stands in the file, without newline
  std::string id;    // "10" or "10_0"
  std::string stage, reason, message;
  std::string uri;  // of its source
  std::uint64_t source_line = 0;
  std::uint64_t attempts = 1;
  std::string record;  // the payload's bytes as they entered the stage; for a bad line, of the line
};

struct DeadLetterFilter {
  std::string stage, reason, id;  // empty: any
  bool fits(const DeadLetter& letter) const {
    return (stage.empty() || stage == letter.stage) && (reason.empty() || reason == letter.reason) &&
           (id.empty() || id == letter.id);
  }
};

// Hands each one that fits to `take`, in the order of the file. A torn last line (the run is writing it) is
// left out. Errors: the file cannot be read; `take` is not called again after it returns false.
Result<void> each_dead_letter(const std::string& run_directory, const DeadLetterFilter& filter,
                              const std::function<bool(const DeadLetter&)>& take);

}  // namespace datagen::launcher
