// The worker of a transform: its threads claim frames, one at a time, and work on them side by side.
//
// While a thread holds a frame it never waits for a ring: room for what it publishes was there when the frame
// was claimed. So a thread that waits in claim(), with others at work, delays nothing but its own next frame.
#include <exception>
#include <fstream>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <thread>

#include <unistd.h>

#include "crash_handler.h"
#include "frame_work.h"
#include "paid_work.h"
#include "saved_state.h"
#include "stage_lock.h"
#include "suspicions.h"
#include "worker.h"
#include "worker_setup.h"

namespace datagen {

namespace {

using ipc::Ports;

// Told to stop, or of its own will.
int end_early(WorkerSetup& setup) {
  const auto why = setup.context_state().paid_work->given_up();
  return why ? setup.fail(why->code, why->message) : kWorkerCancelled;
}

// For an exception that no operator's record explains.
int give_up(WorkerSetup& setup, const std::exception_ptr& thrown) {
  if (setup.context_state().paid_work->has_given_up()) return setup.show_idle(), end_early(setup);
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return setup.fail(kWorkerOutOfMemory, "out of memory");
  } catch (const StageFailed& error) {
    setup.show_idle();  // it is not the record that ended this process
    // For people, who may want to try it alone: nothing depends on it.
    if (!error.record().empty())
      std::ofstream(setup.weld().run_directory + "/stopped_by.jsonl") << error.record() << '\n';
    return setup.fail(kWorkerStop, error.what());
  } catch (const std::exception& error) {
    setup.show_idle();
    return setup.fail(kWorkerFailed, error.what());
  }
}

class StageWorker {
 public:
  StageWorker(const detail::StageDefinition& definition, WorkerSetup& setup)
      : definition_(definition), setup_(setup), ports_(setup.ports()) {
    frames_.emplace_back(definition, setup);
    for (int index = 1; index < setup.weld().frames; ++index) frames_.emplace_back(frames_.front(), index);
  }

  // Until the end of the stream, or of the worker; a code of ipc/worker_exit.h.
  int run() {
    try {
      frames_.front().runner().open();
      if (definition_.stateful) {
        if (const auto begun = begin_stateful(); !begun)
          return setup_.fail(kWorkerNeedsEpoch, begun.error().message());
      }
    } catch (const std::exception& error) {
      return setup_.fail(kWorkerCannotStart, error.what());
    }
    if (frames_.size() == 1) {
      if (const int code = work(frames_.front()); code != kWorkerDone) return code;
    } else {
      work_in_threads();
    }
    return ended_ == Ports::Outcome::end ? finish(ports_.input_end()) : end_early(setup_);
  }

 private:
  // A state lives in one process only; what a dead one had since the last commit is gone.
  Result<void> begin_stateful() {
    DATAGEN_TRY(take_stage_lock(setup_.weld().run_directory, setup_.weld().stage));
    if (ports_.next_output() != ports_.first_output())
      return Error("the state of a stateful stage died with its process");
    state_.emplace(setup_.weld(), ports_.cell());
    return state_->load(frames_.front().runner().stage_operator());
  }

  // Claims and works until there are no more frames or the worker is to end: kWorkerDone, and `ended_` says
  // which; else it has given up.
  int work(FrameWork& frame) {
    for (std::uint64_t seq = 0; claim(seq);) {
      const Suspicions suspicions = frame.suspicions(seq);
      const auto done = process(frame, seq, suspicions);
      if (!done) return setup_.fail(frame.failure(), done.error().message());
      if (frame.was_told_to_stop()) return end(Ports::Outcome::cancelled), kWorkerDone;
    }
    return kWorkerDone;
  }

  // One thread after the other: the one inside may sleep, and the wake for its cell is for it.
  bool claim(std::uint64_t& seq) {
    const std::lock_guard lock(claiming_);
    if (ended_) return false;
    const Ports::Outcome outcome = ports_.claim(seq);
    if (outcome == Ports::Outcome::frame) return true;
    ended_ = outcome;
    return false;
  }

  void end(Ports::Outcome outcome) {
    const std::lock_guard lock(claiming_);
    ended_ = outcome;
  }

  // A frame whose records are run alone, or in smaller calls, to find the one that kills, is the only one in
  // work: else a death would not tell.
  Result<void> process(FrameWork& frame, std::uint64_t seq, const Suspicions& suspicions) {
    SavedState* const state = state_ ? &*state_ : nullptr;
    if (suspicions.run_alone || !suspicions.splits.empty()) {
      const std::lock_guard lock(alone_);
      return frame.process(seq, suspicions, state);
    }
    const std::shared_lock lock(alone_);
    return frame.process(seq, suspicions, state);
  }

  void work_in_threads() {
    std::list<std::jthread> threads;
    for (FrameWork& frame : frames_) {
      threads.emplace_back([this, &frame] {
        use_alternate_stack();
        int code = kWorkerDone;
        try {
          code = work(frame);
        } catch (...) {
          code = give_up(setup_, std::current_exception());
        }
        if (code != kWorkerDone) _exit(code);  // the others are within their calls, and may be so for long
      });
    }
  }

  // A stateful stage's last records go into one more frame.
  int finish(std::uint64_t end) {
    if (definition_.stateful) {
      if (ports_.wait_for_room(end) == Ports::Outcome::cancelled) return kWorkerCancelled;
      FrameWork& frame = frames_.front();
      if (!ports_.is_published(end)) {
        if (const auto done = frame.finish(end); !done)
          return setup_.fail(frame.failure(), done.error().message());
        if (frame.was_told_to_stop()) return end_early(setup_);
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
  std::list<FrameWork> frames_;
  std::mutex claiming_;
  std::optional<Ports::Outcome> ended_;  // guarded by claiming_
  std::shared_mutex alone_;
  std::optional<SavedState> state_;  // of a stateful stage
};

}  // namespace

int run_stage_worker(const detail::StageDefinition& definition, const WorkerOptions& options) {
  const auto order = definition.stateful ? Ports::Order::strict : Ports::Order::any;
  install_crash_handler(options.stage);
  auto setup = WorkerSetup::attach(options, definition.parameters, order);
  if (!setup) return fail_worker(options.stage, kWorkerCannotStart, setup.error().message());
  try {
    StageWorker worker(definition, *setup.value());
    const int code = worker.run();
    if (code == kWorkerDone)
      setup.value()->ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
    return code;
  } catch (...) {
    return give_up(*setup.value(), std::current_exception());
  }
}

}  // namespace datagen
