// runtime.json: the welded plan on disk (docs/run_directory.md). Written by the launcher before anything
// starts, read by every worker, by tools and by a resume.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launcher/plan.h"

namespace datagen::launcher {

// Where a resumed run goes on: right behind the newest mark that every committer holds.
struct ResumePoint {
  std::uint64_t mark = 0;
  std::uint64_t seq = 0;   // the first frame
  std::string cursor_hex;  // of the source
};

// While dead letters enter a complete run again: launcher/replay.h.
struct Replay {
  std::string stage;                // that gave them up
  std::uint64_t mark = 0;           // of the line that opens the .done logs again
  std::uint64_t letters = 0;        // how many
  std::vector<std::string> passed;  // stages before it that they pass once more
};

// How a part of the graph starts in this generation.
struct PartStart {
  bool is_sealed = false;             // it is done: its stages are not started
  std::optional<ResumePoint> resume;  // else it begins
};

// An executable that was built anew between two starts of the run.
struct Rebuilt {
  std::string stage, path;
  std::uint64_t generation = 0;  // the first that used it; 0: the next one will
  std::uint64_t frame = 0;       // from which on
};

struct RuntimeFile {
  std::string run_id;            // 12 hex digits, the same for every resume
  std::uint64_t generation = 1;  // grows with every start of the graph; never used twice
  std::vector<PartStart> parts;  // by Plan's numbers of them; none in a run that begins
  std::optional<Replay> replay;
  std::vector<Rebuilt> rebuilt;
  // Folders with what other runs have paid for: those that this one replaces, and its trial
  // (launcher/paid_calls.h).
  std::vector<std::string> earlier_ledgers;
  Plan plan;

  PartStart start_of(std::uint32_t part) const { return part < parts.size() ? parts[part] : PartStart{}; }
};

// Errors: as the system tells them.
Result<void> write_runtime_file(const std::string& run_directory, const RuntimeFile& file,
                                const std::string& name = "runtime.json");

// Errors: no such file; not a plan, or of a version that this build does not know.
Result<RuntimeFile> read_runtime_file(const std::string& run_directory,
                                      const std::string& name = "runtime.json");

}  // namespace datagen::launcher
