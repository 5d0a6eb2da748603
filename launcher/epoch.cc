#include "launcher/epoch.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "ipc/recovery.h"
#include "ipc/segment.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

Result<void> check_shared_memory(std::uint64_t bytes) {
  struct statvfs info {};
  if (statvfs("/dev/shm", &info) != 0)
    return Error::from_errno("there is no shared memory at /dev/shm (mount -t tmpfs tmpfs /dev/shm)", errno);
  const std::uint64_t free = info.f_bavail * info.f_frsize;
  if (bytes <= free) return success();
  const std::uint64_t wanted = (bytes + (bytes >> 2)) >> 20;
  return Error(fmt::format(
      "/dev/shm is too small: this graph needs {} for its rings, {} are free. Make the rings smaller "
      "(--set rings.slots=8), or raise it: mount -o remount,size={}M /dev/shm (in Docker: --shm-size={}m)",
      show_bytes(bytes), show_bytes(free), wanted, wanted));
}

Result<std::unique_ptr<Epoch>> Epoch::create(const RuntimeFile& runtime, const std::string& run_directory) {
  const Plan& plan = runtime.plan;
  DATAGEN_TRY(check_shared_memory(plan.shared_memory_bytes()));
  std::unique_ptr<Epoch> epoch(new Epoch);  // its destructor removes what was made when the rest fails
  epoch->run_id_ = runtime.run_id;
  if (!plan.checksums) epoch->checksums_ = ipc::Checksums::if_present;
  epoch->run_directory_ = run_directory;
  epoch->number_ = std::random_device{}();
  epoch->overflow_ = {run_directory + "/overflow", plan.overflow_bytes};
  for (const PlannedStage& stage : plan.stages) epoch->stage_ids_.push_back(stage.id);
  DATAGEN_TRY(ipc::Control::create(ipc::control_name(runtime.run_id, epoch->number_), plan.cells(),
                                   plan.in_flight_max(), epoch->number_, run_directory));
  for (std::uint32_t index = 0; index < plan.edges.size(); ++index) {
    const ipc::RingGeometry geometry{plan.edges[index].slots, plan.edges[index].block_bytes};
    const auto& resume = runtime.start_of(plan.stages[plan.edges[index].from].part).resume;
    const std::uint64_t first_seq = resume ? resume->seq : 0;
    DATAGEN_TRY(ipc::Ring::create(ipc::ring_name(runtime.run_id, epoch->number_, index), geometry,
                                  epoch->number_, first_seq));
  }
  DATAGEN_TRY(epoch->attach(plan));
  return epoch;
}

Result<void> Epoch::attach(const Plan& plan) {
  DATAGEN_TRY(control_, ipc::Control::attach(ipc::control_name(run_id_, number_), ipc::Access::read_write));
  const auto map = [&](std::uint32_t index, std::uint32_t peer,
                       std::vector<ipc::Edge>& edges) -> Result<void> {
    const ipc::RingGeometry geometry{plan.edges[index].slots, plan.edges[index].block_bytes};
    DATAGEN_TRY(auto ring, ipc::Ring::attach(ipc::ring_name(run_id_, number_, index), geometry, number_,
                                             ipc::Ring::Role::consumer));
    edges.push_back({std::move(ring), {plan.stages[peer].first_cell, plan.stages[peer].workers()}});
    return success();
  };
  for (const PlannedStage& stage : plan.stages) {
    Edges& edges = edges_.emplace_back();
    for (const std::uint32_t index : stage.in) DATAGEN_TRY(map(index, plan.edges[index].from, edges.in));
    for (const std::uint32_t index : stage.out) DATAGEN_TRY(map(index, plan.edges[index].to, edges.out));
  }
  return success();
}

Epoch::~Epoch() { remove_frames_of(run_id_, run_directory_); }

Epoch::Edges& Epoch::edges_of(const PlannedStage& stage) {
  const auto found = std::ranges::find(stage_ids_, stage.id);
  return edges_[static_cast<std::size_t>(found - stage_ids_.begin())];
}

Result<void> Epoch::recover(const PlannedStage& stage, std::uint32_t cell) {
  Edges& edges = edges_of(stage);
  const auto done = ipc::recover_worker(control_, cell, {stage.first_cell, stage.workers()}, edges.in,
                                        edges.out, overflow_, checksums_);
  if (!done) return done.error();
  return success();
}

bool Epoch::has_finished(const PlannedStage& stage) const {
  const Edges& edges = edges_of(stage);
  return ipc::has_finished(edges.in, edges.out);
}

std::uint64_t Epoch::progress(const PlannedStage& stage) const {
  const Edges& edges = edges_of(stage);
  return edges.in.empty() ? edges.out.front().ring.first_unpublished()
                          : edges.in.front().ring.oldest_unfreed();
}

void Epoch::cancel() {
  for (std::uint32_t cell = 0; cell < control_.size(); ++cell)
    control_.cell(cell).cancel.store(1, std::memory_order_relaxed);
  ipc::rouse(control_, {0, control_.size()});
}

void remove_frames_of(const std::string& run_id, const std::string& run_directory) {
  const std::string prefix = "datagen." + run_id + ".";
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/shm", error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(prefix)) names.push_back(name);
  }
  for (const std::string& name : names) ipc::remove_segment(name);
  fs::remove_all(run_directory + "/overflow", error);
}

}  // namespace datagen::launcher
