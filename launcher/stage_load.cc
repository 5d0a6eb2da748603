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
  sum.cost_nano += worker.cost_nano;
  sum.input_read += worker.input_read;
  sum.wait_input_ns += worker.wait_input_ns;
  sum.wait_room_ns += worker.wait_room_ns;
  sum.alive += worker.alive ? 1 : 0;
  sum.finished += worker.state == ipc::WorkerState::finished ? 1 : 0;
  sum.hung += hung(worker) ? 1 : 0;
  sum.cpu_seconds += worker.cpu_seconds;
  sum.rss_bytes += worker.rss_bytes;
}

std::uint64_t growth(std::uint64_t earlier, std::uint64_t later) {
  return later > earlier ? later - earlier : 0;
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

StageLoad load_of(std::uint64_t records, std::uint64_t bytes, double live_ns, double wait_input_ns,
                  double wait_room_ns, std::uint32_t workers, double seconds) {
  StageLoad load;
  if (seconds <= 0) return load;
  load.records_per_second = static_cast<double>(records) / seconds;
  load.bytes_per_second = static_cast<double>(bytes) / seconds;
  const double all_ns = seconds * 1e9 * std::max<std::uint32_t>(workers, 1);
  load.waits_for_input = std::min(1.0, wait_input_ns / all_ns);
  load.waits_for_room = std::min(1 - load.waits_for_input, wait_room_ns / all_ns);
  load.busy = std::clamp((live_ns - wait_input_ns - wait_room_ns) / all_ns, 0.0, 1.0);
  return load;
}

StageLoad load_between(const StageSums& earlier, const StageSums& later, double seconds) {
  const double live_ns = seconds * 1e9 * later.alive;
  return load_of(growth(earlier.in, later.in), growth(earlier.bytes, later.bytes), live_ns,
                 static_cast<double>(growth(earlier.wait_input_ns, later.wait_input_ns)),
                 static_cast<double>(growth(earlier.wait_room_ns, later.wait_room_ns)), later.workers,
                 seconds);
}

std::vector<double> fills_of(const Plan& plan, const RunState& state) {
  std::vector<double> fills(plan.edges.size());
  for (const EdgeState& edge : state.edges) fills[edge.index] = edge.fill();
  return fills;
}

}  // namespace datagen::launcher
