// What is known of batches that were begun, in the ledger of the run: so that no death of a worker, and no
// crash, submits a question twice.
//
// A batch gets a random name, and goes: noted for each of its questions -> file uploaded -> file noted ->
// batch created -> batch noted -> results. Each note is durable before the next step. So of a batch without a
// noted file nothing was ever begun; one with a file and no id may have begun, which only the server knows,
// by name; and nobody but who noted the name ever begins it.
//
// A question that got no result from its batch is noted so, and may be asked in another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <datagen/ledger.h>

#include "ipc/result.h"

namespace datagen::llm {

// Instead of a status: the batch that it was noted for was never begun.
constexpr int kNeverBegun = -1;

// One question's way through batches.
struct QuestionTrail {
  std::uint32_t notes = 0;   // so far
  std::string batch;         // name of the one that it is in; empty: none
  std::string custom_id;     // in that
  std::uint32_t misses = 0;  // batches that had no result for it
  std::string last_miss;     // what the last one said
  int last_status = 0;       // of that; 0: it was not sent

  // The server will never take it.
  bool is_refused() const {
    return batch.empty() && last_status >= 400 && last_status < 500 && last_status != 408 &&
           last_status != 429;
  }
  bool gives_up(int retries) const { return is_refused() || static_cast<int>(misses) > retries; }
};

class BatchNotes {
 public:
  explicit BatchNotes(Ledger& ledger) : ledger_(ledger) {}

  QuestionTrail trail(const CallKey& question) const;
  // Not durable before wait().
  void note_batch(const CallKey& question, QuestionTrail& trail, std::string_view batch,
                  std::string_view custom_id);
  void note_miss(const CallKey& question, QuestionTrail& trail, int status, std::string_view why);
  void note_file(std::string_view batch, std::string_view file);
  void note_id(std::string_view batch, std::string_view id);
  std::optional<std::string> file(std::string_view batch) const;
  std::optional<std::string> id(std::string_view batch) const;
  // All that was noted is durable. Error: the ledger has failed, and the worker is about to end.
  Result<void> wait();

 private:
  Ledger& ledger_;
};

}  // namespace datagen::llm
