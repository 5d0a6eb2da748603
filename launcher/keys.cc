#include "launcher/keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/suggest.h"

namespace datagen::launcher {

namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kDayMs = 86'400'000;

using enum KeyType;
using enum KeyKind;

// Bounds of geometry and workers are those of ipc/ring.h and ipc/slot_word.h.
constexpr Key kKeys[] = {
    {Scope::graph, "datagen", whole, form, "", "version of the format", 1, 1},
    {Scope::graph, "pipeline", text, running, "the file's name",
     "name of the pipeline and of its run directory"},
    {Scope::graph, "vars", map, form, "{}", "values for ${NAME} in this file"},
    {Scope::graph, "defaults", map, form, "{}", "running keys for every stage"},
    {Scope::graph, "input", text_or_map, meaning, "",
     "where records come from: a URI, or a map with uri and parameters"},
    {Scope::graph, "inputs", map, meaning, "", "several inputs, NAME: URI each, instead of input"},
    {Scope::graph, "merge", text_or_map, meaning, "",
     "the rule by which several inputs become one stream: its name, or a map with rule, weights and until"},
    {Scope::graph, "output", text_or_map, meaning, "",
     "where records go: a URI, or a map with uri and parameters"},
    {Scope::graph, "stages", list, meaning, "[]", "what happens to the records, in order"},
    {Scope::graph, "ids", choice, meaning, "true", "write _i; keep: take it from the input", 0, 0,
     "true|false|keep"},
    {Scope::graph, "commit_interval", duration, running, "1s",
     "time between two commits: what a stop costs at most", 10, kDayMs},
    {Scope::graph, "log_bytes", size, running, "64MiB",
     "a worker's log beyond this is put aside; the last three are kept", 4096, 0},
    {Scope::graph, "max_dead_letters", dead_letters, running, "5%",
     "count, or share of the records, at which the run stops"},
    {Scope::graph, "stage_path", text_or_list, running, "[]", "folders in which stages are looked up first"},
    {Scope::graph, "hooks", text_or_list, running, "[]",
     "who is told what happens to the run: a file, or a list of files, {fd: N} and {command: […]}"},
    {Scope::graph, "rings", map, running, "{}", "size of the shared memory between stages"},

    {Scope::rings, "slots", whole, running, "16 to 64, by the workers", "frames that a ring holds", 2,
     65'536},
    {Scope::rings, "block_bytes", size, running, "768KiB for 16 slots, less for more and for a small input",
     "room for one frame; larger ones overflow", 4096, 1024 * kMiB},
    {Scope::rings, "frame_records", whole, running, "0",
     "most records that the source puts in a frame; 0: as few as slow stages need", 0, 1'000'000'000},
    {Scope::rings, "checksums", choice, running, "true", "check every frame; false: trust the memory", 0, 0,
     "true|false"},

    {Scope::merge, "rule", choice, meaning, "mix, with weights",
     "concat: one input after the other; interleave: in turn, a record of each; mix: in turn, by weights; "
     "zip: their first records together, their second ones, and so on",
     0, 0, "concat|interleave|mix|zip"},
    {Scope::merge, "weights", map, meaning, "", "with mix: NAME: NUMBER for each input"},
    {Scope::merge, "until", choice, meaning, "all", "end with the last input, or with the first that ends", 0,
     0, "all|first"},

    {Scope::stage, "use", text, meaning, "", "name of the stage"},
    {Scope::stage, "run", text, meaning, "", "path of a stage's executable"},
    {Scope::stage, "exec", list, meaning, "", "any program that filters JSON Lines, and its arguments"},
    {Scope::stage, "mode", choice, meaning, "frame",
     "with exec; frame: the program is started for each frame, line: it answers line by line", 0, 0,
     "frame|line"},
    {Scope::stage, "when", text, meaning, "", "a jq expression: the records for which the stage is"},
    {Scope::stage, "params", map, meaning, "{}", "the stage's parameters, with use or run"},
    {Scope::stage, "id", text, meaning, "the stage's name", "name within this graph"},
    {Scope::stage, "from", text_or_list, meaning, "the stage above",
     "the stage that it reads, or several; input: the source"},
    {Scope::stage, "output", text_or_map, meaning, "", "where its records go, beside those that read it"},
    {Scope::stage, "durable", choice, meaning, "false",
     "true: who reads it starts from the file in output, at its own speed", 0, 0, "true|false"},
    {Scope::stage, "exclusions", text, meaning, "false",
     "keep the records that it drops: true, or the file where they go"},
    {Scope::stage, "workers", whole, running, "1", "processes", 1, 4096, {}, &RunningKeys::workers},
    {Scope::stage,
     "threads",
     whole,
     running,
     "1",
     "threads in each process",
     1,
     4096,
     {},
     &RunningKeys::threads},
    {Scope::stage,
     "frames",
     whole,
     running,
     "1",
     "frames that each process works on at once",
     1,
     1024,
     {},
     &RunningKeys::frames},
    {Scope::stage,
     "batch_size",
     whole,
     running,
     "0",
     "records for each call; 0: a whole frame",
     0,
     1'000'000,
     {},
     &RunningKeys::batch_size},
    {Scope::stage,
     "retries",
     whole,
     running,
     "0",
     "further attempts after an exception",
     0,
     1'000,
     {},
     &RunningKeys::retries},
    {Scope::stage,
     "backoff",
     duration,
     running,
     "100ms",
     "pause before the first retry",
     0,
     kDayMs,
     {},
     &RunningKeys::backoff_ms},
    {Scope::stage,
     "timeout",
     duration,
     running,
     "0",
     "longest time for a record; 0: none",
     0,
     30 * kDayMs,
     {},
     &RunningKeys::timeout_ms},
    {Scope::stage,
     "memory_limit",
     size,
     running,
     "0",
     "memory of each worker; 0: no limit",
     0,
     0,
     {},
     &RunningKeys::memory_limit_bytes},
    {Scope::stage,
     "crash_attempts",
     whole,
     running,
     "3",
     "deaths of a worker until a record is given up",
     1,
     1'000,
     {},
     &RunningKeys::crash_attempts},
    {Scope::stage, "on_error", choice, running, "dead_letter", "what becomes of a record that fails", 0, 0,
     "dead_letter|drop|fail"},
};

// Bounds in the words of the key's type.
std::string show_bound(const Key& key, std::int64_t bound) {
  if (key.type == KeyType::size) return show_bytes(static_cast<std::uint64_t>(bound));
  if (key.type == KeyType::duration)
    return bound % kDayMs == 0 ? fmt::format("{}d", bound / kDayMs) : fmt::format("{}ms", bound);
  return std::to_string(bound);
}

std::vector<std::string> split_choices(std::string_view choices) {
  std::vector<std::string> words;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    words.emplace_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return words;
}

}  // namespace

std::span<const Key> all_keys() { return kKeys; }

const Key* find_key(Scope scope, std::string_view name) {
  const auto found =
      std::ranges::find_if(kKeys, [&](const Key& key) { return key.scope == scope && key.name == name; });
  return found == std::end(kKeys) ? nullptr : &*found;
}

std::vector<std::string> key_names(Scope scope) {
  std::vector<std::string> names;
  for (const Key& key : kKeys) {
    if (key.scope == scope) names.emplace_back(key.name);
  }
  return names;
}

Result<std::int64_t> parse_number(const Key& key, std::string_view given) {
  const auto parsed = key.type == KeyType::size       ? parse_size(given)
                      : key.type == KeyType::duration ? parse_duration(given)
                                                      : parse_whole(given);
  if (!parsed) return parsed.error();
  if (parsed.value() < key.min)
    return Error(fmt::format("{} is too small: at least {}", given, show_bound(key, key.min)));
  if (key.max != 0 && parsed.value() > key.max) {
    return Error(fmt::format("{} is too large: at most {}", given, show_bound(key, key.max)));
  }
  return parsed.value();
}

Result<std::string> parse_choice(const Key& key, std::string_view given) {
  const std::vector<std::string> words = split_choices(key.choices);
  if (std::ranges::find(words, given) != words.end()) return std::string(given);
  return Error(
      fmt::format("expected {}, got '{}'{}", fmt::join(words, " or "), given, suggestion(given, words)));
}

}  // namespace datagen::launcher
