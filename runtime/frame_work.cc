#include "frame_work.h"

#include <utility>

#include "ipc/worker_exit.h"
#include "paid_work.h"
#include "suspicions.h"

namespace datagen {

FrameWork::FrameWork(const detail::StageDefinition& definition, WorkerSetup& setup)
    : definition_(definition),
      setup_(setup),
      ports_(setup.ports()),
      runner_(std::make_unique<OperatorRunner>(definition, setup.context_state(), setup.weld().dead_letters(),
                                               setup.weld().runner, progress())) {}

FrameWork::FrameWork(const FrameWork& first, int index)
    : definition_(first.definition_),
      setup_(first.setup_),
      ports_(first.ports_),
      first_thread_(index * setup_.weld().runner.threads),
      own_context_(setup_.context_state().for_another_frame()),
      runner_(first.runner_->beside(*own_context_, progress())) {}

OperatorRunner::Progress FrameWork::progress() {
  return [this](int thread, std::size_t first, std::size_t count, const RecordView* record) {
    setup_.show_record(first_thread_ + thread, seq_, first, count, record);
  };
}

Suspicions FrameWork::suspicions(std::uint64_t seq) const {
  ipc::QuarantineView quarantine(ports_.control().quarantine(), setup_.weld().stage_index);
  return read_suspicions(quarantine.about(seq), setup_.weld().run_directory);
}

Result<void> FrameWork::process(std::uint64_t seq, const Suspicions& suspicions, SavedState* state) {
  seq_ = seq;
  const std::uint64_t began_ns = setup_.show_frame(seq);
  setup_.context_state().paid_work->note_claim();
  if (ports_.is_published(seq)) {
    ports_.complete_publish(seq);
    ports_.free(seq);
    return success();
  }
  failure_ = kWorkerDamagedRing;
  DATAGEN_TRY(read_branches(seq, is_handed_on(suspicions)));
  const FrameOrigin& origin = branches_.front().origin();
  run_operator(seq, suspicions);
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
  if (state != nullptr && origin.mark != 0)
    DATAGEN_TRY(state->save(runner_->stage_operator(), origin.mark, seq));
  DATAGEN_TRY(publish(ports_, seq, writer_, out));
  failure_ = kWorkerDamagedRing;
  ports_.free(seq);
  setup_.show_totals(notes_, bytes_in, out.size());
  setup_.show_cost(began_ns, origin.rows, records_);
  return success();
}

void FrameWork::run_operator(std::uint64_t seq, const Suspicions& suspicions) {
  notes_.clear();
  writer_.begin_from(ports_.space(seq), branches_.front());
  if (setup_.weld().checksums) writer_.begin_checksum(seq);
  // Only sinks read what is built as JSON: whichever of the two has time checks what nobody looked at.
  const bool checks = setup_.weld().runner.built == Tag::json && ports_.readers_lag(seq);
  if (is_handed_on(suspicions)) {
    records_ = branches_.front().size();
    return untouched_.hand_on(branches_.front(), steps_, writer_, notes_, checks);
  }
  const FrameRecords in(branches_);
  records_ = in.size();
  runner_->check_untouched(checks);
  runner_->run(in, writer_, notes_, suspicions);
}

bool FrameWork::is_handed_on(const Suspicions& suspicions) const {
  return definition_.hands_on_untouched && ports_.inputs() == 1 && suspicions.skips.empty();
}

// A frame that passes as a whole is copied to where it is to lie before it is known to be sound: nobody looks
// into the block until its word says FULL, and if it is damaged this worker ends instead.
Result<std::span<const std::byte>> FrameWork::read_branch(std::size_t edge, std::uint64_t seq,
                                                          bool is_handed_on) {
  const std::span<std::byte> space = ports_.space(seq);
  if (is_handed_on && ports_.fits(edge, seq, space)) {
    DATAGEN_TRY(const std::span<std::byte> copy, ports_.copy(edge, seq, space, &steps_));
    return std::span<const std::byte>(copy);
  }
  DATAGEN_TRY(auto bytes, ports_.read(edge, seq));
  bytes_.push_back(std::move(bytes));
  return bytes_.back().bytes;
}

Result<void> FrameWork::read_branches(std::uint64_t seq, bool is_handed_on) {
  bytes_.clear();
  branches_.clear();
  for (std::size_t edge = 0; edge < ports_.inputs(); ++edge) {
    DATAGEN_TRY(const auto bytes, read_branch(edge, seq, is_handed_on));
    DATAGEN_TRY(auto frame, FrameReader::open(bytes));
    branches_.push_back(std::move(frame));
  }
  return success();
}

Result<void> FrameWork::finish(std::uint64_t seq) {
  seq_ = seq;
  notes_.clear();
  writer_.begin(ports_.space(seq), FrameOrigin{});
  runner_->finish(writer_, notes_);
  if (was_told_to_stop()) return success();
  side_.clear();
  append_side_section(side_, {}, setup_.weld().stage_index, notes_);
  failure_ = kWorkerStop;
  DATAGEN_TRY(publish(ports_, seq, writer_, writer_.finish(side_)));
  setup_.show_totals(notes_, 0, 0);
  return success();
}

}  // namespace datagen
