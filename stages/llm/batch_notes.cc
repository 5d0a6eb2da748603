#include "llm/batch_notes.h"

#include <charconv>
#include <future>

namespace datagen::llm {

namespace {

// Beside the question's results, which stand under its own request.
CallKey trail_key(const CallKey& question, std::uint32_t note) {
  std::string text = "batch of question ";
  for (const std::uint64_t half : question.request) text += std::to_string(half) + " ";
  return {question.record, note, hash_request(text + std::to_string(question.attempt))};
}

CallKey batch_key(std::string_view batch, std::uint32_t note) {
  return {std::string(batch), note, hash_request("batch " + std::string(batch))};
}

void add_miss(QuestionTrail& trail, int status, std::string_view why) {
  trail.batch.clear();
  if (status == kNeverBegun) return;
  ++trail.misses;
  trail.last_miss = why;
  trail.last_status = status;
}

constexpr std::uint32_t kFile = 0, kId = 1;
constexpr char kBatch = 'B', kMiss = 'M';

}  // namespace

QuestionTrail BatchNotes::trail(const CallKey& question) const {
  QuestionTrail trail;
  while (const auto note = ledger_.find(trail_key(question, trail.notes))) {
    ++trail.notes;
    const std::string_view text = *note;
    const std::size_t space = text.find(' ');
    if (text.empty() || space == std::string_view::npos) continue;
    const std::string_view first = text.substr(1, space - 1), rest = text.substr(space + 1);
    if (text.front() == kBatch) {
      trail.batch = first;
      trail.custom_id = rest;
    } else {
      int status = 0;
      std::from_chars(first.data(), first.data() + first.size(), status);
      add_miss(trail, status, rest);
    }
  }
  return trail;
}

void BatchNotes::note_batch(const CallKey& question, QuestionTrail& trail, std::string_view batch,
                            std::string_view custom_id) {
  trail.batch = batch;
  trail.custom_id = custom_id;
  ledger_.store(trail_key(question, trail.notes++),
                kBatch + std::string(batch) + " " + std::string(custom_id), {});
}

void BatchNotes::note_miss(const CallKey& question, QuestionTrail& trail, int status, std::string_view why) {
  add_miss(trail, status, why);
  ledger_.store(trail_key(question, trail.notes++), kMiss + std::to_string(status) + " " + std::string(why),
                {});
}

void BatchNotes::note_file(std::string_view batch, std::string_view file) {
  ledger_.store(batch_key(batch, kFile), file, {});
}

void BatchNotes::note_id(std::string_view batch, std::string_view id) {
  ledger_.store(batch_key(batch, kId), id, {});
}

std::optional<std::string> BatchNotes::file(std::string_view batch) const {
  return ledger_.find(batch_key(batch, kFile));
}

std::optional<std::string> BatchNotes::id(std::string_view batch) const {
  return ledger_.find(batch_key(batch, kId));
}

Result<void> BatchNotes::wait() {
  std::promise<Result<void>> done;
  auto result = done.get_future();
  ledger_.when_durable([&done](const Result<void>& stored) { done.set_value(stored); });
  return result.get();
}

}  // namespace datagen::llm
