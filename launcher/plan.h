// The welded plan: every stage with its executable, every edge with its ring, every number filled in. Made
// from a graph without starting anything; written to runtime.json, which is all that a run and its resume
// need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/graph.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

struct PlannedParameter {
  std::string name;
  std::string json;      // its value as JSON; of a secret the reference
  bool running = false;  // may change on resume
};

struct PlannedStage {
  std::string id;
  StageKind kind = StageKind::stage;
  std::string given;  // the name or path that the graph gives; empty for ends
  std::string executable;
  std::string executable_hash;
  std::string program;       // of an exec stage: absolute
  std::string program_hash;  // as executable_hash
  std::string uri;           // of a source or sink
  // Parts of the graph are connected by rings each, among each other by files: a source that reads what a
  // sink of another part writes. Each has its own numbering of frames and its own commits.
  std::uint32_t part = 0;
  std::string follows;  // of such a source the sink's id
  std::vector<PlannedParameter> params;
  std::string exclusions;  // file for what it drops, absolute or in the run directory; empty: none
  RunningKeys running;
  bool stateful = false;
  bool batch = false;
  std::uint32_t first_cell = 0;
  std::vector<std::uint32_t> in, out;  // indices into Plan::edges

  std::uint32_t workers() const { return static_cast<std::uint32_t>(running.workers); }
  // It makes commits of its own.
  bool commits() const { return (kind == StageKind::sink || stateful) && workers() > 0; }
};

struct PlannedEdge {
  std::uint32_t from = 0, to = 0;  // indices into Plan::stages
  std::uint32_t slots = 0;         // this and the next as fit_rings() found
  std::uint64_t block_bytes = 0;
};

// Of all rings, as the user set it; unset: as fits the workers and the input.
struct RingSettings {
  std::optional<std::uint32_t> slots;
  std::optional<std::uint64_t> block_bytes;
};

struct Plan {
  std::string pipeline;
  std::string ids = "add";
  DeadLetterLimit max_dead_letters;
  std::uint64_t record_bytes_max = 256 << 20;
  std::uint64_t overflow_bytes = 256 << 20;
  std::uint64_t commit_interval_ms = 1000;
  std::uint64_t log_bytes = 64 << 20;  // most that a worker's log holds
  std::uint64_t commit_bytes = 256 << 20;
  std::uint64_t frame_records = 0;  // most that the source puts in a frame; 0: as few as slow stages need
  bool checksums = true;            // of the frames in the rings
  std::vector<HookSpec> hooks;
  std::vector<PlannedStage> stages;  // in topological order
  std::vector<PlannedEdge> edges;
  RingSettings rings;
  std::vector<FrozenInput> inputs;
  std::vector<std::string> outputs;  // absolute paths that the sinks will write

  std::vector<std::string> stage_names() const;  // in the order of the stages
  std::uint32_t parts() const;
  const PlannedStage& source_of(std::uint32_t part) const;
  bool is_followed(const PlannedStage& sink) const;
  // Absolute paths of all that a run writes outside of its directory: outputs, and files for dropped records.
  std::vector<std::string> written_paths() const;
  std::uint32_t cells() const;
  std::uint32_t in_flight_max() const;  // of records or batches, in a worker
  // What a run needs in /dev/shm, overflow excluded.
  std::uint64_t shared_memory_bytes() const;
  std::uint64_t ring_bytes(const PlannedEdge& edge) const;
};

// Where a committer's log stands.
std::string done_path(const std::string& run_directory, const PlannedStage& stage);

// Numbers the workers' cells, and sizes the rings for the frames in work; again after anything of it changed.
void fit_workers(Plan& plan);

// What the run's output depends on, as PATH and value: two plans with the same keys give the same output.
using MeaningKeys = std::vector<std::pair<std::string, std::string>>;
MeaningKeys meaning_keys(const Plan& plan);
// XXH3-128 of them, 32 hex digits.
std::string meaning_hash(const Plan& plan);
// A line for each key that differs: "clean_text.field: \"text\" is now \"body\"".
std::vector<std::string> compare_meaning(const Plan& before, const Plan& now);

}  // namespace datagen::launcher
