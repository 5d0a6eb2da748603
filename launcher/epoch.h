// The shared memory of one start of the graph: control segment and rings, with the launcher's own view of
// them.
//
// Owner: the launcher. Names are removed when this object goes, with the frames that overflowed to disk; when
// the launcher dies first they stay, and the next start of the same run removes them (remove_frames_of).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ipc/control.h"
#include "ipc/ports.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

class Epoch {
 public:
  // Errors: /dev/shm is too small (with what is needed in all, and how to raise it); those of the system.
  static Result<std::unique_ptr<Epoch>> create(const RuntimeFile& runtime, const std::string& run_directory);
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;
  ~Epoch();

  std::uint32_t number() const { return number_; }
  const ipc::Control& control() const { return control_; }

  // After a worker was reaped: its claims are free again and its neighbours awake. Error: a ring is damaged.
  Result<void> recover(const PlannedStage& stage, std::uint32_t cell);
  // All that the stage has to do is done.
  bool has_finished(const PlannedStage& stage) const;
  // Frames that the stage is done with, over the whole run.
  std::uint64_t progress(const PlannedStage& stage) const;
  // Asks every worker to end soon, and wakes them to hear it.
  void cancel();

 private:
  struct Edges {
    std::vector<ipc::Edge> in, out;
  };
  Epoch() = default;
  Result<void> attach(const Plan& plan);
  Edges& edges_of(const PlannedStage& stage);
  const Edges& edges_of(const PlannedStage& stage) const { return const_cast<Epoch*>(this)->edges_of(stage); }

  std::string run_id_, run_directory_;
  std::uint32_t number_ = 0;
  ipc::Control control_;
  std::vector<std::string> stage_ids_;
  std::vector<Edges> edges_;  // by stage
  ipc::OverflowPolicy overflow_;
  ipc::Checksums checksums_ = ipc::Checksums::required;
};

// Removes all frames of a run: what it has in /dev/shm, and its overflow on disk. Only by who holds the run's
// lock, while no worker lives.
void remove_frames_of(const std::string& run_id, const std::string& run_directory);

// Error: /dev/shm has less than `bytes` free, with what to do.
Result<void> check_shared_memory(std::uint64_t bytes);

}  // namespace datagen::launcher
