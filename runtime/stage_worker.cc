// The worker of a transform: claim a frame, run the operator over it, publish, free.
#include <exception>

#include "frame.h"
#include "operator_runner.h"
#include "worker_setup.h"

namespace datagen {

namespace {

using ipc::Ports;

class StageWorker {
 public:
  StageWorker(const detail::StageDefinition& definition, WorkerSetup& setup)
      : definition_(definition),
        setup_(setup),
        ports_(setup.ports()),
        runner_(definition, setup.context_state(), setup.dead_letters(), setup.weld().runner,
                [&setup](int thread, std::size_t record) { setup.show_record(thread, record); }) {}

  int run() {
    try {
      runner_.open();
    } catch (const std::exception& error) {
      return fail_worker(setup_.weld().stage, kWorkerCannotStart, error.what());
    }
    std::uint64_t seq = 0;
    for (;;) {
      switch (ports_.claim(seq)) {
        case Ports::Outcome::cancelled:
          return kWorkerCancelled;
        case Ports::Outcome::end:
          return finish(ports_.input_end());
        case Ports::Outcome::frame:
          break;
      }
      if (const auto done = process(seq); !done) {
        return fail_worker(setup_.weld().stage, kWorkerDamagedRing, done.error().message());
      }
    }
  }

 private:
  Result<void> process(std::uint64_t seq) {
    setup_.show_frame(seq);
    if (ports_.is_published(seq)) {
      ports_.complete_publish(seq);
      ports_.free(seq);
      return success();
    }
    DATAGEN_TRY(const ipc::FrameBytes bytes, ports_.read(0, seq));
    DATAGEN_TRY(const FrameReader in, FrameReader::open(bytes.bytes));
    notes_.clear();
    writer_.begin(ports_.space(seq), in.origin());
    runner_.run(in, writer_, notes_);
    side_.clear();
    append_side_section(side_, in.side(), setup_.weld().stage_index, notes_);
    const auto out = writer_.finish(side_);
    DATAGEN_TRY(ports_.publish(seq, out));
    ports_.free(seq);
    setup_.show_totals(notes_, in.bytes(), out.size());
    return success();
  }

  // A stateful stage's last records go into one more frame.
  int finish(std::uint64_t end) {
    if (definition_.stateful) {
      if (ports_.wait_for_room(end) == Ports::Outcome::cancelled) return kWorkerCancelled;
      if (!ports_.is_published(end)) {
        notes_.clear();
        writer_.begin(ports_.space(end), FrameOrigin{});
        runner_.finish(writer_, notes_);
        side_.clear();
        append_side_section(side_, {}, setup_.weld().stage_index, notes_);
        if (const auto done = ports_.publish(end, writer_.finish(side_)); !done) {
          return fail_worker(setup_.weld().stage, kWorkerFailed, done.error().message());
        }
        setup_.show_totals(notes_, 0, 0);
      }
      ++end;
    }
    ports_.announce_end(end);
    return kWorkerDone;
  }

  const detail::StageDefinition& definition_;
  WorkerSetup& setup_;
  Ports& ports_;
  OperatorRunner runner_;
  FrameWriter writer_;
  StageNotes notes_;
  std::string side_;
};

}  // namespace

int run_stage_worker(const detail::StageDefinition& definition, const WorkerOptions& options) {
  const auto order = definition.stateful ? Ports::Order::strict : Ports::Order::any;
  auto setup = WorkerSetup::attach(options, definition.parameters, order);
  if (!setup) return fail_worker(options.stage, kWorkerCannotStart, setup.error().message());
  try {
    StageWorker worker(definition, *setup.value());
    const int code = worker.run();
    if (code == kWorkerDone) {
      setup.value()->ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
    }
    return code;
  } catch (const std::exception& error) {
    return fail_worker(options.stage, kWorkerFailed, error.what());
  }
}

}  // namespace datagen
