// The rings between two processes, each number beside what the machine itself can do, or beside the queue
// that people would take instead, measured in the same run: memcpy through plain shared memory, bare atomics,
// bare semaphores, Boost's message_queue. Rings are used as workers use them, through ipc::Ports. A table of
// ratios stands at the end; it decides nothing. What arrives is checked, and wrong bytes fail the run.
#include "tests/bench/ring_bench.h"
#include "tests/bench/ring_table.h"

namespace datagen::ipc {
namespace {

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
  // What the user gives comes later, and wins.
  std::vector<std::string> words = {argv[0], "--benchmark_min_time=0.3"};
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(words.size());
  add_all();
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  pin(kProcessors.first);
  // All in turn, several times, so that a slow second of the machine does not hit one side of a comparison
  // alone. (The library's own interleaving crashes now and then, in version 1.7.)
  constexpr int kRounds = 5;
  bench::MedianReporter reporter;
  for (int round = 0; round < kRounds; ++round) benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\nprocessors %d and %d; medians of %d rounds", kProcessors.first, kProcessors.second, kRounds);
  reporter.print(kComparisons);
  return is_broken ? 1 : 0;
}

}  // namespace
}  // namespace datagen::ipc

int main(int argc, char** argv) { return datagen::ipc::run(argc, argv); }
