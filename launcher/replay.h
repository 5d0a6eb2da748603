// Replay: dead letters of a complete run enter it again at the stage that gave them up, and what becomes of
// them is appended to the same outputs, under commits of the same kind.
//
// A replay is a further start of the same graph, cut down to what stands behind one stage, with the letters
// as its source. On disk (docs/run_directory.md): replay.jsonl, the letters; before_replay.json, the run's
// own plan, while runtime.json holds the cut-down one; then the sealed .done logs get one line that opens
// them again. Each step may be repeated: a launcher that dies in the middle is gone on with by `datagen
// resume`. At the end replayed.jsonl notes the letters and how they fared, and runtime.json is the run's own
// again.
//
// Owner: the launcher that holds the run's lock; no worker lives while one of these functions runs.
#pragma once

#include <string>
#include <vector>

#include "ipc/result.h"
#include "launcher/dead_letters.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

// The letters that have not been replayed, by stage in the order of the plan, those of one stage in the order
// of the input. Errors: the files cannot be read.
struct ReplayBatch {
  std::string stage;
  std::vector<DeadLetter> letters;
  std::vector<std::string> passed;  // stages that they pass once more before it: none, or all from the source
};
Result<std::vector<ReplayBatch>> select_for_replay(const std::string& run_directory, const Plan& plan,
                                                   const DeadLetterFilter& filter);

// The plan of a replay: the same stages, of which only those behind `stage` (and itself) have workers and
// edges. `source` is the executable that reads letters. Errors: the stage is a source or joins branches; one
// behind it does, or keeps state.
Result<Plan> replay_plan(const Plan& plan, const std::string& stage, const std::string& source,
                         const std::string& letters_path);

// Makes of a batch one whose records are read from the input again, and pass all stages before the one that
// gave them up. Errors: the input cannot be read; children, whose siblings would be made twice; a branch
// before the stage, whose records are written already; a stage there that keeps state.
Result<void> reread_from_source(const std::string& run_directory, const Plan& plan, ReplayBatch& batch);

// Makes a complete run one that replays a batch. Errors: those of the system.
Result<void> begin_replay(const std::string& run_directory, RuntimeFile& runtime, Plan plan,
                          const ReplayBatch& batch);

// Opens the sealed logs again, where that has not happened yet; before each start of the graph.
Result<void> reopen_commits(const std::string& run_directory, const RuntimeFile& runtime);

// The replay is complete: notes it, and makes `runtime` the run's own again. A line for people.
Result<std::string> finish_replay(const std::string& run_directory, RuntimeFile& runtime);

// The run's own plan, also while it is being replayed.
Result<Plan> own_plan(const std::string& run_directory, const RuntimeFile& runtime);

}  // namespace datagen::launcher
