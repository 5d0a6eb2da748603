// The worker of a sink: take frames in order, write their records, account for them, free; commit at marked
// frames.
//
// A frame is written when the cell says so (ipc::store_written): output, dead letters and journal stand
// before it, the free of its slot behind it. A successor goes on from the cell, a new epoch from the last
// line of .done.
//
// A sink may hold frames back (Sink::held): the cell then still names the last one before them, and they are
// not freed.
#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "commit_log.h"
#include "committer.h"
#include "frame_lines.h"
#include "run_files.h"
#include "side_files.h"
#include "sink_journal.h"
#include "stage_lock.h"
#include "worker_setup.h"

namespace datagen {

using ipc::Ports;

namespace {

class SinkWorker {
 public:
  SinkWorker(Sink& sink, WorkerSetup& setup)
      : sink_(sink),
        setup_(setup),
        weld_(setup.weld()),
        ports_(setup.ports()),
        lines_(weld_.ids, weld_.dead_letters()),
        done_path_(done_path(weld_.run_directory, weld_.stage)),
        journal_(weld_.run_directory + "/" + weld_.stage + ".journal") {}

  // Opens output, dead letters and journal where a predecessor or an earlier generation stopped.
  Result<void> open(Context& context) {
    DATAGEN_TRY(const auto commits, repair_commits(done_path_, weld_.stage_names));
    if (!commits.empty()) last_commit_ = commits.back().commit;
    ipc::WrittenState written = ipc::load_written(ports_.cell());
    const bool is_successor = ports_.cell().written_version.load(std::memory_order_acquire) != 0;
    std::optional<Commit> pending;
    if (is_successor) {
      DATAGEN_TRY(auto recovered, journal_.recover(written.journal));
      totals_ = std::move(recovered.totals);
      pending = std::move(recovered.pending);
    } else {
      DATAGEN_TRY(resume(written));
    }
    sink_.open(weld_.path, {written.bytes, totals_.stage(weld_.stage_index).counts.out}, context);
    side_files_.open(weld_, written.dead_bytes, totals_);
    if (!is_successor) {
      journal_.begin(totals_);
      written.journal = journal_.position();
      ipc::store_written(ports_.cell(), written);
    }
    ports_.free_below(written.seq);
    committer_.emplace(sink_, side_files_, CommitLog(done_path_, weld_.stage_names), ports_.cell(),
                       weld_.stage);
    if (pending && pending->mark > last_commit_.mark) committer_->begin(std::move(*pending));
    if (last_commit_.mark != 0) raise_committed(last_commit_);
    return success();
  }

  int run() {
    if (last_commit_.sealed) return kWorkerDone;  // died between its seal and its exit
    std::uint64_t seq = 0;
    for (;;) {
      switch (ports_.claim(seq)) {
        case Ports::Outcome::cancelled:
          return kWorkerCancelled;
        case Ports::Outcome::end:
          return seal(ports_.input_end());
        case Ports::Outcome::frame:
          break;
      }
      if (const auto done = write(seq); !done) return setup_.fail(kWorkerDamagedRing, done.error().message());
    }
  }

 private:
  // Fills what the commit says that this generation begins with.
  Result<void> resume(ipc::WrittenState& written) {
    const std::uint64_t mark = weld_.resume.mark;
    if (mark == 0) return success();
    if (last_commit_.mark != mark) {
      return Error(done_path_ + " ends with mark " + std::to_string(last_commit_.mark) +
                   ", the run goes on from " + std::to_string(mark));
    }
    totals_ = last_commit_.totals;
    written = {last_commit_.seq, last_commit_.output_bytes, last_commit_.dead_letter_bytes, 0};
    return success();
  }

  void raise_committed(const Commit& commit) {
    ipc::Cell& cell = ports_.cell();
    if (cell.committed_mark.load(std::memory_order_relaxed) < commit.mark)
      ipc::store_committed(cell, commit.mark, commit.seq);
  }

  Result<void> write(std::uint64_t seq) {
    const std::uint64_t began_ns = setup_.show_frame(seq);
    DATAGEN_TRY(const ipc::FrameBytes bytes, ports_.read(0, seq));
    DATAGEN_TRY(const FrameReader frame, FrameReader::open(bytes.bytes));
    notes_.clear();
    notes_.counts.in = frame.size();
    const std::string_view lines = lines_.of(frame, notes_);
    sink_.write(lines, notes_.counts.out);

    side_lines_.clear();
    side_.clear();
    append_side_section(side_, frame.side(), weld_.stage_index, notes_);
    DATAGEN_TRY(totals_.add(side_, side_lines_));
    side_files_.write(side_lines_);
    sink_.flush(frame.origin().mark != 0 || wants_turn_over() ? 0 : held_max());
    const std::optional<Commit> commit = commit_at(frame.origin(), seq + 1);
    keep_accounts(commit);
    held_.push_back({seq, side_files_.dead_letter_bytes(), journal_.position()});
    free_written();
    if (commit) committer_->begin(*commit);
    setup_.show_totals(notes_, frame.bytes(), lines.size());
    setup_.show_cost(began_ns, frame.origin().rows, frame.size());
    return success();
  }

  bool wants_turn_over() { return journal_.is_long() && committer_->is_idle(); }

  // Half of the ring stays free for who writes into it.
  std::size_t held_max() const { return weld_.in.front().geometry.slots / 2 - 1; }

  // Tells the cell of frames that the sink does not hold, then frees them.
  void free_written() {
    const std::size_t count = held_.size() - std::min<std::size_t>(held_.size(), sink_.held());
    if (count == 0) return;
    const Held& last = held_[count - 1];
    ipc::store_written(ports_.cell(), {last.seq + 1, sink_.bytes(), last.dead_letter_bytes, last.journal});
    for (std::size_t index = 0; index < count; ++index) ports_.free(held_[index].seq);
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  // What is to be committed behind a marked frame.
  std::optional<Commit> commit_at(const FrameOrigin& origin, std::uint64_t seq) {
    if (origin.mark == 0) return std::nullopt;
    Commit commit;
    commit.mark = origin.mark;
    commit.cursor = origin.cursor_view();
    fill(commit, seq);
    return commit;
  }

  void fill(Commit& commit, std::uint64_t seq) {
    commit.seq = seq;
    commit.output_bytes = sink_.bytes();
    commit.output_records = totals_.stage(weld_.stage_index).counts.out;
    commit.dead_letter_bytes = side_files_.dead_letter_bytes();
    commit.totals = totals_;
    const Sink::Tail tail = sink_.tail();
    if (tail.path.empty()) return;
    const auto hash = tail_hash_of(tail.path, tail.bytes);
    if (!hash) return;  // it cannot be read back (write-only): a resume checks nothing
    commit.output_path = tail.path;
    commit.file_bytes = tail.bytes;
    commit.tail_hash = hash.value();
  }

  void keep_accounts(const std::optional<Commit>& commit) {
    if (!commit && sink_.held() == 0 && wants_turn_over()) {
      journal_.turn_over(totals_);  // this frame's accounts are in them
      return;
    }
    accounts_.clear();
    append_accounts(accounts_, side_);
    journal_.append(accounts_, commit ? &*commit : nullptr);
  }

  int seal(std::uint64_t end) {
    sink_.flush(0);
    free_written();
    committer_->wait();
    Commit commit;
    commit.mark = std::max(last_commit_.mark, ports_.cell().committed_mark.load(std::memory_order_acquire));
    commit.sealed = true;
    fill(commit, end);
    committer_->begin(std::move(commit));
    committer_->wait();
    return kWorkerDone;
  }

  struct Held {
    std::uint64_t seq, dead_letter_bytes, journal;
  };

  Sink& sink_;
  WorkerSetup& setup_;
  const Weld& weld_;
  Ports& ports_;
  FrameLines lines_;
  std::string done_path_;
  SideFiles side_files_;
  SinkJournal journal_;
  Commit last_commit_;  // of the predecessor or the earlier generation
  StageNotes notes_;
  Totals totals_;
  std::deque<Held> held_;
  std::string side_, accounts_;
  SideLines side_lines_;
  std::optional<Committer> committer_;  // last: its thread uses what stands above
};

}  // namespace

int run_sink_worker(const detail::SinkDefinition& definition, const WorkerOptions& options) {
  auto attached = WorkerSetup::attach(options, definition.parameters, Ports::Order::strict);
  if (!attached) return fail_worker(options.stage, kWorkerCannotStart, attached.error().message());
  WorkerSetup& setup = *attached.value();
  if (const auto locked = take_stage_lock(options.run_directory, options.stage); !locked) {
    return setup.fail(kWorkerCannotStart, locked.error().message());
  }
  Context context(setup.context_state());
  const auto sink = definition.make();
  if (!sink->is_resumable()) {
    if (const auto first = begin_only_once(options.run_directory, options.stage); !first)
      return setup.fail(kWorkerCannotStart, "what was written cannot be cut: " + first.error().message());
  }
  SinkWorker worker(*sink, setup);
  try {
    if (const auto opened = worker.open(context); !opened)
      return setup.fail(kWorkerNeedsEpoch, opened.error().message());
  } catch (const std::exception& error) {
    return setup.fail(kWorkerCannotStart, error.what());
  }
  try {
    const int code = worker.run();
    if (code == kWorkerDone) {
      setup.ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_release);
      sink->complete();
    }
    return code;
  } catch (const std::system_error& error) {
    // Its output cannot be written: another process would fare no better.
    return setup.fail(kWorkerStop, error.what());
  } catch (const CannotWrite& error) {
    return setup.fail(kWorkerStop, error.what());
  } catch (const std::exception& error) {
    return setup.fail(kWorkerFailed, error.what());
  }
}

}  // namespace datagen
