#include "launcher/ring_sizes.h"

#include <algorithm>
#include <cstdint>

#include "ipc/segment.h"

namespace datagen::launcher {

namespace {

// Every frame wakes somebody, so few large ones cost less than many small ones; what they hold together
// should carry a pause of the disk, and no more, since all of it passes through the caches and is allocated
// at the start (docs/performance.md).
constexpr std::uint64_t kRingBytes = 12 << 20;
constexpr std::uint64_t kBlockBytes = 256 << 10;  // with as many slots as the user sets; else at least that
constexpr std::uint32_t kSlotsLeast = 16, kSlotsMost = 64;
constexpr std::uint64_t kBlockLeast = 16 << 10;

std::uint32_t frames_in_work(const PlannedStage& stage) {
  return static_cast<std::uint32_t>(stage.running.workers * stage.running.frames);
}

// Four for each that is in work at one of its ends.
std::uint32_t slots_for_workers(const Plan& plan) {
  std::uint32_t slots = kSlotsLeast;
  for (const PlannedEdge& edge : plan.edges) {
    const std::uint32_t wanted =
        4 * (frames_in_work(plan.stages[edge.from]) + frames_in_work(plan.stages[edge.to]));
    while (slots < wanted && slots < kSlotsMost) slots *= 2;
  }
  return slots;
}

// All blocks are allocated at the start, which would take longer than to read a small input; and one of a few
// MiB should make frames for several workers. That only says how large frames are: a stage may make more of
// it, and what does not fit a block overflows.
std::uint64_t block_for_input(const Plan& plan, std::uint64_t most) {
  std::uint64_t bytes = 0;
  for (const FrozenInput& input : plan.inputs) bytes += std::min(input.bytes, kRingBytes);
  if (bytes == 0) return most;  // nobody knows: a pipe, or another process's memory
  const std::uint64_t small = std::clamp(4 * bytes, kBlockLeast, kBlockBytes);
  return ipc::round_up(std::clamp(bytes / 8, small, std::max(small, most)), ipc::kPageBytes);
}

}  // namespace

void fit_rings(Plan& plan) {
  const RingSettings& set = plan.rings;
  const bool is_open = !set.slots && !set.block_bytes;
  const std::uint32_t slots = is_open ? slots_for_workers(plan) : set.slots.value_or(kSlotsMost);
  const std::uint64_t most = is_open ? std::max(kRingBytes / slots, kBlockBytes) : kBlockBytes;
  const std::uint64_t block = set.block_bytes ? *set.block_bytes : block_for_input(plan, most);
  for (PlannedEdge& edge : plan.edges) {
    edge.slots = slots;
    edge.block_bytes = block;
    // In a ring with as many slots as frames are in work, the oldest would hold all others up.
    for (const PlannedStage* stage : {&plan.stages[edge.from], &plan.stages[edge.to]}) {
      if (stage->running.frames > 1) edge.slots = std::max(edge.slots, 2 * frames_in_work(*stage));
    }
  }
}

}  // namespace datagen::launcher
