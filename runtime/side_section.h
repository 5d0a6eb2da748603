// What travels beside a frame's records, along the first out-edge to the sink: dead letters, dropped records
// for those who keep them, counts by stage, counters of operators. So they commit with the frame, exactly
// once, and a redo cannot count twice.
//
// Format: entries of {u32 kind, u32 length, bytes}.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datagen/usage.h"
#include "ipc/result.h"

namespace datagen {

// What one stage did to one frame, or, added up, to a whole stream.
struct StageCounts {
  std::uint64_t in = 0;               // records that entered
  std::uint64_t out = 0;              // records that left, children included
  std::uint64_t dropped = 0;          // filtered by the operator
  std::uint64_t dead = 0;             // dead-lettered
  std::uint64_t parents = 0;          // replaced by their children
  std::uint64_t children = 0;         // that replaced them
  std::uint64_t joined = 0;           // became one with the same record of another branch
  std::uint64_t exclusion_bytes = 0;  // of the lines that keep dropped records

  // Nothing vanished.
  bool is_balanced() const { return in + children == out + dropped + dead + parents + joined; }
  StageCounts& operator+=(const StageCounts& other);
  friend bool operator==(const StageCounts&, const StageCounts&) = default;
};

struct UsageKey {
  std::string model, endpoint;
  UsageKind kind = UsageKind::kept;
  friend auto operator<=>(const UsageKey&, const UsageKey&) = default;
};

struct Usage {
  std::uint64_t calls = 0, prompt_tokens = 0, completion_tokens = 0;
  std::int64_t cost_nano = 0;  // whole numbers: sums do not depend on their order

  double cost() const { return static_cast<double>(cost_nano) * 1e-9; }
  Usage& operator+=(const Usage& other);
};

using UsageByKey = std::map<UsageKey, Usage>;
// Of a stage; further ones are added up under kOtherModels. Names of models come from servers, so nothing
// else bounds how many there are.
constexpr std::size_t kUsageKeysMax = 128;
constexpr const char* kOtherModels = "(others)";
// What was paid for, by model: all but UsageKind::reused.
std::map<std::string, Usage> paid_by_model(const UsageByKey& usage);
// "kept", "retry", "waste" or "reused".
const char* name_of(UsageKind kind);

// One stage's part, as it is collected while a frame is worked on.
struct StageNotes {
  StageCounts counts;
  std::map<std::string, std::uint64_t, std::less<>> drop_reasons;
  std::map<std::string, std::int64_t, std::less<>> counters;
  UsageByKey usage;
  std::vector<std::string> dead_letters;  // finished JSON lines, without newline
  std::string exclusions;                 // finished JSON lines, each with its newline
  // Who was dropped, for tests of operators; left empty unless asked for.
  struct Dropped {
    std::string id, reason;
  };
  std::uint64_t errors = 0, retries = 0;  // of attempts; for display, they do not travel
  bool wants_dropped = false;
  std::vector<Dropped> dropped;

  void clear();
};

// `incoming` (the side section of the frame that was read) with this stage's notes behind it.
void append_side_section(std::string& out, std::string_view incoming, std::uint32_t stage,
                         const StageNotes& notes);

// The side section without what stands in files by then, dead letters and dropped records: what a journal
// keeps.
void append_accounts(std::string& out, std::string_view side);

// What of a side section goes into files; views into it.
struct SideLines {
  std::vector<std::string_view> dead_letters;                          // without newline
  std::vector<std::pair<std::uint32_t, std::string_view>> exclusions;  // by stage; lines with their newlines
  void clear() {
    dead_letters.clear();
    exclusions.clear();
  }
};

// All that arrived at a sink, added up by stage.
class Totals {
 public:
  // Adds a side section and hands its lines to `lines`. Errors: damaged bytes.
  Result<void> add(std::string_view side, SideLines& lines);

  struct Stage {
    StageCounts counts;
    std::map<std::string, std::uint64_t, std::less<>> drop_reasons;
    std::map<std::string, std::int64_t, std::less<>> counters;
    UsageByKey usage;
  };
  // Everything so far as one side section.
  void append_to(std::string& out) const;
  const std::map<std::uint32_t, Stage>& stages() const { return stages_; }
  Stage& stage(std::uint32_t index) { return stages_[index]; }

 private:
  std::map<std::uint32_t, Stage> stages_;
};

}  // namespace datagen
