// A run's state in the text format that Prometheus reads. Pure.
#pragma once

#include <string>
#include <vector>

#include "launcher/history.h"
#include "launcher/run_view.h"
#include "launcher/usage_books.h"

namespace datagen::launcher {

// `sums` are those of `state`; the totals over the whole run come from `history`, and those of model calls
// from `books`.
std::string metrics_text(const RunView& view, const RunState& state, const std::vector<StageSums>& sums,
                         const History& history, const UsageBooks& books);

}  // namespace datagen::launcher
