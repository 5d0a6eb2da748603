// What the quarantine (ipc/quarantine.h) says about a frame, in the operator runner's words.
//
// Owner: the worker that holds the frame. The launcher wrote it before the frame was taken back from the
// worker that died of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dead_letter.h"
#include "ipc/quarantine.h"

namespace datagen {

struct Suspicions {
  struct Skip {
    std::uint64_t row = 0;
    std::uint64_t path_hash = 0;
    DeadLetterReason reason;
  };
  bool run_alone = false;           // one record at a time, on one thread
  std::vector<std::size_t> splits;  // no batch call crosses one of these records; ascending
  std::vector<Skip> skips;          // records that were given up
  std::vector<std::size_t> firsts;  // records that run before the others, each alone

  // Nothing for a record that is not among the skips.
  const DeadLetterReason* find(const RecordView& record) const;
  // The first split behind `record`, or a number beyond all records.
  std::size_t next_split(std::size_t record) const;
};

// XXH3-64 of a path's text; 0 for the empty path.
std::uint64_t path_hash(std::string_view path);

// From directives; of a skip's details the file quarantine/<number>.json in the run directory is read.
Suspicions read_suspicions(const std::vector<ipc::Directive>& directives, const std::string& run_directory);

}  // namespace datagen
