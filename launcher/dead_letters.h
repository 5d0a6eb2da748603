// Reading a run's dead-letter files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ipc/result.h"

namespace datagen::launcher {

struct DeadLetter {
  std::string line;  // as it stands in the file, without newline
  std::string id;    // "10" or "10_0"
  std::string stage, reason, message;
  std::optional<std::uint64_t> row;  // of the source; none for a record made at the end of the stream
  std::string path;                  // "0_3" of a child
  std::string uri;                   // of its source
  std::uint64_t source_line = 0;
  std::uint64_t source_offset = 0;
  std::uint64_t attempts = 1;
  std::string record;    // the payload's bytes as they entered the stage; for a bad line, of the line
  bool is_whole = true;  // the record is here in full, and is text
  std::string file;      // name of the file that it stands in
  std::uint64_t at = 0;  // where its line begins there
  std::string replayed;  // "ok" or "dead": how it fared when it was replayed; empty: it was not
};

struct DeadLetterFilter {
  std::string stage, reason, id;  // empty: any
  bool fits(const DeadLetter& letter) const {
    return (stage.empty() || stage == letter.stage) && (reason.empty() || reason == letter.reason) &&
           (id.empty() || id == letter.id);
  }
};

// A line of a dead-letter file; none: it is torn.
std::optional<DeadLetter> parse_dead_letter(const std::string& line);

// The record for which a stage with `on_error: fail` has stopped the run; none when it was for something
// else.
std::optional<DeadLetter> stopping_record(const std::string& run_directory);
void forget_stopping_record(const std::string& run_directory);

// The files, one for each sink, in the order of their names.
std::vector<std::string> dead_letter_paths(const std::string& run_directory);

// replayed.jsonl: which letters have been replayed. Empty when none was.
Result<std::string> read_replay_notes(const std::string& run_directory);

// Hands each one that fits to `take`, file by file. A torn last line (the run is writing it) is
// left out. Errors: the file cannot be read; `take` is not called again after it returns false.
Result<void> each_dead_letter(const std::string& run_directory, const DeadLetterFilter& filter,
                              const std::function<bool(const DeadLetter&)>& take);

}  // namespace datagen::launcher
