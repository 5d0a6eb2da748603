// Names of files in a run directory that the launcher and its workers agree on: docs/run_directory.md.
#pragma once

#include <cstddef>
#include <string>

namespace datagen {

// The commits of a sink or stateful stage.
inline std::string done_path(const std::string& run_directory, const std::string& stage) {
  return run_directory + "/" + stage + ".done";
}

// What stages have paid for.
inline std::string ledger_folder(const std::string& run_directory) { return run_directory + "/ledger"; }

// What limits its workers keep together.
inline std::string limits_folder(const std::string& run_directory) { return run_directory + "/limits"; }

// What a sink of a run with so many of them writes dead letters to.
inline std::string dead_letter_path(const std::string& run_directory, const std::string& sink,
                                    std::size_t sinks) {
  return run_directory + (sinks > 1 ? "/dead_letter." + sink + ".jsonl" : "/dead_letter.jsonl");
}

}  // namespace datagen
