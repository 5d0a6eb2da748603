// A lone frame there and back between two processes, awake and asleep; bare atomics and semaphores likewise.
#include <semaphore.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <optional>

#include "tests/bench/ring_bench.h"

namespace datagen::ipc {

namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

constexpr std::uint64_t kAwakeTrips = 1000;
constexpr std::uint64_t kAsleepTrips = 100;

// This process as source (cell 0, ring 0) and sink (cell 2, ring 1); the other as a stage between them (cell
// 1) that sends each frame back.
class RoundTrip {
 public:
  explicit RoundTrip(bool checksums) : rig_({RingGeometry{64, kPageBytes}, RingGeometry{64, kPageBytes}}, 3) {
    rig_.checksums = checksums;
    child_.emplace(on_second([this] { return send_back(); }));
    source_.emplace(rig_.ports({{}, {{0, {1, 1}}}, 0, {0, 1}}));
    sink_.emplace(rig_.ports({{{1, {1, 1}}}, {}, 2, {2, 1}}));
    back_.emplace(rig_.ring(1, Ring::Role::observer));
  }

  // With `is_polling` this process stays awake whatever happens, and draws the other one out of its sleep.
  bool go(bool is_polling = false) {
    if (source_->wait_for_room(seq_) != Ports::Outcome::frame) return false;
    message_.number = seq_;
    must(source_->publish(seq_, std::as_bytes(std::span(&message_, 1))));
    while (is_polling && !back_->word(seq_).is_full(seq_)) relax();
    return consume(*sink_, [&](std::uint64_t, std::span<const std::byte> frame) {
      return frame.size() == sizeof message_ && std::memcmp(frame.data(), &seq_, sizeof seq_) == 0 &&
             ++seq_ > 0;
    });
  }

  // Changes whenever one of the two has slept for want of a frame.
  std::uint64_t slept() const { return slept_of(1) + slept_of(2); }
  std::uint64_t slept_of(std::uint32_t cell) const {
    return source_->control().cell(cell).counters.wait_input_ns.load(std::memory_order_relaxed);
  }

  void stop(State& state) {
    cancel(rig_, 1);
    end(state, *child_);
  }

 private:
  int send_back() {
    Ports ports = rig_.ports({{{0, {0, 1}}}, {{1, {2, 1}}}, 1, {1, 1}});
    for (;;) {
      std::uint64_t seq = 0;
      if (ports.claim(seq) != Ports::Outcome::frame) return 0;
      const auto frame = must(ports.read(0, seq));
      must(ports.publish(seq, frame.bytes));
      ports.free(seq);
    }
  }

  Rig rig_;
  std::optional<Child> child_;
  std::optional<Ports> source_, sink_;
  std::optional<Ring> back_;
  std::uint64_t seq_ = 0;
  Message message_;
};

// One repetition is the median of many batches: a batch in which the system ran something else counts for
// nothing. A batch gives the seconds of one way, or nothing where it was not what was to be measured.
template <class Batch>
void measure(State& state, Batch batch) {
  constexpr std::size_t kBatches = 101;
  constexpr int kAttemptsMax = 2000;
  for ([[maybe_unused]] auto _ : state) {
    std::vector<double> seconds;
    for (int attempt = 0; seconds.size() < kBatches && attempt < kAttemptsMax; ++attempt) {
      if (const std::optional<double> one_way = batch()) seconds.push_back(*one_way);
    }
    if (seconds.size() < kBatches) {
      state.SkipWithError(
          "the processes were never both awake, or never both asleep: is there a second processor?");
      break;
    }
    std::nth_element(seconds.begin(), seconds.begin() + kBatches / 2, seconds.end());
    state.SetIterationTime(seconds[kBatches / 2]);
  }
}

struct Semaphores {
  alignas(kCacheLine) sem_t there;
  alignas(kCacheLine) sem_t back;
};

void take(sem_t* semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) {
  }
}

}  // namespace

void ring_awake(State& state, bool checksums) {
  RoundTrip trip(checksums);
  measure(state, [&]() -> std::optional<double> {
    bool is_right = true;
    for (int index = 0; index < 64; ++index) is_right &= trip.go(true);
    const std::uint64_t slept = trip.slept();
    const Stopwatch watch;
    for (std::uint64_t index = 0; index < kAwakeTrips; ++index) is_right &= trip.go();
    const double seconds = watch.seconds();
    if (!is_right) fail(state, "a frame is wrong");
    if (trip.slept() != slept) return std::nullopt;
    return seconds / (2 * kAwakeTrips);
  });
  trip.stop(state);
}

void ring_asleep(State& state, bool checksums) {
  RoundTrip trip(checksums);
  measure(state, [&]() -> std::optional<double> {
    bool is_right = true;
    std::uint64_t sleeps = 0;
    const Stopwatch watch;
    for (std::uint64_t index = 0; index < kAsleepTrips; ++index) {
      const std::uint64_t there = trip.slept_of(1);
      const std::uint64_t here = trip.slept_of(2);
      is_right &= trip.go();
      sleeps += (trip.slept_of(1) != there ? 1 : 0) + (trip.slept_of(2) != here ? 1 : 0);
    }
    const double seconds = watch.seconds();
    if (!is_right) fail(state, "a frame is wrong");
    if (sleeps < 2 * kAsleepTrips * 95 / 100) return std::nullopt;
    return seconds / (2 * kAsleepTrips);
  });
  trip.stop(state);
}

void atomics(State& state) {
  PlainMemory memory(sizeof(Plain));
  auto* plain = reinterpret_cast<Plain*>(memory.data());
  Child child(on_second([&] {
    const Mapping mapping = memory.again();
    auto* theirs = reinterpret_cast<Plain*>(mapping.data());
    for (std::uint64_t turn = 1;; ++turn) {
      while (theirs->written.value.load(std::memory_order_acquire) < turn) {
        if (theirs->stop.value.load(std::memory_order_relaxed) != 0) return 0;
        relax();
      }
      theirs->read.value.store(turn, std::memory_order_release);
    }
  }));
  std::uint64_t turn = 0;
  measure(state, [&]() -> std::optional<double> {
    const Stopwatch watch;
    for (std::uint64_t index = 0; index < kAwakeTrips; ++index) {
      plain->written.value.store(++turn, std::memory_order_release);
      while (plain->read.value.load(std::memory_order_acquire) < turn) relax();
    }
    return watch.seconds() / (2 * kAwakeTrips);
  });
  plain->stop.value.store(1);
  end(state, child);
}

void semaphores(State& state) {
  PlainMemory memory(sizeof(Semaphores));
  auto* both = new (memory.data()) Semaphores;
  sem_init(&both->there, 1, 0);
  sem_init(&both->back, 1, 0);
  Child child(on_second([&] {
    const Mapping mapping = memory.again();
    auto* theirs = reinterpret_cast<Semaphores*>(mapping.data());
    for (;;) {
      take(&theirs->there);
      sem_post(&theirs->back);
    }
    return 1;
  }));
  measure(state, [&]() -> std::optional<double> {
    const Stopwatch watch;
    for (std::uint64_t index = 0; index < kAsleepTrips; ++index) {
      sem_post(&both->there);
      take(&both->back);
    }
    return watch.seconds() / (2 * kAsleepTrips);
  });
  child.kill();
}

}  // namespace datagen::ipc
