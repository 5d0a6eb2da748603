// The command line that every stage, source and sink executable shares.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datagen/parameters.h"
#include "worker.h"

namespace datagen {

struct StageCommand {
  enum class Mode : std::uint8_t { exit, worker, filter, list, find_rows };
  Mode mode = Mode::exit;
  int exit_code = 0;
  WorkerOptions worker;
  std::string list_path;            // --freeze, --outputs
  std::vector<std::uint64_t> rows;  // --find-rows, ascending
  ParameterValues parameters;
  std::string name;  // of the executable
  // As a filter.
  std::string in = "-";
  std::string out = "-";
  int threads = 1;
  std::size_t batch_size = 0;
  int retries = 0;
};

struct StageIdentity {
  const char* kind;  // "stage", "source" or "sink"
  bool batch = false;
  bool stateful = false;
  const char* list_flag = nullptr;  // "--freeze" of a source, "--outputs" of a sink
};

// Parses the command line; answers --help, --version and --describe itself (mode exit).
StageCommand parse_stage_command(int argc, char** argv, const Parameters& declared,
                                 const StageIdentity& identity);

// The answer to --describe.
std::string describe_stage(const std::string& name, const Parameters& declared,
                           const StageIdentity& identity);

// A stage run by hand: JSON Lines in, JSON Lines out, dead letters on stderr; exit 1 if there were any.
int run_filter(const detail::StageDefinition& definition, const StageCommand& command);

}  // namespace datagen
