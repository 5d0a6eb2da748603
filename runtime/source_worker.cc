// The worker of a source: fill a frame, publish it, until the input ends.
#include <exception>

#include "frame.h"
#include "worker_setup.h"

namespace datagen {

using ipc::Ports;

namespace {

class SourceWorker {
 public:
  SourceWorker(Source& source, WorkerSetup& setup) : source_(source), setup_(setup), ports_(setup.ports()) {}

  int run() {
    const DeadLetterContext dead_letters = setup_.dead_letters();
    for (std::uint64_t seq = ports_.first_output();; ++seq) {
      if (ports_.wait_for_room(seq) == Ports::Outcome::cancelled) return kWorkerCancelled;
      setup_.show_frame(seq);
      notes_.clear();
      writer_.begin(ports_.space(seq), FrameOrigin{});
      SourceFrame frame(writer_, notes_, dead_letters);
      if (!source_.read(frame)) {
        ports_.announce_end(seq);
        return kWorkerDone;
      }
      side_.clear();
      append_side_section(side_, {}, setup_.weld().stage_index, notes_);
      const auto bytes = writer_.finish(side_);
      if (const auto done = ports_.publish(seq, bytes); !done) {
        return fail_worker(setup_.weld().stage, kWorkerFailed, done.error().message());
      }
      setup_.show_totals(notes_, 0, bytes.size());
    }
  }

 private:
  Source& source_;
  WorkerSetup& setup_;
  Ports& ports_;
  FrameWriter writer_;
  StageNotes notes_;
  std::string side_;
};

}  // namespace

int run_source_worker(const detail::SourceDefinition& definition, const WorkerOptions& options) {
  auto attached = WorkerSetup::attach(options, definition.parameters, Ports::Order::strict);
  if (!attached) return fail_worker(options.stage, kWorkerCannotStart, attached.error().message());
  WorkerSetup& setup = *attached.value();
  Context context(setup.context_state());
  const auto source = definition.make();
  try {
    source->open(setup.weld().inputs, {}, context);
  } catch (const std::exception& error) {
    return fail_worker(options.stage, kWorkerCannotStart, error.what());
  }
  try {
    SourceWorker worker(*source, setup);
    const int code = worker.run();
    if (code == kWorkerDone) setup.ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
    return code;
  } catch (const std::exception& error) {
    return fail_worker(options.stage, kWorkerFailed, error.what());
  }
}

}  // namespace datagen
