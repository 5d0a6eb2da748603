// What the benchmarks of rings share: two processes on two processors, a ring between them or plain memory,
// and the names of the benchmarks.
//
// All memory has names of this run's own, and goes with it, or with a janitor when it is killed
// (tests/ipc/rig.h).
#pragma once

#include <benchmark/benchmark.h>
#include <sched.h>

#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/ipc/rig.h"

namespace datagen::ipc {

using benchmark::State;
using testing::Child;
using testing::must;
using testing::Rig;
using testing::Scratch;

// What is measured; `checksums`: of frames, as runs have them.
// Frames of 256 KiB: both sides copy every byte once in and once out.
void ring_large(State& state, bool checksums);
void plain_large(State& state);
// Messages of 64 bytes, `per_frame` of them at once.
void ring_messages(State& state, const RingGeometry& geometry, std::uint64_t per_frame, bool checksums);
void queue_messages(State& state);
// A lone frame there and back: times are of one way.
void ring_awake(State& state, bool checksums);
void ring_asleep(State& state, bool checksums);
void atomics(State& state);
void semaphores(State& state);

constexpr RingGeometry kLarge{16, 256 << 10};  // as many slots as runs have where few workers meet
inline const std::size_t kLargeBytes = kLarge.frame_capacity();

// As many of both wait at most, in a ring of one message a frame and in the queue.
constexpr std::uint32_t kQueued = 1024;

struct Message {
  std::uint64_t number = 0;
  std::byte rest[56] = {};
};
static_assert(sizeof(Message) == 64);

inline bool is_broken = false;

// The first two processors that this process may use; the same one twice where there is no second.
struct Processors {
  int first = 0;
  int second = 0;
};
inline Processors processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> found;
  for (int index = 0; index < CPU_SETSIZE && found.size() < 2; ++index) {
    if (CPU_ISSET(index, &allowed)) found.push_back(index);
  }
  return found.empty() ? Processors{} : Processors{found.front(), found.back()};
}
inline const Processors kProcessors = processors();

// Pinned, so that the scheduler does not decide who wins: both sides of a comparison run on the same two.
inline void pin(int processor) {
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

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

inline void fail(State& state, const char* why) {
  is_broken = true;
  state.SkipWithError(why);
}

// The other process has ended as it should.
inline void end(State& state, Child& child) {
  if (!child.exits_with(0)) fail(state, "the other process failed");
}

// A source in cell 0 and a sink in cell 1.
inline const testing::Seat kSource{{}, {{0, {1, 1}}}, 0, {0, 1}};
inline const testing::Seat kSink{{{0, {0, 1}}}, {}, 1, {1, 1}};

inline void cancel(const Rig& rig, std::uint32_t cell) {
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

// Takes one frame and gives its number to `use`; false when it was not there, or not sound.
template <class Use>
bool consume_number(Ports& ports, Use use) {
  std::uint64_t seq = 0;
  if (ports.claim(seq) != Ports::Outcome::frame || !use(seq)) return false;
  ports.free(seq);
  return true;
}
// The same with its bytes.
template <class Use>
bool consume(Ports& ports, Use use) {
  return consume_number(ports, [&](std::uint64_t seq) {
    const auto frame = ports.read(0, seq);
    return frame && use(seq, frame.value().bytes);
  });
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

}  // namespace datagen::ipc
