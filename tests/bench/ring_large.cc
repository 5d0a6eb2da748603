// Frames of 256 KiB through a ring, and as many bytes through plain memory.
#include "tests/bench/ring_bench.h"

namespace datagen::ipc {

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
  const auto use = [&](std::uint64_t seq) {
    const auto copy = ports.copy(0, seq, own);
    benchmark::ClobberMemory();
    return copy && copy.value().size() == kLargeBytes && std::memcmp(own.data(), &seq, sizeof seq) == 0;
  };
  // Once around, so that all pages are there.
  for (std::uint32_t frame = 0; frame < kLarge.slots; ++frame) consume_number(ports, use);
  for ([[maybe_unused]] auto _ : state) {
    if (!consume_number(ports, use)) fail(state, "a frame is wrong");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kLargeBytes) * state.iterations());
  cancel(rig, 0);
  end(state, producer);
}

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

}  // namespace datagen::ipc
