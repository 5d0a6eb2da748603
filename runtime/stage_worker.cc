// The worker of a transform: claim a frame, run the operator over it, publish, free.
#include <exception>
#include <optional>

#include "crash_handler.h"
#include "frame_records.h"
#include "operator_runner.h"
#include "saved_state.h"
#include "stage_lock.h"
#include "suspicions.h"
#include "worker_setup.h"

namespace datagen {

namespace {

using ipc::Ports;

// Told to stop, or of its own will.
int end_early(WorkerSetup& setup) {
  const auto why = setup.context_state().given_up();
  return why ? setup.fail(why->code, why->message) : kWorkerCancelled;
}

class StageWorker {
 public:
  StageWorker(const detail::StageDefinition& definition, WorkerSetup& setup)
      : definition_(definition),
        setup_(setup),
        ports_(setup.ports()),
        runner_(definition, setup.context_state(), setup.weld().dead_letters(), setup.weld().runner,
                [&setup](int thread, std::size_t first, std::size_t count, const RecordView* record) {
                  setup.show_record(thread, first, count, record);
                }),
        quarantine_(ports_.control().quarantine(), setup.weld().stage_index) {}

  int run() {
    try {
      runner_.open();
      if (definition_.stateful) {
        if (const auto begun = begin_stateful(); !begun)
          return setup_.fail(kWorkerNeedsEpoch, begun.error().message());
      }
    } catch (const std::exception& error) {
      return setup_.fail(kWorkerCannotStart, error.what());
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
      if (const auto done = process(seq); !done) return setup_.fail(failure_, done.error().message());
      if (was_told_to_stop()) return end_early(setup_);
    }
  }

 private:
  // A state lives in one process only; what a dead one had since the last commit is gone.
  Result<void> begin_stateful() {
    DATAGEN_TRY(take_stage_lock(setup_.weld().run_directory, setup_.weld().stage));
    if (ports_.next_output() != ports_.first_output())
      return Error("the state of a stateful stage died with its process");
    state_.emplace(setup_.weld(), ports_.cell());
    return state_->load(runner_.stage_operator());
  }

  Result<void> process(std::uint64_t seq) {
    setup_.show_frame(seq);
    ++setup_.context_state().claims;
    if (ports_.is_published(seq)) {
      ports_.complete_publish(seq);
      ports_.free(seq);
      return success();
    }
    DATAGEN_TRY(read_branches(seq));
    const FrameOrigin& origin = branches_.front().origin();
    const FrameRecords in(branches_);
    notes_.clear();
    writer_.begin(ports_.space(seq), origin);
    runner_.run(in, writer_, notes_, read_suspicions(quarantine_.about(seq), setup_.weld().run_directory));
    if (was_told_to_stop()) return success();  // what the operator left undone must not be published
    side_.clear();
    std::size_t bytes_in = 0;
    for (const FrameReader& branch : branches_) {
      side_.append(branch.side());
      bytes_in += branch.bytes();
    }
    append_side_section(side_, {}, setup_.weld().stage_index, notes_);
    const auto out = writer_.finish(side_);
    failure_ = kWorkerStop;  // from here on it is the disk that fails, not a ring
    // Before the frame is published: who sees the mark may rely on this stage's part of the commit.
    if (state_ && origin.mark != 0) DATAGEN_TRY(state_->save(runner_.stage_operator(), origin.mark, seq));
    DATAGEN_TRY(publish(ports_, seq, writer_, out));
    failure_ = kWorkerDamagedRing;
    ports_.free(seq);
    setup_.show_totals(notes_, bytes_in, out.size());
    setup_.show_cost(origin.rows, in.size());
    return success();
  }

  bool was_told_to_stop() { return setup_.context_state().was_told_to_stop.load(std::memory_order_relaxed); }

  // Frame `seq` of every in-edge, checked.
  Result<void> read_branches(std::uint64_t seq) {
    bytes_.clear();
    branches_.clear();
    for (std::size_t edge = 0; edge < ports_.inputs(); ++edge) {
      DATAGEN_TRY(auto bytes, ports_.read(edge, seq));
      DATAGEN_TRY(auto frame, FrameReader::open(bytes.bytes));
      bytes_.push_back(std::move(bytes));
      branches_.push_back(std::move(frame));
    }
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
        if (was_told_to_stop()) return end_early(setup_);
        side_.clear();
        append_side_section(side_, {}, setup_.weld().stage_index, notes_);
        if (const auto done = publish(ports_, end, writer_, writer_.finish(side_)); !done) {
          return setup_.fail(kWorkerStop, done.error().message());
        }
        setup_.show_totals(notes_, 0, 0);
      }
      ++end;
      if (const auto done = state_->seal(end); !done) return setup_.fail(kWorkerStop, done.error().message());
    }
    ports_.announce_end(end);
    return kWorkerDone;
  }

  const detail::StageDefinition& definition_;
  WorkerSetup& setup_;
  Ports& ports_;
  OperatorRunner runner_;
  ipc::QuarantineView quarantine_;
  std::vector<ipc::FrameBytes> bytes_;  // of the frame in work, by in-edge
  std::vector<FrameReader> branches_;
  FrameWriter writer_;
  StageNotes notes_;
  std::string side_;
  std::optional<SavedState> state_;  // of a stateful stage
  int failure_ = kWorkerDamagedRing;
};

}  // namespace

int run_stage_worker(const detail::StageDefinition& definition, const WorkerOptions& options) {
  const auto order = definition.stateful ? Ports::Order::strict : Ports::Order::any;
  auto setup = WorkerSetup::attach(options, definition.parameters, order);
  install_crash_handler(options.stage);
  if (!setup) return fail_worker(options.stage, kWorkerCannotStart, setup.error().message());
  try {
    StageWorker worker(definition, *setup.value());
    const int code = worker.run();
    if (code == kWorkerDone) {
      setup.value()->ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
    }
    return code;
  } catch (const std::bad_alloc&) {
    return setup.value()->fail(kWorkerOutOfMemory, "out of memory");
  } catch (const StageFailed& error) {
    setup.value()->show_idle();  // it is not the record that ended this process
    if (setup.value()->context_state().given_up()) return end_early(*setup.value());
    return setup.value()->fail(kWorkerStop, error.what());
  } catch (const std::exception& error) {
    setup.value()->show_idle();
    return setup.value()->fail(kWorkerFailed, error.what());
  }
}

}  // namespace datagen
