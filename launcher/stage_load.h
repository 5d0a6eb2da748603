// What the workers of a stage do together: their counters added up, and how they spent the time between two
// looks. For display; a frame that is done again counts twice here.
#pragma once

#include <cstdint>
#include <vector>

#include "launcher/run_state.h"

namespace datagen::launcher {

// Counters of all workers of a stage, since this epoch began.
struct StageSums {
  std::uint64_t in = 0, out = 0, dropped = 0, dead = 0, errors = 0, retries = 0;
  std::uint64_t bytes = 0;  // taken in; of a source: read
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;
  std::uint64_t cost_nano = 0;
  std::uint64_t input_read = 0;  // bytes of the inputs; 0: the source does not say
  std::uint64_t wait_input_ns = 0, wait_room_ns = 0;
  std::uint32_t workers = 0, alive = 0, finished = 0, hung = 0;
  double cpu_seconds = 0;        // of the workers that live
  std::uint64_t rss_bytes = 0;   // the same
  std::uint64_t next_frame = 0;  // frames below it are done
};
// By stage, in the plan's order.
std::vector<StageSums> sum_stages(const Plan& plan, const RunState& state);

struct StageLoad {
  double records_per_second = 0;  // taken in
  double bytes_per_second = 0;
  // Shares of its workers' time, 0 to 1; what is left of 1 is time in which they had ended, or were not
  // there.
  double busy = 0, waits_for_input = 0, waits_for_room = 0;
};
// Of `live_ns`, the time that all its workers lived, some was spent waiting.
StageLoad load_of(std::uint64_t records, std::uint64_t bytes, double live_ns, double wait_input_ns,
                  double wait_room_ns, std::uint32_t workers, double seconds);
StageLoad load_between(const StageSums& earlier, const StageSums& later, double seconds);

// Shares of slots that hold a frame, by edge.
std::vector<double> fills_of(const Plan& plan, const RunState& state);

}  // namespace datagen::launcher
