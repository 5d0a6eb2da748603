// Every key of the graph file: its type, default, bounds and kind. Validation reads this table, and so do the
// schema and the documents; a key exists by standing here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/result.h"
#include "launcher/values.h"

namespace datagen::launcher {

// What a stage may be given to run with; does not change what it writes.
struct RunningKeys {
  std::int64_t workers = 1;
  std::int64_t threads = 1;     // for each frame
  std::int64_t frames = 1;      // that each worker has in work at once
  std::int64_t batch_size = 0;  // records; 0: a whole frame
  std::int64_t retries = 0;     // further attempts after an exception
  std::int64_t backoff_ms = 100;
  std::int64_t timeout_ms = 0;          // for each record; 0: none
  std::int64_t memory_limit_bytes = 0;  // for each worker; 0: none
  std::int64_t crash_attempts = 3;
  std::string on_error = "dead_letter";
};

enum class Scope : std::uint8_t { graph, stage, rings, merge };

enum class KeyType : std::uint8_t {
  text,
  whole,
  size,      // bytes
  duration,  // milliseconds
  choice,
  dead_letters,  // a count or a share
  text_or_map,   // an end: a URI, or a map with `uri`
  text_or_list,  // folders
  map,
  list,
};

// A running key may change between a run and its resume; a changed meaning key is refused there. `form` keys
// say how to read the file and have no value of their own.
enum class KeyKind : std::uint8_t { meaning, running, form };

struct Key {
  Scope scope;
  std::string_view name;
  KeyType type;
  KeyKind kind;
  std::string_view default_text;  // as it would be written; empty: none
  std::string_view help;
  std::int64_t min = 0;
  std::int64_t max = 0;                         // 0: no bound
  std::string_view choices = {};                // separated by '|'
  std::int64_t RunningKeys::*number = nullptr;  // where the value goes, for running keys of a stage
};

std::span<const Key> all_keys();
const Key* find_key(Scope scope, std::string_view name);
std::vector<std::string> key_names(Scope scope);

// The value of a key whose type is whole, size or duration. Errors: of another type, or out of bounds.
Result<std::int64_t> parse_number(const Key& key, std::string_view text);
// Errors: none of the choices, with a suggestion.
Result<std::string> parse_choice(const Key& key, std::string_view text);

}  // namespace datagen::launcher
