// What all three kinds of worker begin with: the plan, the rings, the cell.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "context_state.h"
#include "frame.h"
#include "ipc/ports.h"
#include "pace.h"
#include "weld.h"
#include "worker.h"

namespace datagen {

class WorkerSetup {
 public:
  // Errors: a plan or ring that does not fit; a launcher that is gone.
  static Result<std::unique_ptr<WorkerSetup>> attach(const WorkerOptions& options, const Parameters& declared,
                                                     ipc::Ports::Order order);

  const Weld& weld() const { return weld_; }
  ipc::Ports& ports() { return *ports_; }
  detail::ContextState& context_state() { return *context_; }

  // The next three may be called by several threads, each with a frame of its own.
  // For display: what this worker has in its hands. Gives the time, for show_cost().
  std::uint64_t show_frame(std::uint64_t seq);
  // See OperatorRunner::Progress. Whoever reads the entry of a dead worker sees records that were really
  // begun.
  void show_record(int thread, std::uint64_t frame, std::size_t first, std::size_t count,
                   const RecordView* record);
  // Of the record that the calling thread has begun.
  static void show_progress(std::int64_t done, std::int64_t total);
  void show_totals(const StageNotes& notes, std::size_t bytes_in, std::size_t bytes_out);
  // For the source: what a frame has cost that was begun at `began_ns`, `records` that came out of `rows`.
  void show_cost(std::uint64_t began_ns, std::uint64_t rows, std::size_t records);
  void show_idle();  // all threads

  // This worker gives up: tells why, and that its exit code is its own. Gives the code.
  int fail(int code, const std::string& message);

 private:
  WorkerSetup() = default;
  Weld weld_;
  std::optional<FramePace> pace_;
  std::mutex counting_;  // over pace_ and the cell's counters
  std::optional<ipc::Ports> ports_;
  std::span<ipc::InFlight> in_flight_;  // an entry for each thread
  std::unique_ptr<detail::ContextState> context_;
};

// Publishes the frame that `writer` has closed; what stands beside its records goes along the first out-edge.
// Errors: those of Ports::publish.
Result<void> publish(ipc::Ports& ports, std::uint64_t seq, FrameWriter& writer,
                     std::span<const std::byte> frame);

// Reports why a worker that has no cell yet cannot go on, on its stderr (the log that the launcher reads),
// and gives the code.
int fail_worker(const std::string& stage, int code, const std::string& message);

}  // namespace datagen
