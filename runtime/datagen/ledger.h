// Results of paid calls, durable before the frame that uses them is published: what a crash can cost is the
// calls that were on the wire. See docs/paid_calls.md.
//
//   const datagen::CallKey key{item.identity(), 0, datagen::hash_request(body)};
//   if (const auto paid = context.ledger().find(key)) return use(*paid);
//   …send it, and when the answer is there:
//   context.ledger().store(key, answer, [&](datagen::Result<void> stored) { … });   // then let the frame go
//
// Owner: each worker appends to files of its own in the run directory; all workers of the stage read all of
// them. When a worker dies, what it appended is there, and whoever takes its frames over finds it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ipc/result.h"

namespace datagen {

// What a result is found by.
struct CallKey {
  std::string record;         // Item::identity()
  std::uint32_t attempt = 0;  // the logical attempt within the record, from 0; further completions and
                              // questions asked again count on
  std::array<std::uint64_t, 2> request{};  // hash_request() of all that decides the answer: model, messages,
                                           // sampling, schema; never keys or endpoints
};

// What a call came to, for limits that persist: what runs have spent is added up from here when they go on.
struct Bill {
  std::string limits;  // the name given to Context::limits(); empty: none
  std::int64_t tokens = 0;
  double cost = 0;
};

// What a call has brought for one record.
struct PaidOutcome {
  CallKey key;
  std::string result;
  Bill bill;
};

// 128 bits of XXH3.
std::array<std::uint64_t, 2> hash_request(std::string_view text);

namespace detail {
class LedgerFiles;
}

// Thread-safe. Got from Context::ledger().
class Ledger {
 public:
  explicit Ledger(std::unique_ptr<detail::LedgerFiles> files);
  ~Ledger();  // what was stored is durable by then, and its callbacks were called
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The stored result: of this record in this run; else of this record, or of whoever asked the same, in the
  // runs that this one replaced (`--fresh`), in its trial (`--limit`), in the stage's `cache`. When it comes
  // from outside of the run, `*was_paid_elsewhere` becomes true: report its usage as UsageKind::reused.
  // Nothing: it has not been paid for; or the ledger has failed, and Context::cancelled() is true.
  std::optional<std::string> find(const CallKey& key, bool* was_paid_elsewhere = nullptr) const;

  // Appends, and returns at once: the result survives this process's death. `durable` is called from a thread
  // of the ledger's own when it is on disk; many wait for one fsync. Store every outcome that was billed,
  // useless answers too, before asking again under the next attempt.
  // It may be empty: see when_durable().
  // Error, and of every later store: it could not be written, and the worker is about to end so that the run
  // can be resumed (Context::cancelled() is true; nothing is tried again).
  using Durable = std::function<void(Result<void>)>;
  void store(const CallKey& key, std::string_view result, Durable durable, const Bill& bill = {});
  // The same of one call that has brought outcomes for several records: whatever dies and whenever, either
  // all of them are found again, or none. `outcomes` is not empty.
  void store(std::span<const PaidOutcome> outcomes, Durable durable);
  // Calls it, from the same thread, once all that was stored before is durable.
  void when_durable(Durable durable);

 private:
  std::unique_ptr<detail::LedgerFiles> files_;
};

}  // namespace datagen
