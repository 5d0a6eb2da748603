#include "pace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace datagen {

namespace {

constexpr double kFrameNs = 50e6;
constexpr double kAheadNs = 500e6;
// How many times larger frames may be where a stage pays for each frame, however few its records.
constexpr std::uint64_t kBatchPatience = 10;
constexpr std::uint64_t kAll = 1'000'000'000;

// The new value counts a quarter: one frame that was held up does not change much.
double average(double before, double now) { return before == 0 ? now : (3 * before + now) / 4; }

}  // namespace

void FramePace::note(ipc::Cell& cell, std::uint64_t elapsed_ns, std::uint64_t rows, std::uint64_t records) {
  // A successor begins with what was in work at the death, much of which may be paid for and take no time:
  // what its predecessor wished stands until it has seen others.
  if (!unsure_) unsure_ = cell.rows_wanted.load(std::memory_order_relaxed) != 0 ? frames_ : 0;
  if (*unsure_ > 0) {
    --*unsure_;
    return;
  }
  const double elapsed = std::max<double>(1, static_cast<double>(elapsed_ns));
  if (round_ == 0) cell.rows_wanted.store(kAll, std::memory_order_relaxed);
  if (rows > 0 && round_ == 0) frame_ns_ = average(frame_ns_, elapsed);
  if (rows > 0 && round_ != 0) {
    frame_ns_ = average(frame_ns_, elapsed);
    row_ns_ = average(row_ns_, elapsed / static_cast<double>(rows));
    const double records_per_row = std::max(1e-3, static_cast<double>(records) / static_cast<double>(rows));
    const double round = std::max(1.0, static_cast<double>(round_) / records_per_row);
    const double rounds = std::max(rounds_min_, std::floor(kFrameNs / row_ns_ / round));
    cell.rows_wanted.store(static_cast<std::uint64_t>(std::min(rounds * round, static_cast<double>(kAll))),
                           std::memory_order_relaxed);
  }
  // An empty frame says nothing of the cost, but that the stage is there.
  cell.frame_ns.store(static_cast<std::uint64_t>(std::max(1.0, frame_ns_)), std::memory_order_relaxed);
}

namespace {

// What is to be in a frame of a stage that wants `wanted` rows in one, a worker of which died at `died_ns`.
std::uint64_t after_death(std::uint64_t wanted, std::uint64_t died_ns, std::uint64_t now_ns,
                          std::size_t least) {
  constexpr double kPartOfLife = 4;
  const double life = now_ns > died_ns ? static_cast<double>(now_ns - died_ns) : 0;
  const double share = std::min(1.0, life / kPartOfLife / kFrameNs);
  const auto rows = static_cast<std::uint64_t>(static_cast<double>(wanted) * share);
  return std::min<std::uint64_t>(wanted, std::max<std::uint64_t>(rows, least));
}

}  // namespace

SourcePace::SourcePace(const ipc::Control& control, std::vector<PacedStage> stages, std::uint64_t first_seq,
                       std::size_t records_max)
    : control_(control),
      stages_(std::move(stages)),
      first_seq_(first_seq),
      records_max_(records_max == 0 ? std::numeric_limits<std::size_t>::max() : records_max) {}

std::size_t SourcePace::records(std::uint64_t now_ns) const {
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::size_t first_records = records_max_;
  bool is_known = true, has_batches = false;
  for (const PacedStage& stage : stages_) {
    std::uint64_t wanted = 0;  // the smallest wish of those who have one
    std::uint64_t died_ns = 0;
    for (std::uint32_t index = 0; index < stage.workers.count; ++index) {
      const ipc::Cell& cell = control_.cell(stage.workers.first + index);
      const std::uint64_t wish = cell.rows_wanted.load(std::memory_order_relaxed);
      if (wish != 0) wanted = wanted == 0 ? wish : std::min(wanted, wish);
      died_ns = std::max(died_ns, cell.died_ns.load(std::memory_order_relaxed));
    }
    if (died_ns != 0 && wanted != 0 && wanted != kAll)
      wanted = after_death(wanted, died_ns, now_ns, stage.first_records);
    is_known = is_known && wanted != 0;
    has_batches = has_batches || wanted == kAll;
    if (wanted != 0) most = std::min(most, wanted);
    first_records = std::min(first_records, stage.first_records);
  }
  if (has_batches) most = std::min(most, kAll) * kBatchPatience;
  if (!is_known) most = std::min<std::uint64_t>(most, first_records);
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, records_max_));
}

bool SourcePace::is_far_ahead(std::uint64_t seq) const {
  for (const PacedStage& stage : stages_) {
    std::uint64_t begun = first_seq_;
    std::uint64_t frame_ns = 0;
    for (std::uint32_t index = 0; index < stage.workers.count; ++index) {
      const ipc::Cell& cell = control_.cell(stage.workers.first + index);
      begun = std::max(begun, cell.current_frame.load(std::memory_order_relaxed));
      frame_ns = std::max(frame_ns, cell.frame_ns.load(std::memory_order_relaxed));
    }
    // One in work, one to go on with.
    const std::uint64_t at_once = std::uint64_t{stage.workers.count} * stage.frames;
    const std::uint64_t enough = 2 * at_once + 2;
    const std::uint64_t ahead = seq > begun ? seq - begun : 0;
    if (ahead <= enough) continue;
    // Of one that has not had its first frame nothing is known, and it may not be its own doing: a sink waits
    // for a slow frame 0 while other workers could go on. Frames are small until then.
    const double work_ns =
        static_cast<double>(ahead) * static_cast<double>(frame_ns) / static_cast<double>(at_once);
    if (work_ns > kAheadNs) return true;
  }
  return false;
}

}  // namespace datagen
