// Runs an operator over frames: records in, records out, and notes on what became of each.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "context_state.h"
#include "datagen/stage.h"
#include "dead_letter.h"
#include "frame_records.h"
#include "item_state.h"
#include "suspicions.h"

namespace boost::asio {
class thread_pool;
}

namespace datagen {

enum class OnError : std::uint8_t { dead_letter, drop, fail };

struct RunnerOptions {
  int threads = 1;
  std::size_t batch_size = 0;              // 0: the whole frame
  int retries = 0;                         // attempts after the first, for exceptions other than BadRecord
  std::chrono::milliseconds backoff{100};  // doubled after each attempt, less a random part
  OnError on_error = OnError::dead_letter;
  bool keeps_exclusions = false;      // dropped records go to a file
  Tag built = Tag::msgpack;           // form of the records that it makes; json where only sinks read them
  std::vector<std::string> branches;  // ids of what it reads, when that is more than one
};

// Thrown out of run() when on_error is `fail`: the stage stops with this message.
class StageFailed : public std::runtime_error {
 public:
  explicit StageFailed(const std::string& message, std::string record = {})
      : std::runtime_error(message), record_(std::move(record)) {}
  // That it stops for, in the form of a dead letter's line; empty: for none.
  const std::string& record() const { return record_; }

 private:
  std::string record_;
};

class OperatorRunner {
 public:
  // Told which records of the frame a thread begins: `count` from index `first` on, whose first is `record`.
  // Count 0 and no record: it is done.
  using Progress =
      std::function<void(int thread, std::size_t first, std::size_t count, const RecordView* record)>;

  OperatorRunner(const detail::StageDefinition& definition, detail::ContextState& context,
                 DeadLetterContext dead_letters, RunnerOptions options, Progress progress = {})
      : OperatorRunner(definition, context, std::move(dead_letters), std::move(options), std::move(progress),
                       definition.make()) {}
  ~OperatorRunner();
  // Another that calls the same operator object, from other threads and on other frames.
  std::unique_ptr<OperatorRunner> beside(detail::ContextState& context, Progress progress) const;

  Operator& stage_operator() { return *operator_; }
  void replace_operator(std::unique_ptr<Operator> replacement) { operator_ = std::move(replacement); }
  // Calls the operator's open; what it throws is why the stage cannot start.
  void open();
  // Whether records that the operator leaves as they are are checked here, or by the sink behind it as ever.
  // A bad one is left to the sink in any case.
  void check_untouched(bool wanted) { checks_untouched_ = wanted; }
  // Turns one frame into one frame. `notes` is added to. `suspicions`: what the quarantine says about the
  // frame.
  void run(const FrameRecords& in, FrameWriter& out, StageNotes& notes, const Suspicions& suspicions = {});
  void run(const FrameReader& in, FrameWriter& out, StageNotes& notes) {
    run(FrameRecords({&in, 1}), out, notes);
  }
  // The operator's records at the end of the stream.
  void finish(FrameWriter& out, StageNotes& notes);

 private:
  OperatorRunner(const detail::StageDefinition& definition, detail::ContextState& context,
                 DeadLetterContext dead_letters, RunnerOptions options, Progress progress,
                 std::shared_ptr<Operator> stage_operator);

  // What became of a record, kept until its turn comes when several threads work.
  struct Result {
    detail::ItemState::Outcome outcome = detail::ItemState::Outcome::unchanged;
    bool dead = false;
    bool stops_run = false;  // with the reason's message
    DeadLetterReason reason;
    std::uint8_t flags = 0;
    std::string bytes;
    std::vector<std::size_t> ends;
  };

  void load(detail::ItemState& state, const FrameRecords& in, std::size_t index) const {
    in.read(index, state.begin_load(in.branches(index), options_.branches));
  }
  // Calls the operator on one record until it returns or the attempts are used up; fills the result's fate.
  void run_item(detail::ItemState& state, Result& result);
  template <class Call>
  bool attempt(detail::ItemState& state, Call call, Result& result);
  void begin(int thread, std::size_t first, std::size_t count, const RecordView& record) {
    if (progress_) progress_(thread, first, count, &record);
  }
  void end(int thread) {
    if (progress_) progress_(thread, 0, 0, nullptr);
  }
  // The reason, when the record was given up because it killed its workers.
  const DeadLetterReason* given_up(const FrameRecords& in, std::size_t index) const {
    return suspicions_->skips.empty() ? nullptr : suspicions_->find(in[index]);
  }
  void run_batch(const FrameRecords& in, std::size_t first, std::size_t count, FrameWriter& out,
                 StageNotes& notes);
  // By index, what became of the records that are tried again: before the others, so that another death
  // undoes little.
  std::map<std::size_t, Result> run_firsts(const FrameRecords& in);
  void run_items(const FrameRecords& in, FrameWriter& out, StageNotes& notes);
  void run_items_in_threads(const FrameRecords& in, FrameWriter& out, StageNotes& notes);
  void run_batches(const FrameRecords& in, FrameWriter& out, StageNotes& notes);
  // Appends what became of the record in `state` to the frame.
  void append(detail::ItemState& state, const Result& result, FrameWriter& out, StageNotes& notes);
  // Why the operator gave the record up itself.
  static DeadLetterReason rejection(const detail::ItemState& state, const Result& result);
  // The same for a result whose state has gone on to another record.
  static void keep(detail::ItemState& state, Result& result);
  void append_kept(const RecordView& record, const Result& result, FrameWriter& out, StageNotes& notes);
  void append_child(const RecordView& parent, std::size_t index, std::string_view bytes, FrameWriter& out,
                    StageNotes& notes);
  void note_dropped(const RecordView& record, const std::string& reason, StageNotes& notes);
  void bury(const RecordView& record, const DeadLetterReason& reason, StageNotes& notes);
  detail::ItemState& state(std::size_t index);

  const detail::StageDefinition& definition_;
  detail::ContextState& context_state_;
  Context context_;
  DeadLetterContext dead_letters_;
  RunnerOptions options_;
  Progress progress_;
  bool checks_untouched_ = false;
  const Suspicions* suspicions_ = nullptr;  // of the frame in work
  std::shared_ptr<Operator> operator_;
  std::vector<std::unique_ptr<detail::ItemState>> states_;
  std::unique_ptr<boost::asio::thread_pool> threads_;
};

}  // namespace datagen
