// A worker: one process of a stage, between its rings. Started by the launcher.
//
// Dies: its claims are taken back by the launcher and its replacement goes on; nothing outside of its
// process is left half done, because a frame is published by one store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datagen/sink.h"
#include "datagen/source.h"
#include "datagen/stage.h"
#include "ipc/worker_exit.h"

namespace datagen {

struct WorkerOptions {
  std::string run_directory;
  std::string stage;
  std::uint32_t index = 0;
  std::uint32_t epoch = 0;
  std::int64_t launcher_pid = 0;
  bool stands_by = false;  // a successor that was forked in advance (stand_by.h)
};

// Each returns a code of ipc/worker_exit.h.
int run_stage_worker(const detail::StageDefinition& definition, const WorkerOptions& options);
int run_source_worker(const detail::SourceDefinition& definition, const WorkerOptions& options);
int run_sink_worker(const detail::SinkDefinition& definition, const WorkerOptions& options);

// No worker, but a source that prints where rows stand, and their records, in the order of the input: for
// each `URI:LINE`, newline, the record, newline. `rows` are ascending. Exit 2 when one is missing.
int find_rows(const detail::SourceDefinition& definition, const WorkerOptions& options,
              const std::vector<std::uint64_t>& rows);

}  // namespace datagen
