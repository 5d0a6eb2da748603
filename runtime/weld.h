// A worker's part of runtime.json, the welded plan that the launcher wrote (docs/run_directory.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datagen/parameters.h"
#include "datagen/source.h"
#include "ipc/ports.h"
#include "json_write.h"
#include "operator_runner.h"
#include "pace.h"

namespace datagen {

struct Weld {
  struct EdgePlan {
    std::uint32_t index;
    ipc::RingGeometry geometry;
    ipc::CellRange peers;
  };

  std::string run_directory;
  std::string run_id;
  std::uint64_t generation = 1;
  std::uint32_t stage_index = 0;
  std::string stage;
  std::string path;  // of a source's or sink's URI, without scheme
  ParameterValues parameters;
  RunnerOptions runner;
  std::vector<std::string> earlier_ledgers;  // folders: of runs that this one replaces, and of its trial
  bool is_batch = false;
  int frames = 1;        // that each worker has in work at once
  ipc::CellRange cells;  // of this stage's workers
  std::vector<EdgePlan> in, out;
  std::string dead_letter_path;  // of a sink
  // Of a sink: where it writes what stages dropped whose side sections come to it, by their index.
  std::map<std::uint32_t, std::string> exclusion_paths;
  std::vector<InputFile> inputs;  // of this stage's part of the graph
  std::vector<std::string> stage_names;
  std::vector<PacedStage> other_stages;  // of its part
  std::size_t frame_records = 0;         // most that a source puts in a frame; 0: as many as fit the stages
  Ids ids = Ids::add;
  std::uint64_t record_bytes_max = 256 << 20;
  std::uint64_t overflow_bytes = 256 << 20;
  std::chrono::milliseconds commit_interval{1000};
  std::uint64_t commit_bytes = 256 << 20;
  bool checksums = true;
  // Where this generation goes on; mark 0: at the beginning.
  struct Resume {
    std::uint64_t mark = 0;
    std::uint64_t seq = 0;
    std::string cursor;
  } resume;

  // Of a source behind a durable edge: what it reads is being written by a sink of the same run.
  struct Follows {
    std::string done_path;          // the sink's commits
    std::uint32_t source_cell = 0;  // of that sink's part: its checkpoint stands there
  };
  std::optional<Follows> follows;

  // What the dead letters of this stage are named by.
  DeadLetterContext dead_letters() const;

  // Errors: the file cannot be read, is no plan of a known version, or has no such stage; parameters that
  // `declared` does not know.
  static Result<Weld> load(const std::string& run_directory, const std::string& stage,
                           const Parameters& declared);
};

}  // namespace datagen
