// The shared memory of limits (datagen/limits.h): a file of the run directory that all workers map. A file,
// and not a segment in /dev/shm: a run that is gone on with a second later still knows the last minute.
//
// Written by all workers, by CAS: `windows`, what was granted in each of the last slices of a minute (a word
// holds the number of its slice and an amount, so that a slice is begun and added to in one store), and
// `hold_until_ns`. Written by one worker and read by all: its cell, what it has settled and has under way.
//
// To take something a worker first adds it, then adds all up, and takes it back if that is too much. Of two
// who do so at once at least the later sees both (all is sequentially consistent), and what was granted is
// never taken back: so the last who is granted something in any window has seen all of it, within the limit.
// No lock is held by anybody at any time but while workers begin (flock, which the kernel frees). A worker
// that dies in between leaves an amount that nobody uses: in a window for a minute, in its cell until its
// successor has come, which begins the cell anew, from what the ledger holds of its predecessor.
// tests/model/limits.pml.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ipc/result.h"

namespace datagen::detail {

constexpr std::size_t kSlices = 500;  // of a minute
// Those that count: the present one, and all that a minute behind it covers, with 4 more (0.8 %) for the
// time between a grant and its request's arrival.
constexpr std::size_t kSlicesCounted = 505;
constexpr std::size_t kSliceRing = 512;

enum Measure : std::size_t { kRequests, kTokens, kCost, kMeasures };
constexpr double kCostUnit = 1e-8;  // what money is counted in

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free);

struct alignas(64) LimitsCell {
  Word settled[kMeasures];  // in the run's present generation
  Word under_way[kMeasures];
  Word day;  // of what follows
  Word settled_today[kMeasures];
};
static_assert(sizeof(LimitsCell) == 128);

struct alignas(64) LimitsHead {
  std::uint64_t magic;
  std::uint64_t boot;  // the clock begins anew with the machine
  std::uint64_t minute_ns;
  std::uint64_t generation;       // of the run; written last when it begins
  std::uint64_t base[kMeasures];  // settled in earlier generations
  std::uint64_t base_day;
  std::uint64_t base_today[kMeasures];
  alignas(64) Word hold_until_ns;  // CLOCK_BOOTTIME
  alignas(64) Word windows[kMeasures][kSliceRing];
};

// The mapped file. Not inherited by forked children.
class LimitsMemory {
 public:
  // Of the file behind `fd`, which is made as long as is needed. The caller holds its lock. Error: no room.
  static Result<LimitsMemory> map(int fd, const std::string& path, std::size_t cells);
  LimitsMemory(LimitsMemory&& other) noexcept;
  LimitsMemory& operator=(LimitsMemory&&) = delete;
  ~LimitsMemory();

  LimitsHead& head() const { return *static_cast<LimitsHead*>(mapped_); }
  LimitsCell& cell(std::size_t index) const {
    return reinterpret_cast<LimitsCell*>(static_cast<std::byte*>(mapped_) + sizeof(LimitsHead))[index];
  }
  std::size_t cells() const { return cells_; }
  // All zero, for the machine's present start.
  void begin_anew(std::uint64_t minute_ns);
  // It was begun so, since the machine was started.
  bool is_begun(std::uint64_t minute_ns) const;

 private:
  LimitsMemory(void* mapped, std::size_t cells) : mapped_(mapped), cells_(cells) {}
  void* mapped_;
  std::size_t cells_;
};

// What was granted within a minute, of one measure.
class Window {
 public:
  explicit Window(Word (&words)[kSliceRing]) : words_(words) {}

  void add(std::uint64_t slice, std::int64_t amount);
  std::uint64_t sum(std::uint64_t now_slice) const;
  // How many slices to wait until what remains is `most` or less.
  std::uint64_t slices_until(std::uint64_t now_slice, std::uint64_t most) const;

 private:
  std::uint64_t amount_of(std::uint64_t slice) const;
  Word (&words_)[kSliceRing];
};

std::uint64_t boottime_ns();

}  // namespace datagen::detail
