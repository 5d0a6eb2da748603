// Messages of 64 bytes through rings, and through Boost's message_queue.
#include <boost/interprocess/ipc/message_queue.hpp>

#include "tests/bench/ring_bench.h"

namespace datagen::ipc {

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

}  // namespace datagen::ipc
