// The worker of a source: fill a frame, publish it, until the input ends. About once a second it marks a
// frame as a commit point, when the last one has been committed everywhere.
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>

#include "followed_output.h"
#include "frame.h"
#include "ipc/clock.h"
#include "pace.h"
#include "stage_lock.h"
#include "worker_setup.h"

namespace datagen {

using ipc::Ports;

namespace {

// Decides which frames are commit points. Marks are (generation << 32 | number); one is in flight at a time.
class Marker {
 public:
  using Clock = std::chrono::steady_clock;
  Marker(const Weld& weld, ipc::Cell& cell) : weld_(weld), cell_(cell) {}

  // The mark for the next frame, or 0.
  std::uint64_t next(std::size_t frame_bytes) {
    bytes_ += frame_bytes;
    if (issued() > checkpoint()) return 0;
    const Clock::time_point now = Clock::now();
    if (now - last_ < weld_.commit_interval && bytes_ < weld_.commit_bytes) return 0;
    last_ = now;
    bytes_ = 0;
    return behind_issued();
  }
  std::uint64_t behind_issued() const { return std::max(issued(), weld_.generation << 32) + 1; }

  std::uint64_t issued() const { return cell_.issued_mark.load(std::memory_order_acquire); }
  void set_issued(std::uint64_t mark) { cell_.issued_mark.store(mark, std::memory_order_release); }
  std::uint64_t checkpoint() const { return cell_.checkpoint_mark.load(std::memory_order_acquire); }

 private:
  const Weld& weld_;
  ipc::Cell& cell_;
  Clock::time_point last_ = Clock::now();
  std::uint64_t bytes_ = 0;
};

class SourceWorker {
 public:
  SourceWorker(Source& source, WorkerSetup& setup)
      : source_(source),
        setup_(setup),
        ports_(setup.ports()),
        marker_(setup.weld(), setup.ports().cell()),
        pace_(setup.ports().control(), setup.weld().other_stages, setup.ports().first_output(),
              setup.weld().frame_records) {}

  // Where to go on: the cursor behind the last frame that is published, and what its producer left undone.
  Result<void> recover() {
    cursor_ = setup_.weld().resume.cursor;
    const std::uint64_t next = ports_.next_output();
    if (next == ports_.first_output()) return success();
    DATAGEN_TRY(const ipc::FrameBytes bytes, ports_.read_published(next - 1));
    DATAGEN_TRY(const FrameReader frame, FrameReader::open(bytes.bytes));
    ports_.complete_publish(next - 1);
    // Died between publishing the mark and saying so.
    if (frame.origin().mark > marker_.issued()) marker_.set_issued(frame.origin().mark);
    cursor_ = frame.origin().cursor_view();
    return success();
  }

  // Begins to read behind what recover() found; a follower begins when there is something to read.
  void open(Context& context) {
    context_ = &context;
    if (setup_.weld().follows) {
      followed_.emplace(setup_.weld(), ports_, cursor_);
    } else {
      source_.open(setup_.weld().inputs, cursor_, context);
      is_open_ = true;
    }
  }

  int run() {
    for (std::uint64_t seq = ports_.next_output();;) {
      if (ports_.wait_for_room(seq) == Ports::Outcome::cancelled || !wait_for_stages(seq))
        return kWorkerCancelled;
      tell_commit();
      setup_.show_frame(seq);
      try {
        // What it was read from may be gone when a predecessor has seen the end.
        const auto filled = seq == ports_.output_end() ? Result<bool>(false) : fill(seq);
        if (!filled) return setup_.fail(kWorkerStop, filled.error().message());
        if (!filled.value()) {
          if (ports_.is_cancelled()) return kWorkerCancelled;
          ports_.announce_end(seq);
          return wait_for_completion();
        }
      } catch (const BadInput& bad) {
        return stop_behind(seq, bad);
      }
      cursor_ = writer_.origin().cursor_view();
      const bool is_empty = notes_.counts.in == 0;  // it waits for input: worth a frame only to commit
      if (is_empty && !is_unmarked_) continue;
      const std::uint64_t mark = marker_.next(writer_.bytes());
      if (is_empty && mark == 0) continue;
      side_.clear();
      append_side_section(side_, {}, setup_.weld().stage_index, notes_);
      writer_.origin().mark = mark;
      writer_.origin().rows = notes_.counts.in;
      const auto bytes = writer_.finish(side_);
      if (const auto done = publish(ports_, seq, writer_, bytes); !done) {
        return setup_.fail(kWorkerStop, done.error().message());
      }
      is_unmarked_ = mark == 0;
      if (mark != 0) {
        marker_.set_issued(mark);
        marked_cursor_ = cursor_;
      }
      setup_.show_totals(notes_, 0, bytes.size());
      ports_.cell().counters.input_read.store(source_.bytes_read(), std::memory_order_relaxed);
      ++seq;
    }
  }

 private:
  // False: at the end of the input, or cancelled.
  Result<bool> fill(std::uint64_t seq) {
    for (;;) {
      notes_.clear();
      writer_.begin(ports_.space(seq), FrameOrigin{});
      SourceFrame frame(writer_, notes_, dead_letters_, pace_.records(ipc::monotonic_ns()));
      if (is_open_ && source_.read(frame)) {
        if (followed_ && !writer_.take_ids())
          throw BadInput(setup_.weld().inputs.front().uri + " holds a record without _i: it was changed");
        return true;
      }
      if (!followed_) return false;
      DATAGEN_TRY(const bool has_more, followed_->wait_for_more());
      if (!has_more) return false;
      source_.open(followed_->inputs(), cursor_, *context_);
      is_open_ = true;
    }
  }

  // Commits all that was read, behind an empty frame `seq`, and tells the launcher to stop the run.
  int stop_behind(std::uint64_t seq, const BadInput& bad) {
    if (!wait_for_checkpoint(marker_.issued())) return kWorkerCancelled;
    notes_.clear();
    writer_.begin(ports_.space(seq), FrameOrigin{});
    writer_.origin().set_cursor(cursor_);
    writer_.origin().mark = marker_.behind_issued();
    side_.clear();
    append_side_section(side_, {}, setup_.weld().stage_index, notes_);
    if (const auto done = publish(ports_, seq, writer_, writer_.finish(side_)); !done)
      return setup_.fail(kWorkerStop, done.error().message());
    marker_.set_issued(writer_.origin().mark);
    if (!wait_for_checkpoint(writer_.origin().mark)) return kWorkerCancelled;
    return setup_.fail(kWorkerStop, bad.what());
  }

  // False: the run is cancelled.
  bool wait_for_stages(std::uint64_t seq) {
    if (!pace_.is_far_ahead(seq)) return true;
    auto& state = ports_.cell().state;
    state.store(ipc::WorkerState::waiting_for_room, std::memory_order_relaxed);
    while (!ports_.is_cancelled() && pace_.is_far_ahead(seq)) poll(nullptr, 0, SourcePace::kPauseMs);
    state.store(ipc::WorkerState::running, std::memory_order_relaxed);
    return !ports_.is_cancelled();
  }

  // The source may forget what it would need to go on from an earlier place.
  void tell_commit() {
    if (marked_cursor_.empty() || marker_.checkpoint() < marker_.issued()) return;
    source_.committed(marked_cursor_);
    marked_cursor_.clear();
  }

  int wait_for_completion() {
    if (!source_.wants_completion()) return kWorkerDone;
    if (!wait_for_checkpoint(ipc::kEndMark)) return kWorkerCancelled;
    source_.complete();
    return kWorkerDone;
  }

  // False: the run is cancelled. Looks again and again, as the launcher does at commits.
  bool wait_for_checkpoint(std::uint64_t mark) {
    constexpr int kPauseMs = 10;
    while (marker_.checkpoint() < mark) {
      if (ports_.is_cancelled()) return false;
      poll(nullptr, 0, kPauseMs);
    }
    return true;
  }

  Source& source_;
  WorkerSetup& setup_;
  Ports& ports_;
  Marker marker_;
  SourcePace pace_;
  DeadLetterContext dead_letters_ = setup_.weld().dead_letters();
  std::optional<FollowedOutput> followed_;
  Context* context_ = nullptr;
  bool is_open_ = false;
  FrameWriter writer_;
  StageNotes notes_;
  std::string side_;
  std::string cursor_;         // behind the last frame that was published
  std::string marked_cursor_;  // of the mark that is in flight
  bool is_unmarked_ = false;   // something was published since the last mark
};

}  // namespace

int run_source_worker(const detail::SourceDefinition& definition, const WorkerOptions& options) {
  auto attached = WorkerSetup::attach(options, definition.parameters, Ports::Order::strict);
  if (!attached) return fail_worker(options.stage, kWorkerCannotStart, attached.error().message());
  WorkerSetup& setup = *attached.value();
  if (const auto locked = take_stage_lock(options.run_directory, options.stage); !locked) {
    return setup.fail(kWorkerCannotStart, locked.error().message());
  }
  Context context(setup.context_state());
  const auto source = definition.make();
  if (!source->is_resumable(setup.weld().inputs)) {
    if (const auto first = begin_only_once(options.run_directory, options.stage); !first)
      return setup.fail(kWorkerCannotStart, "what was read is gone: " + first.error().message());
  }
  SourceWorker worker(*source, setup);
  if (const auto recovered = worker.recover(); !recovered)
    return setup.fail(kWorkerNeedsEpoch, "cannot go on in place: " + recovered.error().message());
  try {
    worker.open(context);
  } catch (const std::exception& error) {
    return setup.fail(kWorkerCannotStart, error.what());
  }
  try {
    const int code = worker.run();
    if (code == kWorkerDone)
      setup.ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_release);
    return code;
  } catch (const std::exception& error) {
    return setup.fail(kWorkerFailed, error.what());
  }
}

}  // namespace datagen
