// The worker of a sink: take frames in order, write their records, account for them, free.
#include <exception>
#include <optional>

#include "commit_log.h"
#include "frame.h"
#include "item_state.h"
#include "output_file.h"
#include "worker_setup.h"

namespace datagen {

using ipc::Ports;

namespace {

class SinkWorker {
 public:
  SinkWorker(Sink& sink, WorkerSetup& setup)
      : sink_(sink), setup_(setup), ports_(setup.ports()), dead_letters_(setup.dead_letters()) {}

  int run() {
    dead_letter_file_.open(setup_.weld().run_directory + "/dead_letter.jsonl", 0);
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
      if (const auto done = write(seq); !done) {
        return fail_worker(setup_.weld().stage, kWorkerDamagedRing, done.error().message());
      }
    }
  }

 private:
  Result<void> write(std::uint64_t seq) {
    setup_.show_frame(seq);
    DATAGEN_TRY(const ipc::FrameBytes bytes, ports_.read(0, seq));
    DATAGEN_TRY(const FrameReader frame, FrameReader::open(bytes.bytes));
    notes_.clear();
    lines_.clear();
    notes_.counts.in = frame.size();
    for (std::size_t index = 0; index < frame.size(); ++index) append_line(frame[index]);
    sink_.write(lines_.view(), notes_.counts.out);
    records_ += notes_.counts.out;

    letters_.clear();
    side_.clear();
    append_side_section(side_, frame.side(), setup_.weld().stage_index, notes_);
    DATAGEN_TRY(totals_.add(side_, letters_));
    write_dead_letters();
    ports_.free(seq);
    setup_.show_totals(notes_, frame.bytes(), lines_.size());
    return success();
  }

  // Whoever looked at a record has checked it in full; one that nobody looked at is checked here.
  void append_line(const RecordView& record) {
    if (record.tag == Tag::json && !(record.flags & kValidated)) {
      try {
        checker_.load(record);
        checker_.validate();
      } catch (const BadRecord& bad) {
        ++notes_.counts.dead;
        notes_.dead_letters.push_back(dead_letter_line(dead_letters_, record, {bad.reason(), bad.what()}));
        return;
      }
    }
    append_record(lines_, record, setup_.weld().ids);
    lines_.push_back('\n');
    ++notes_.counts.out;
  }

  void write_dead_letters() {
    if (letters_.empty()) return;
    std::string lines;
    for (const std::string_view letter : letters_) lines.append(letter).push_back('\n');
    dead_letter_file_.write(lines);
  }

  int seal(std::uint64_t end) {
    sink_.sync();
    dead_letter_file_.sync();
    const Weld& weld = setup_.weld();
    const Commit commit{true, end, sink_.bytes(), records_, dead_letter_file_.bytes()};
    const std::string path = weld.run_directory + "/" + weld.stage + ".done";
    if (const auto done = append_durably(path, commit_line(commit, totals_, weld.stage_names)); !done) {
      return fail_worker(weld.stage, kWorkerFailed, done.error().message());
    }
    return kWorkerDone;
  }

  Sink& sink_;
  WorkerSetup& setup_;
  Ports& ports_;
  DeadLetterContext dead_letters_;
  OutputFile dead_letter_file_;
  detail::ItemState checker_;
  StageNotes notes_;
  Totals totals_;
  ByteBuffer lines_;
  std::string side_;
  std::vector<std::string_view> letters_;
  std::uint64_t records_ = 0;
};

}  // namespace

int run_sink_worker(const detail::SinkDefinition& definition, const WorkerOptions& options) {
  auto attached = WorkerSetup::attach(options, definition.parameters, Ports::Order::strict);
  if (!attached) return fail_worker(options.stage, kWorkerCannotStart, attached.error().message());
  WorkerSetup& setup = *attached.value();
  Context context(setup.context_state());
  const auto sink = definition.make();
  try {
    sink->open(setup.weld().path, 0, context);
  } catch (const std::exception& error) {
    return fail_worker(options.stage, kWorkerCannotStart, error.what());
  }
  try {
    SinkWorker worker(*sink, setup);
    const int code = worker.run();
    if (code == kWorkerDone) setup.ports().cell().state.store(ipc::WorkerState::finished, std::memory_order_relaxed);
    return code;
  } catch (const std::exception& error) {
    return fail_worker(options.stage, kWorkerFailed, error.what());
  }
}

}  // namespace datagen
