#include "launcher/stage_load.h"

#include <algorithm>

namespace datagen::launcher {

namespace {

void add(const WorkerState& worker, bool is_source, StageSums& sum) {
  sum.in += worker.records_in;
  sum.out += worker.records_out;
  sum.dropped += worker.dropped;
  sum.dead += worker.dead;
  sum.errors += worker.errors;
  sum.retries += worker.retries;
  sum.bytes += is_source ? worker.bytes_out : worker.bytes_in;
  sum.prompt_tokens += worker.prompt_tokens;
  sum.completion_tokens += worker.completion_tokens;
  sum.wait_input_ns += worker.wait_input_ns;
  sum.wait_room_ns += worker.wait_room_ns;
  sum.alive += worker.alive ? 1 : 0;
  sum.finished += worker.state == ipc::WorkerState::finished ? 1 : 0;
  sum.hung += hung(worker) ? 1 : 0;
  sum.cpu_seconds += worker.cpu_seconds;
  sum.rss_bytes += worker.rss_bytes;
}

double growth(std::uint64_t earlier, std::uint64_t later) {
  return later > earlier ? static_cast<double>(later - earlier) : 0;
}

}  // namespace

std::vector<StageSums> sum_stages(const Plan& plan, const RunState& state) {
  std::vector<StageSums> sums(plan.stages.size());
  for (std::size_t stage = 0; stage < sums.size(); ++stage) {
    sums[stage].workers = plan.stages[stage].workers();
    for (const EdgeState& edge : state.edges) {
      if (plan.edges[edge.index].to == stage) sums[stage].next_frame = edge.oldest;
      if (plan.stages[stage].in.empty() && plan.edges[edge.index].from == stage)
        sums[stage].next_frame = edge.next;
    }
  }
  for (const WorkerState& worker : state.workers)
    add(worker, plan.stages[worker.stage].kind == StageKind::source, sums[worker.stage]);
  return sums;
}

StageLoad load_between(const StageSums& earlier, const StageSums& later, double seconds) {
  StageLoad load;
  if (seconds <= 0) return load;
  load.records_per_second = growth(earlier.in, later.in) / seconds;
  load.bytes_per_second = growth(earlier.bytes, later.bytes) / seconds;
  const double worker_ns = seconds * 1e9 * std::max<std::uint32_t>(later.workers, 1);
  load.waits_for_input = std::min(1.0, growth(earlier.wait_input_ns, later.wait_input_ns) / worker_ns);
  load.waits_for_room =
      std::min(1 - load.waits_for_input, growth(earlier.wait_room_ns, later.wait_room_ns) / worker_ns);
  if (later.workers > 0) load.busy = 1 - load.waits_for_input - load.waits_for_room;
  return load;
}

std::vector<double> fills_of(const Plan& plan, const RunState& state) {
  std::vector<double> fills(plan.edges.size());
  for (const EdgeState& edge : state.edges) fills[edge.index] = edge.fill();
  return fills;
}

}  // namespace datagen::launcher
