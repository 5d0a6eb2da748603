// The counters of a stage's workers, added up. They are for display: a frame that is done again counts twice.
#pragma once

#include "ipc/control.h"
#include "launcher/plan.h"

namespace datagen::launcher {

inline std::uint64_t sum_counter(const ipc::Control& control, const PlannedStage& stage,
                                 ipc::AtomicWord ipc::Counters::*counter) {
  std::uint64_t sum = 0;
  for (std::uint32_t worker = 0; worker < stage.workers(); ++worker)
    sum += (control.cell(stage.first_cell + worker).counters.*counter).load(std::memory_order_relaxed);
  return sum;
}

}  // namespace datagen::launcher
