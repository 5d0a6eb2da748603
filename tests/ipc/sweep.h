// Store sweep: each role of a graph is killed at every single store to shared memory and behind every system
// call, in turn; then recovered with ipc/recovery.h, replaced, and the rest of the stream is run. Every frame
// must come out once, in order, in one version on both branches of the tee, and nothing may be left behind.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "stepper.h"

namespace datagen::ipc::testing {

constexpr std::uint64_t kFirst = 3;     // as after a resume
constexpr std::uint64_t kByVictim = 2;  // frames that the victim works on, all rings' capacity

// source → ring 0 → tee (cells 1, 2) → rings 1, 2 → join (cells 3, 4) → ring 3 → sink (cell 5) → file
class Graph {
 public:
  Graph(std::size_t padding, std::uint64_t frames) : padding_(padding), end_(kFirst + frames) {
    // Their checksums would be most of what is stepped through.
    if (padding > 0) rig.checksums = false;
  }

  const CellRange source_cells{0, 1}, tee_cells{1, 2}, join_cells{3, 2}, sink_cells{5, 1};
  Rig rig{{tiny(2), tiny(2), tiny(3), tiny(2)}, 6, kFirst};

  Seat source() const { return {{}, {{0, tee_cells}}, 0, source_cells}; }
  Seat tee(std::uint32_t worker) const {
    return {
        {{0, source_cells}}, {{1, join_cells}, {2, join_cells}}, 1 + worker, tee_cells, Ports::Order::any};
  }
  Seat join(std::uint32_t worker) const {
    return {{{1, tee_cells}, {2, tee_cells}}, {{3, sink_cells}}, 3 + worker, join_cells, Ports::Order::any};
  }
  Seat sink() const { return {{{3, join_cells}}, {}, 5, sink_cells}; }
  std::string output() const { return rig.scratch.directory() / "output"; }

  // Each role: what a worker does from its start, or its restart, until it has seen `frames` frames or the
  // end.
  void run_source(Ports& ports, std::uint64_t frames = ~std::uint64_t{0}) const {
    std::uint64_t seq = ports.next_output();
    if (seq > kFirst) ports.complete_publish(seq - 1);
    for (; seq < end_ && frames > 0; ++seq, --frames) {
      ports.wait_for_room(seq);
      must(ports.publish(seq, bytes_of(text(seq))));
    }
    if (seq == end_) ports.announce_end(end_);
  }
  // Not deterministic: every attempt has another number.
  void run_tee(Ports& ports, std::uint64_t frames = ~std::uint64_t{0}) const {
    run_transform(ports, frames, [this](Ports& in, std::uint64_t seq) {
      const std::string got = text_of(must(in.read(0, seq)).bytes);
      DATAGEN_CHECK(got == text(seq), "frame %d", static_cast<int>(seq));
      static std::atomic<std::uint64_t> attempts = 0;
      return std::to_string(getpid()) + "." + std::to_string(++attempts) + " " + got;
    });
  }
  // Where there is room, what it reads is copied to its out-edge's block, as by a stage that hands frames on.
  void run_join(Ports& ports, std::uint64_t frames = ~std::uint64_t{0}) const {
    run_transform(ports, frames, [](Ports& in, std::uint64_t seq) {
      const std::string left = in.fits(0, seq, in.space(seq)) ? text_of(must(in.copy(0, seq, in.space(seq))))
                                                              : text_of(must(in.read(0, seq)).bytes);
      DATAGEN_CHECK(left == text_of(must(in.read(1, seq)).bytes), "two versions of frame %d",
                    static_cast<int>(seq));
      return left.substr(left.find(' ') + 1);
    });
  }
  void run_sink(Ports& ports, std::uint64_t frames = ~std::uint64_t{0}) const {
    WrittenState written = load_written(ports.cell());
    written.seq = std::max(written.seq, kFirst);
    ports.free_below(written.seq);
    const int file = open(output().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (ftruncate(file, static_cast<off_t>(written.bytes)) != 0) std::abort();
    std::uint64_t seq = 0;
    for (; frames > 0 && ports.claim(seq) == Ports::Outcome::frame; --frames) {
      const FrameBytes frame = must(ports.read(0, seq));
      if (write(file, frame.bytes.data(), frame.bytes.size()) != static_cast<ssize_t>(frame.bytes.size()))
        std::abort();
      written = {seq + 1, written.bytes + frame.bytes.size(), 0, 0};
      store_written(ports.cell(), written);
      ports.free(seq);
    }
    close(file);
  }

  void check_the_end() const {
    std::string expected;
    for (std::uint64_t seq = kFirst; seq < end_; ++seq) expected += text(seq);
    std::ifstream file(output());
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), expected);
    for (std::size_t index = 0; index < 4; ++index) {
      EXPECT_TRUE(rig.ring(index).is_drained());
      EXPECT_EQ(rig.ring(index).unsound_words(), "");
    }
    EXPECT_EQ(rig.scratch.segments().size(), 5u) << "overflow left in /dev/shm";
    if (std::filesystem::exists(rig.policy.directory)) {
      EXPECT_TRUE(std::filesystem::is_empty(rig.policy.directory)) << "overflow left in the folder";
    }
  }

 private:
  std::string text(std::uint64_t seq) const {
    return "frame " + std::to_string(seq) + std::string(seq % 2 == 1 ? padding_ : 0, '.') + "\n";
  }
  template <class Function>
  void run_transform(Ports& ports, std::uint64_t frames, Function function) const {
    std::uint64_t seq = 0;
    for (; frames > 0; --frames) {
      if (ports.claim(seq) != Ports::Outcome::frame) return ports.announce_end(ports.input_end());
      if (ports.is_published(seq)) {
        ports.complete_publish(seq);
      } else {
        must(ports.publish(seq, bytes_of(function(ports, seq))));
      }
      ports.free(seq);
    }
  }

  std::size_t padding_;
  std::uint64_t end_;
};

enum class Role { source, tee, join, sink };

inline Seat seat_of(const Graph& graph, Role role, std::uint32_t worker = 0) {
  switch (role) {
    case Role::source:
      return graph.source();
    case Role::tee:
      return graph.tee(worker);
    case Role::join:
      return graph.join(worker);
    case Role::sink:
      break;
  }
  return graph.sink();
}

inline void run(const Graph& graph, Role role, Ports& ports, std::uint64_t frames = ~std::uint64_t{0}) {
  switch (role) {
    case Role::source:
      return graph.run_source(ports, frames);
    case Role::tee:
      return graph.run_tee(ports, frames);
    case Role::join:
      return graph.run_join(ports, frames);
    case Role::sink:
      return graph.run_sink(ports, frames);
  }
}

// Every worker of the graph but the victim, each in a thread of its own, from start to end.
inline std::vector<std::thread> start_all_but(const Graph& graph, Role victim) {
  std::vector<std::thread> threads;
  const auto start = [&](Role role, std::uint32_t worker) {
    if (role == victim && worker == 0) return;
    threads.emplace_back([&graph, role, worker] {
      Ports ports = graph.rig.ports(seat_of(graph, role, worker));
      run(graph, role, ports);
    });
  };
  start(Role::source, 0);
  for (const std::uint32_t worker : {0u, 1u}) {
    start(Role::tee, worker);
    start(Role::join, worker);
  }
  start(Role::sink, 0);
  return threads;
}

struct Plan {
  Role victim;
  std::size_t padding = 0;   // of every second frame
  bool files_only = false;   // where overflow goes
  bool lively = false;       // the others run while the victim does, and it sees all frames
  std::uint64_t frames = 6;  // of the whole stream
};

// True when the victim was killed at that point; false when it has fewer.
inline bool kill_at(const Plan& plan, std::size_t point) {
  Graph graph(plan.padding, plan.frames);
  if (plan.files_only) graph.rig.policy.segment_bytes_max = 0;
  if (!plan.lively) {  // whoever stands before the victim gives it its frames
    for (const Role role : {Role::source, Role::tee, Role::join}) {
      if (role >= plan.victim) break;
      Ports ports = graph.rig.ports(seat_of(graph, role));
      run(graph, role, ports, kByVictim);
    }
  }
  Witness witness;
  std::vector<Mapping> watched;
  for (std::size_t index = 0; index < 4; ++index) {
    watched.push_back(must(map_segment(graph.rig.ring_name(index), Access::read_only)));
  }
  watched.push_back(must(map_segment(graph.rig.control_name(), Access::read_only)));
  for (const Mapping& mapping : watched) witness.watch(mapping.data(), mapping.size());

  Stepper victim([&] {
    auto ports = std::make_shared<Ports>(graph.rig.ports(seat_of(graph, plan.victim)));
    const std::uint64_t frames = plan.lively ? ~std::uint64_t{0} : kByVictim;
    return [&graph, &plan, ports, frames] { run(graph, plan.victim, *ports, frames); };
  });
  if (!victim.is_traced()) {
    ADD_FAILURE() << "this test needs ptrace (in Docker: --cap-add=SYS_PTRACE)";
    return false;
  }
  std::vector<std::thread> others;
  if (plan.lively) others = start_all_but(graph, plan.victim);
  const bool was_killed = victim.run_and_kill_at(point, witness);
  EXPECT_TRUE(was_killed || victim.has_exited_well());
  // Those that live wait for what the dead one holds, before and while it is recovered.
  if (!plan.lively) others = start_all_but(graph, plan.victim);
  EXPECT_EQ(error_of(graph.rig.recover(seat_of(graph, plan.victim))), "no error");
  {
    Ports ports = graph.rig.ports(seat_of(graph, plan.victim));
    run(graph, plan.victim, ports);
  }
  for (std::thread& thread : others) thread.join();
  graph.check_the_end();
  return was_killed;
}

// Every point in the build that users run; every fifth in slow ones, beginning somewhere.
#if defined(__OPTIMIZE__)
constexpr std::size_t kStride = kIsInstrumented ? 5 : 1;
#else
constexpr std::size_t kStride = 5;
#endif

inline void sweep(const Plan& plan, std::size_t points_min) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "knows how to step through x86-64 code only";
#endif
  std::size_t point = kStride == 1 ? 1 : 1 + seed() % kStride;
  while (kill_at(plan, point)) {
    if (::testing::Test::HasFailure()) FAIL() << "killed at point " << point;
    point += kStride;
  }
  std::printf("  %zu points, every %zu\n", point - 1, kStride);
  EXPECT_GE(point, points_min);
}

// With everyone alive, parked and woken by the victim, and the victim by them. Which instruction is the k-th
// point depends on the others then, so the points are drawn.
inline void sweep_among_living(Role role) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "knows how to step through x86-64 code only";
#endif
  std::mt19937_64 random(seed());
  int kills = 0;
  for (int round = 0; round < 40; ++round) {
    const std::size_t point = 1 + random() % 60;
    kills += kill_at({role, 0, false, true}, point) ? 1 : 0;
    if (::testing::Test::HasFailure()) FAIL() << "killed at point " << point << " of round " << round;
  }
  std::printf("  %d kills\n", kills);
}

}  // namespace datagen::ipc::testing
