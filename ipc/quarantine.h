// The quarantine: how a stage's workers have to treat the records that are under suspicion of having killed
// one of them. A table of directives in the control segment, behind the in-flight entries.
//
// Owner: the launcher, one thread, is the only writer; workers read. It writes what a death teaches before it
// takes back the dead worker's claims (ipc/recovery.h). So whoever claims a frame sees all directives about
// it: they were stored before the CAS CLAIMED -> FULL, which releases them to the claimer. While a worker
// holds frame n, no entry about n appears, changes or goes: only its own death writes one, and retire() takes
// only frames that the stage is done with. Entries about other frames may change under a reader. Each carries
// a hash over its words: a half-written one, or one that a wild write of a dying worker has hit, does not fit
// its hash and is no directive.
//
// The launcher dies between two of its stores: all workers end with it, and the segment is not used again.
// A worker dies while it reads: nothing to repair.
#pragma once

#include <cstdint>
#include <vector>

#include "ipc/layout.h"
#include "ipc/result.h"

namespace datagen::ipc {

struct Directive {
  enum class Kind : std::uint64_t {
    none = 0,
    alone = 1,  // run the frame one record at a time on one thread; records [first, second) are the suspects
    split = 2,  // no batch call crosses record first, second or third of the frame
    skip = 3,  // dead-letter the record of row `first` and path hash `second` without running it; its details
               // are in quarantine/<third>.json of the run directory
    first = 4,  // run record `first` of the frame before its others
  };
  static constexpr std::uint64_t kAnyFrame = ~std::uint64_t{0};

  Kind kind = Kind::none;
  std::uint64_t stage = 0;  // index in the plan
  std::uint64_t frame = 0;  // or kAnyFrame, after a new epoch has numbered the frames anew
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  friend bool operator==(const Directive&, const Directive&) = default;
};

struct alignas(kCacheLine) DirectiveEntry {
  AtomicWord kind;  // 0: free
  AtomicWord stage, frame, first, second, third;
  AtomicWord stamp;  // of the version that wrote it: no two entries ever have the same words
  AtomicWord check;  // XXH3-64 of the seven words before it, as they lie in memory
};
static_assert(sizeof(DirectiveEntry) == kCacheLine);

struct alignas(kCacheLine) QuarantineTable {
  static constexpr std::uint64_t kEntries = 1024;
  AtomicWord version;  // 0: nothing was ever written; grows with every change
  AtomicWord used;     // entries from here on were never written
  DirectiveEntry entries[kEntries];
};
static_assert(sizeof(QuarantineTable) == (1 + QuarantineTable::kEntries) * kCacheLine);

// By the launcher. A directive that the table holds already is not written twice.
// Error: the table is full; nothing was written.
Result<void> write_directive(QuarantineTable& table, const Directive& directive);

// By the launcher: `stage` is done with all frames below `frame`; what was about them makes room. Directives
// for any frame stay.
void retire_directives(QuarantineTable& table, std::uint64_t stage, std::uint64_t frame);

// A worker's view of the table: what is said about the frame that it has claimed.
class QuarantineView {
 public:
  QuarantineView() = default;  // of no table: nothing is ever said
  QuarantineView(const QuarantineTable& table, std::uint64_t stage) : table_(&table), stage_(stage) {}

  // The directives about a claimed frame, those for any frame among them; valid until the next call. One load
  // when nothing was ever written.
  const std::vector<Directive>& about(std::uint64_t frame);

 private:
  const QuarantineTable* table_ = nullptr;
  std::uint64_t stage_ = 0;
  std::uint64_t version_ = 0;     // of `known_`
  std::vector<Directive> known_;  // all about this stage
  std::vector<Directive> about_;
};

}  // namespace datagen::ipc
