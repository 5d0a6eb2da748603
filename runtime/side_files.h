// The files that a sink writes beside its output, from what travels in the side sections of its frames: dead
// letters, and the records that stages dropped, for stages that keep them (`exclusions`).
//
// Owner: the sink's worker. How long each file is when a frame is written stands with the frame's accounts:
// of dead letters in the sink's cell, of exclusions in the totals (StageCounts::exclusion_bytes), thus in the
// journal and in .done. A successor cuts them to that.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "datagen/output_file.h"
#include "side_section.h"
#include "weld.h"

namespace datagen {

class SideFiles {
 public:
  // Opens them as long as they were; throws as OutputFile does.
  void open(const Weld& weld, std::uint64_t dead_letter_bytes, const Totals& totals);
  void write(const SideLines& lines);
  // May run on another thread while write() goes on.
  void sync();
  std::uint64_t dead_letter_bytes() const { return dead_letters_.bytes(); }

 private:
  OutputFile dead_letters_;
  std::map<std::uint32_t, OutputFile> exclusions_;  // by stage
};

}  // namespace datagen
