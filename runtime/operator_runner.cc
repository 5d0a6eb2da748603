#include "operator_runner.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <latch>
#include <new>
#include <optional>
#include <thread>

#include "backoff.h"
#include "crash_handler.h"
#include "json_write.h"

namespace datagen {

using detail::ContextState;
using detail::ItemState;
using Outcome = ItemState::Outcome;

void Operator::process_item(Item&, Context&) { throw std::logic_error("the operator has no process_item"); }
void Operator::process_batch(Batch&, Context&) {
  throw std::logic_error("the operator has no process_batch");
}

OperatorRunner::OperatorRunner(const detail::StageDefinition& definition, detail::ContextState& context,
                               DeadLetterContext dead_letters, RunnerOptions options, Progress progress,
                               std::shared_ptr<Operator> stage_operator)
    : definition_(definition),
      context_state_(context),
      context_(context),
      dead_letters_(std::move(dead_letters)),
      options_(std::move(options)),
      progress_(std::move(progress)),
      operator_(std::move(stage_operator)) {
  if (!definition.batch && options_.threads > 1) {
    threads_ = std::make_unique<boost::asio::thread_pool>(static_cast<std::size_t>(options_.threads));
  }
}

OperatorRunner::~OperatorRunner() = default;

std::unique_ptr<OperatorRunner> OperatorRunner::beside(ContextState& context, Progress progress) const {
  return std::unique_ptr<OperatorRunner>(
      new OperatorRunner(definition_, context, dead_letters_, options_, std::move(progress), operator_));
}

void OperatorRunner::open() { operator_->open(context_); }

ItemState& OperatorRunner::state(std::size_t index) {
  while (states_.size() <= index) states_.push_back(std::make_unique<ItemState>(options_.built));
  return *states_[index];
}

void OperatorRunner::run(const FrameRecords& in, FrameWriter& out, StageNotes& notes,
                         const Suspicions& suspicions) {
  context_state_.notes = &notes;
  suspicions_ = &suspicions;
  notes.counts.in += in.records_in();
  notes.counts.joined += in.records_in() - in.size();
  if (definition_.batch) {
    run_batches(in, out, notes);
  } else if (threads_ != nullptr && !suspicions.run_alone) {
    run_items_in_threads(in, out, notes);
  } else {
    run_items(in, out, notes);
  }
  context_state_.notes = nullptr;
}

// ---- attempts

namespace {

// How often a record had to be tried, for display.
void note_attempts(int attempts, bool is_dead, StageNotes& notes) {
  notes.retries += static_cast<std::uint64_t>(attempts - 1);
  notes.errors += static_cast<std::uint64_t>(is_dead ? attempts : attempts - 1);
}

}  // namespace

template <class Call>
bool OperatorRunner::attempt(ItemState& state, Call call, Result& result) {
  for (int made = 1;; ++made) {
    std::optional<std::chrono::milliseconds> pause;
    result.reason.attempts = made;
    try {
      call();
      return true;
    } catch (const StopRun& stop) {
      result.stops_run = true;
      result.reason.message = stop.what();
      return false;
    } catch (const BadRecord& bad) {
      result.reason.reason = bad.reason();
      result.reason.message = bad.what();
      return false;
    } catch (const Retry& retry) {
      result.reason.reason = "retries_exhausted";
      result.reason.message = retry.what();
      pause = retry.after();
    } catch (const std::bad_alloc& exception) {
      result.reason.reason = "out_of_memory";
      result.reason.message = "the operator ran out of memory";
    } catch (const std::exception& exception) {
      result.reason.reason = "exception";
      result.reason.message = exception.what();
    } catch (...) {
      result.reason.reason = "exception";
      result.reason.message = "an exception that is no std::exception";
    }
    if (made > options_.retries || context_.cancelled()) return false;
    std::this_thread::sleep_for(pause ? *pause : backoff(made, options_.backoff));
    state.restore();
  }
}

void OperatorRunner::run_item(ItemState& state, Result& result) {
  Item item(state);
  result.dead = !attempt(
      state, [&] { operator_->process_item(item, context_); }, result);
  if (checks_untouched_ && !result.dead && state.outcome() == Outcome::unchanged) state.try_to_validate();
}

std::map<std::size_t, OperatorRunner::Result> OperatorRunner::run_firsts(const FrameRecords& in) {
  std::map<std::size_t, Result> results;
  for (const std::size_t index : suspicions_->firsts) {
    if (index >= in.size() || given_up(in, index) != nullptr) continue;
    load(state(0), in, index);
    begin(0, index, 1, state(0).record());
    run_item(state(0), results[index]);
    keep(state(0), results[index]);
    end(0);
  }
  return results;
}

void OperatorRunner::run_items(const FrameRecords& in, FrameWriter& out, StageNotes& notes) {
  const std::map<std::size_t, Result> firsts = run_firsts(in);
  ItemState& record = state(0);
  record.set_frame(in.text());
  Result result;
  for (std::size_t index = 0; index < in.size(); ++index) {
    if (const DeadLetterReason* reason = given_up(in, index)) {
      bury(in[index], *reason, notes);
      continue;
    }
    if (const auto first = firsts.find(index); first != firsts.end()) {
      append_kept(in[index], first->second, out, notes);
      continue;
    }
    load(record, in, index);
    begin(0, index, 1, record.record());
    run_item(record, result);
    append(record, result, out, notes);
  }
  record.set_frame({});
  end(0);
}

void OperatorRunner::run_items_in_threads(const FrameRecords& in, FrameWriter& out, StageNotes& notes) {
  std::vector<Result> results(in.size());
  std::map<std::size_t, Result> firsts = run_firsts(in);
  for (auto& [index, result] : firsts) results[index] = std::move(result);
  std::atomic<std::size_t> next{0};
  state(static_cast<std::size_t>(options_.threads) - 1);  // all states exist before the threads use them
  std::latch done(options_.threads);
  for (int thread = 0; thread < options_.threads; ++thread) {
    boost::asio::post(*threads_, [&, thread] {
      use_alternate_stack();
      ItemState& record = *states_[static_cast<std::size_t>(thread)];
      for (std::size_t index = next++; index < results.size(); index = next++) {
        if (const DeadLetterReason* reason = given_up(in, index)) {
          results[index].dead = true;
          results[index].reason = *reason;
          continue;
        }
        if (firsts.contains(index)) continue;
        load(record, in, index);
        begin(thread, index, 1, record.record());
        run_item(record, results[index]);
        keep(record, results[index]);
      }
      end(thread);
      done.count_down();
    });
  }
  done.wait();
  for (std::size_t index = 0; index < results.size(); ++index)
    append_kept(in[index], results[index], out, notes);
}

void OperatorRunner::run_batches(const FrameRecords& in, FrameWriter& out, StageNotes& notes) {
  std::size_t size = options_.batch_size == 0 ? std::max<std::size_t>(in.size(), 1) : options_.batch_size;
  if (suspicions_->run_alone) size = 1;
  for (std::size_t first = 0; first < in.size();) {
    if (const DeadLetterReason* reason = given_up(in, first)) {
      bury(in[first++], *reason, notes);
      continue;
    }
    std::size_t last = std::min(suspicions_->next_split(first), std::min(first + size, in.size()));
    for (std::size_t index = first + 1; index < last; ++index) {
      if (given_up(in, index) != nullptr) last = index;
    }
    run_batch(in, first, last - first, out, notes);
    first = last;
  }
  end(0);
}

void OperatorRunner::run_batch(const FrameRecords& in, std::size_t first, std::size_t count, FrameWriter& out,
                               StageNotes& notes) {
  begin(0, first, count, in[first]);
  std::vector<std::unique_ptr<Item>> items;
  std::vector<Item*> pointers;
  for (std::size_t index = 0; index < count; ++index) {
    load(state(index), in, first + index);
    items.push_back(std::make_unique<Item>(*states_[index]));
    pointers.push_back(items.back().get());
  }
  Batch batch(pointers.data(), count);
  const auto call = [&] { operator_->process_batch(batch, context_); };
  Result result;
  if (count == 1) {
    result.dead = !attempt(*states_[0], call, result);
  } else {
    try {
      call();
    } catch (const StopRun& stop) {
      throw StageFailed(stop.what());
    } catch (...) {
      // One record's exception must not fail the others: it is sought by halves.
      run_batch(in, first, count / 2, out, notes);
      return run_batch(in, first + count / 2, count - count / 2, out, notes);
    }
  }
  for (std::size_t index = 0; index < count; ++index) append(*states_[index], result, out, notes);
}

// ---- results

DeadLetterReason OperatorRunner::rejection(const ItemState& state, const Result& result) {
  DeadLetterReason reason = result.reason;
  reason.reason = state.drop_reason();
  reason.message = state.rejection();
  return reason;
}

void OperatorRunner::note_dropped(const RecordView& record, const std::string& reason, StageNotes& notes) {
  ++notes.counts.dropped;
  ++notes.drop_reasons[reason];
  if (notes.wants_dropped) notes.dropped.push_back({lineage_id(record.origin.row, record.path), reason});
  if (!options_.keeps_exclusions) return;
  const std::string line = exclusion_line(dead_letters_, record, reason) + "\n";
  notes.counts.exclusion_bytes += line.size();
  notes.exclusions += line;
}

void OperatorRunner::bury(const RecordView& record, const DeadLetterReason& reason, StageNotes& notes) {
  switch (options_.on_error) {
    case OnError::drop:
      return note_dropped(record, "error: " + reason.reason, notes);
    case OnError::fail:
      throw StageFailed("record " + lineage_id(record.origin.row, record.path) + ": " + reason.reason + ": " +
                            reason.message,
                        dead_letter_line(dead_letters_, record, reason));
    case OnError::dead_letter:
      ++notes.counts.dead;
      notes.dead_letters.push_back(dead_letter_line(dead_letters_, record, reason));
  }
}

void OperatorRunner::append_child(const RecordView& parent, std::size_t index, std::string_view bytes,
                                  FrameWriter& out, StageNotes& notes) {
  std::string path(parent.path);
  if (!path.empty()) path.push_back('_');
  path += std::to_string(index);
  const bool is_plain = options_.built == Tag::json && !may_have_id(bytes);
  out.add(bytes, path, parent.origin, options_.built, kValidated | (is_plain ? kPlain : 0));
  ++notes.counts.children;
  ++notes.counts.out;
}

void OperatorRunner::append(ItemState& state, const Result& result, FrameWriter& out, StageNotes& notes) {
  const RecordView& record = state.record();
  if (result.stops_run) throw StageFailed(result.reason.message);
  const bool is_rejected = !result.dead && state.outcome() == Outcome::rejected;
  note_attempts(result.reason.attempts, result.dead || is_rejected, notes);
  if (result.dead) return bury(record, result.reason, notes);
  if (is_rejected) return bury(record, rejection(state, result), notes);
  switch (state.outcome()) {
    case Outcome::unchanged:
      out.add(record.payload, record.path, record.origin, record.tag, state.flags());
      ++notes.counts.out;
      return;
    case Outcome::rewritten:
      state.append_rewritten(out.begin_payload(record.path));
      out.end_payload(record.path, record.origin, options_.built, state.rewritten_flags());
      ++notes.counts.out;
      return;
    case Outcome::expanded:
      ++notes.counts.parents;
      for (std::size_t index = 0; index < state.children(); ++index) {
        append_child(record, index, state.child(index), out, notes);
      }
      return;
    case Outcome::dropped:
      return note_dropped(record, state.drop_reason(), notes);
    case Outcome::rejected:
      return;  // seen above
  }
}

void OperatorRunner::keep(ItemState& state, Result& result) {
  result.outcome = state.outcome();
  result.flags = state.flags();
  if (!result.dead && result.outcome == Outcome::rejected) {
    result.reason = rejection(state, result);
    result.dead = true;
  }
  if (result.dead) return;
  if (result.outcome == Outcome::rewritten) {
    result.bytes = state.rewritten();
    result.flags = state.rewritten_flags();
  }
  if (result.outcome == Outcome::dropped) result.bytes = state.drop_reason();
  if (result.outcome == Outcome::expanded) {
    for (std::size_t index = 0; index < state.children(); ++index) {
      result.bytes += state.child(index);
      result.ends.push_back(result.bytes.size());
    }
  }
}

void OperatorRunner::append_kept(const RecordView& record, const Result& result, FrameWriter& out,
                                 StageNotes& notes) {
  if (result.stops_run) throw StageFailed(result.reason.message);
  note_attempts(result.reason.attempts, result.dead, notes);
  if (result.dead) {
    RecordView looked_at = record;
    looked_at.flags = result.flags;
    return bury(looked_at, result.reason, notes);
  }
  switch (result.outcome) {
    case Outcome::unchanged:
      out.add(record.payload, record.path, record.origin, record.tag, result.flags);
      ++notes.counts.out;
      return;
    case Outcome::rewritten:
      out.add(result.bytes, record.path, record.origin, options_.built, result.flags);
      ++notes.counts.out;
      return;
    case Outcome::expanded:
      ++notes.counts.parents;
      for (std::size_t index = 0, begin = 0; index < result.ends.size(); begin = result.ends[index++]) {
        append_child(record, index, std::string_view(result.bytes).substr(begin, result.ends[index] - begin),
                     out, notes);
      }
      return;
    case Outcome::dropped: {
      RecordView looked_at = record;
      looked_at.flags = result.flags;
      return note_dropped(looked_at, result.bytes, notes);
    }
    case Outcome::rejected:
      return;  // kept as dead
  }
}

void OperatorRunner::finish(FrameWriter& out, StageNotes& notes) {
  context_state_.notes = &notes;
  ItemState& made = state(0);
  RecordView nothing;
  nothing.origin.row = kNoRow;
  nothing.path = "end";
  nothing.tag = Tag::json;
  nothing.payload = "{}";
  nothing.flags = kValidated;
  made.load(nothing);
  Item item(made);
  Emitter emitter(item);
  operator_->finish(emitter, context_);
  for (std::size_t index = 0; index < made.children(); ++index)
    append_child(nothing, index, made.child(index), out, notes);
  context_state_.notes = nullptr;
}

}  // namespace datagen
