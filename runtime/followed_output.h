// What a source reads behind a durable edge: a file that another part of the graph is still writing, up to
// what that part has committed.
//
// Reads: the checkpoint in the cell of that part's source, by the launcher; then the sink's .done file, whose
// line of the checkpoint's mark is durable. Writes nothing. So the follower never sees a record that a resume
// of the other part would write anew.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "datagen/source.h"
#include "ipc/ports.h"
#include "weld.h"

namespace datagen {

class FollowedOutput {
 public:
  // `cursor` is where the source goes on; nothing before it counts as more.
  FollowedOutput(const Weld& weld, const ipc::Ports& ports, std::string_view cursor);

  // Until more is committed than inputs() had. False: there is no more to come, or the run is cancelled.
  // Error: the log cannot be read.
  Result<bool> wait_for_more();

  // The file, as long as it is committed.
  const std::vector<InputFile>& inputs() const { return inputs_; }

 private:
  Result<std::uint64_t> committed_bytes(std::uint64_t checkpoint) const;

  const Weld& weld_;
  const ipc::Ports& ports_;
  const ipc::AtomicWord& checkpoint_;
  std::uint64_t seen_ = 0;  // of the checkpoint
  std::vector<InputFile> inputs_;
};

}  // namespace datagen
