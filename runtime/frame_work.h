// A frame in the hands of a stage's worker, from its claim until it is freed: read, run the operator over it,
// publish, free. A worker has one of these for each frame that it works on at once (`frames:`), each used by
// one thread; they share the operator.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "context_state.h"
#include "frame_records.h"
#include "operator_runner.h"
#include "saved_state.h"
#include "untouched_frame.h"
#include "worker_setup.h"

namespace datagen {

class FrameWork {
 public:
  // The first of a worker: makes the operator.
  FrameWork(const detail::StageDefinition& definition, WorkerSetup& setup);
  // A further one, with `index` others before it.
  FrameWork(const FrameWork& first, int index);
  FrameWork(FrameWork&&) = delete;

  OperatorRunner& runner() { return *runner_; }
  // Of a frame that this worker has claimed; what the quarantine says about it.
  Suspicions suspicions(std::uint64_t seq) const;
  // From the claim to the last free; without publishing where the operator was told to stop. `state`: of a
  // stateful stage. Errors: see failure().
  Result<void> process(std::uint64_t seq, const Suspicions& suspicions, SavedState* state);
  // The operator's last records, in frame `seq` behind the input's end.
  Result<void> finish(std::uint64_t seq);
  // With which code of ipc/worker_exit.h the worker ends, after an error.
  int failure() const { return failure_; }
  bool was_told_to_stop() const { return context().is_ending(); }

 private:
  OperatorRunner::Progress progress();
  const detail::ContextState& context() const {
    return own_context_ ? *own_context_ : setup_.context_state();
  }
  // The operator's work on what read_branches() found.
  void run_operator(std::uint64_t seq, const Suspicions& suspicions);
  // The frame passes as a whole.
  bool is_handed_on(const Suspicions& suspicions) const;
  // Frame `seq` of every in-edge, checked; one that passes as a whole stands in the out-edge's block then.
  Result<void> read_branches(std::uint64_t seq, bool is_handed_on);
  Result<std::span<const std::byte>> read_branch(std::size_t edge, std::uint64_t seq, bool is_handed_on);

  const detail::StageDefinition& definition_;
  WorkerSetup& setup_;
  ipc::Ports& ports_;
  int first_thread_ = 0;  // number of its threads in the worker's cell
  std::uint64_t seq_ = 0;
  std::unique_ptr<detail::ContextState> own_context_;  // of all but the first
  std::unique_ptr<OperatorRunner> runner_;
  std::vector<ipc::FrameBytes> bytes_;  // by in-edge
  ipc::FrameSteps steps_;               // of one that was copied
  std::vector<FrameReader> branches_;
  FrameWriter writer_;
  UntouchedFrame untouched_;
  std::size_t records_ = 0;  // that were given to the operator
  StageNotes notes_;
  std::string side_;
  int failure_ = kWorkerDamagedRing;
};

}  // namespace datagen
