// The rings between two processes, each number beside what the machine itself can do, or beside the queue
// that people would take instead, measured in the same run: memcpy through plain shared memory, bare atomics,
// bare semaphores, Boost's message_queue. Rings are used as workers use them, through ipc::Ports. A table of
// ratios stands at the end; it decides nothing. What arrives is checked, and wrong bytes fail the run.
//
// All memory has names of this run's own, and goes with it, or with a janitor when it is killed
// (tests/ipc/rig.h).
#include <benchmark/benchmark.h>
#include <sched.h>
#include <semaphore.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/ring_table.h"
#include "tests/ipc/rig.h"

namespace datagen::ipc {
namespace {

using benchmark::State;
using testing::Child;
using testing::must;
using testing::Rig;
using testing::Scratch;

bool is_broken = false;

// The first two processors that this process may use; the same one twice where there is no second.
struct Processors {
  int first = 0;
  int second = 0;
};
Processors processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> found;
  for (int index = 0; index < CPU_SETSIZE && found.size() < 2; ++index) {
    if (CPU_ISSET(index, &allowed)) found.push_back(index);
  }
  return found.empty() ? Processors{} : Processors{found.front(), found.back()};
}
const Processors kProcessors = processors();

// Pinned, so that the scheduler does not decide who wins: both sides of a comparison run on the same two.
void pin(int processor) {
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  CPU_SET(processor, &wanted);
  sched_setaffinity(0, sizeof wanted, &wanted);
}
template <class Body>
std::function<int()> on_second(Body body) {
  return [body] {
    pin(kProcessors.second);
    return body();
  };
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

void fail(State& state, const char* why) {
  is_broken = true;
  state.SkipWithError(why);
}

// The other process has ended as it should.
void end(State& state, Child& child) {
  if (!child.exits_with(0)) fail(state, "the other process failed");
}

// ---- the wires

// A source in cell 0 and a sink in cell 1.
const testing::Seat kSource{{}, {{0, {1, 1}}}, 0, {0, 1}};
const testing::Seat kSink{{{0, {0, 1}}}, {}, 1, {1, 1}};

void cancel(const Rig& rig, std::uint32_t cell) {
  const Control control = rig.control();
  control.cell(cell).cancel.store(1);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  control.wake(cell);
}

// Publishes frames until it is cancelled; `fill` builds frame `seq` in the block and returns its bytes.
template <class Fill>
int produce(Ports ports, Fill fill) {
  for (std::uint64_t seq = 0;; ++seq) {
    if (ports.wait_for_room(seq) != Ports::Outcome::frame) return 0;
    must(ports.publish(seq, fill(seq, ports.space(seq))));
  }
}

// Takes one frame and gives it to `use`; false when it was not there, or not sound.
template <class Use>
bool consume(Ports& ports, Use use) {
  std::uint64_t seq = 0;
  if (ports.claim(seq) != Ports::Outcome::frame) return false;
  const auto frame = ports.read(0, seq);
  if (!frame || !use(seq, frame.value().bytes)) return false;
  ports.free(seq);
  return true;
}

// ---- frames of 256 KiB: both sides copy every byte once in and once out

constexpr RingGeometry kLarge{};
const std::size_t kLargeBytes = kLarge.frame_capacity();

void ring_large(State& state, bool checksums) {
  Rig rig({kLarge}, 2);
  rig.checksums = checksums;
  Child producer(on_second([&] {
    std::vector<std::byte> own(kLargeBytes, std::byte{7});
    return produce(rig.ports(kSource), [&](std::uint64_t seq, std::span<std::byte>) {
      std::memcpy(own.data(), &seq, sizeof seq);
      return std::span<const std::byte>(own);
    });
  }));
  Ports ports = rig.ports(kSink);
  std::vector<std::byte> own(kLargeBytes);
  const auto use = [&](std::uint64_t seq, std::span<const std::byte> frame) {
    std::memcpy(own.data(), frame.data(), frame.size());
    benchmark::ClobberMemory();
    return frame.size() == kLargeBytes && std::memcmp(own.data(), &seq, sizeof seq) == 0;
  };
  // Once around, so that all pages are there.
  for (std::uint32_t frame = 0; frame < kLarge.slots; ++frame) consume(ports, use);
  for ([[maybe_unused]] auto _ : state) {
    if (!consume(ports, use)) fail(state, "a frame is wrong");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kLargeBytes) * state.iterations());
  cancel(rig, 0);
  end(state, producer);
}

// Memory of two processes without a ring in it.
class PlainMemory {
 public:
  explicit PlainMemory(std::uint64_t bytes) : name_(scratch_.name("plain")) {
    must(create_segment(name_, round_up(bytes, kPageBytes)));
    mapping_ = must(map_segment(name_, Access::read_write));
  }
  // Another mapping, for the other process: ours is not inherited.
  Mapping again() const { return must(map_segment(name_, Access::read_write)); }
  std::byte* data() const { return mapping_.data(); }

 private:
  Scratch scratch_;
  std::string name_;
  Mapping mapping_;
};

struct alignas(kCacheLine) Line {
  AtomicWord value;
};
// The least that two processes can agree by: who has written how far, who has read how far. Zero bytes are
// its start.
struct Plain {
  Line written, read, stop;
};

void plain_large(State& state) {
  PlainMemory memory(kPageBytes + kLarge.slots * kLarge.block_bytes);
  const auto block = [](std::byte* base, std::uint64_t seq) {
    return base + kPageBytes + seq % kLarge.slots * kLarge.block_bytes;
  };
  Child producer(on_second([&] {
    const Mapping mapping = memory.again();
    auto* plain = reinterpret_cast<Plain*>(mapping.data());
    std::vector<std::byte> own(kLargeBytes, std::byte{7});
    for (std::uint64_t seq = 0;; ++seq) {
      while (seq - plain->read.value.load(std::memory_order_acquire) >= kLarge.slots) {
        if (plain->stop.value.load(std::memory_order_relaxed) != 0) return 0;
        relax();
      }
      std::memcpy(own.data(), &seq, sizeof seq);
      std::memcpy(block(mapping.data(), seq), own.data(), own.size());
      plain->written.value.store(seq + 1, std::memory_order_release);
    }
  }));
  auto* plain = reinterpret_cast<Plain*>(memory.data());
  std::vector<std::byte> own(kLargeBytes);
  std::uint64_t seq = 0;
  const auto take = [&] {
    while (plain->written.value.load(std::memory_order_acquire) <= seq) relax();
    std::memcpy(own.data(), block(memory.data(), seq), own.size());
    benchmark::ClobberMemory();
    const bool is_right = std::memcmp(own.data(), &seq, sizeof seq) == 0;
    plain->read.value.store(++seq, std::memory_order_release);
    return is_right;
  };
  while (seq < kLarge.slots) take();
  for ([[maybe_unused]] auto _ : state) {
    if (!take()) fail(state, "a block is wrong");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kLargeBytes) * state.iterations());
  plain->stop.value.store(1);
  end(state, producer);
}

// ---- messages of 64 bytes

struct Message {
  std::uint64_t number = 0;
  std::byte rest[56] = {};
};
static_assert(sizeof(Message) == 64);

// As many of both wait at most, in a ring of one message a frame and in the queue.
constexpr std::uint32_t kQueued = 1024;

void ring_messages(State& state, const RingGeometry& geometry, std::uint64_t per_frame, bool checksums) {
  Rig rig({geometry}, 2);
  rig.checksums = checksums;
  Child producer(on_second([&] {
    Message message;
    return produce(rig.ports(kSource), [&](std::uint64_t, std::span<std::byte> space) {
      for (std::uint64_t index = 0; index < per_frame; ++index, ++message.number) {
        std::memcpy(space.data() + index * sizeof message, &message, sizeof message);
      }
      return std::span<const std::byte>(space.first(per_frame * sizeof message));
    });
  }));
  Ports ports = rig.ports(kSink);
  Message message;
  std::uint64_t expected = 0;
  const auto use = [&](std::uint64_t, std::span<const std::byte> frame) {
    bool is_right = true;
    for (; frame.size() >= sizeof message; frame = frame.subspan(sizeof message)) {
      std::memcpy(&message, frame.data(), sizeof message);
      benchmark::DoNotOptimize(message);
      is_right &= message.number == expected++;
    }
    return is_right;
  };
  for (std::uint32_t frame = 0; frame < geometry.slots; ++frame) consume(ports, use);
  for ([[maybe_unused]] auto _ : state) {
    if (!consume(ports, use)) fail(state, "a message is wrong");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(per_frame) * state.iterations());
  cancel(rig, 0);
  end(state, producer);
}

void queue_messages(State& state) {
  namespace interprocess = boost::interprocess;
  Scratch scratch;
  const std::string name = scratch.name("queue");
  interprocess::message_queue queue(interprocess::create_only, name.c_str(), kQueued, sizeof(Message));
  Child producer(on_second([&] {
    interprocess::message_queue mine(interprocess::open_only, name.c_str());
    for (Message message;; ++message.number) mine.send(&message, sizeof message, 0);
    return 1;
  }));
  Message message;
  std::uint64_t expected = 0;
  const auto take = [&] {
    std::size_t bytes = 0;
    unsigned priority = 0;
    queue.receive(&message, sizeof message, bytes, priority);
    benchmark::DoNotOptimize(message);
    return message.number == expected++;
  };
  while (expected < kQueued) take();
  for ([[maybe_unused]] auto _ : state) {
    if (!take()) fail(state, "a message is wrong");
  }
  state.SetItemsProcessed(state.iterations());
  producer.kill();
}

// ---- a lone frame there and back: times are of one way

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

struct Semaphores {
  alignas(kCacheLine) sem_t there;
  alignas(kCacheLine) sem_t back;
};

void take(sem_t* semaphore) {
  while (sem_wait(semaphore) != 0 && errno == EINTR) {
  }
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

// ---- what is compared with what

using Kind = bench::Comparison::Kind;
const std::vector<bench::Comparison> kComparisons = {
    {"256 KiB frames, bytes: plain memcpy", "large/ring", "large/plain", Kind::rate, 0.7},
    {"  without checksums", "large/ring_unchecked", "large/plain", Kind::rate, 0.7},
    {"lone 64-byte frame, both awake: bare atomics", "awake/ring", "awake/atomics", Kind::time, 3},
    {"  without checksums", "awake/ring_unchecked", "awake/atomics", Kind::time, 3},
    {"lone 64-byte frame, both asleep: bare semaphores", "asleep/ring", "asleep/semaphores", Kind::time, 1.2},
    {"  without checksums", "asleep/ring_unchecked", "asleep/semaphores", Kind::time, 1.2},
    {"64-byte messages, many a frame: Boost message_queue", "many/ring", "messages/queue", Kind::rate, 10},
    {"  without checksums", "many/ring_unchecked", "messages/queue", Kind::rate, 10},
    {"64-byte messages, one a frame: Boost message_queue", "one/ring", "messages/queue", Kind::rate, 1.5},
    {"  without checksums", "one/ring_unchecked", "messages/queue", Kind::rate, 1.5},
};

void add_all() {
  const auto stream = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime();
  };
  const auto hand_over = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)->UseManualTime()->Iterations(1);
  };
  stream("large/plain", plain_large);
  stream("messages/queue", queue_messages);
  hand_over("awake/atomics", atomics);
  hand_over("asleep/semaphores", semaphores);
  for (const bool checksums : {true, false}) {
    const std::string ring = checksums ? "ring" : "ring_unchecked";
    stream("large/" + ring, [=](State& state) { ring_large(state, checksums); });
    stream("many/" + ring,
           [=](State& state) { ring_messages(state, kLarge, kLargeBytes / sizeof(Message), checksums); });
    stream("one/" + ring, [=](State& state) { ring_messages(state, {kQueued, kPageBytes}, 1, checksums); });
    hand_over("awake/" + ring, [=](State& state) { ring_awake(state, checksums); });
    hand_over("asleep/" + ring, [=](State& state) { ring_asleep(state, checksums); });
  }
}

int run(int argc, char** argv) {
  // Repetitions of all are mixed, so that a slow second of the machine does not hit one side of a comparison
  // alone. What the user gives comes later, and wins.
  std::vector<std::string> words = {argv[0], "--benchmark_repetitions=5",
                                    "--benchmark_enable_random_interleaving=true",
                                    "--benchmark_min_time=0.3"};
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(words.size());
  add_all();
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  pin(kProcessors.first);
  bench::MedianReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\nprocessors %d and %d; medians of the repetitions", kProcessors.first, kProcessors.second);
  reporter.print(kComparisons);
  return is_broken ? 1 : 0;
}

}  // namespace
}  // namespace datagen::ipc

int main(int argc, char** argv) { return datagen::ipc::run(argc, argv); }
