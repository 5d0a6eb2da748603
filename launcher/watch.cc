#include "launcher/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "launcher/metrics_text.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::milliseconds kLookInterval{250};
constexpr std::chrono::seconds kSaveInterval{5};
constexpr std::size_t kLooksMax = 9;  // rates are those of the last two seconds

std::uint64_t bytes_of_inputs(const Plan& plan) {
  std::uint64_t bytes = 0;
  for (const FrozenInput& input : plan.inputs) bytes += input.bytes;
  return bytes;
}

}  // namespace

Watch::Watch(const std::string& run_directory, const RuntimeFile& runtime, Progress& progress,
             MetricsServer* metrics)
    : view_{run_directory, runtime, {}},
      progress_(progress),
      metrics_(metrics),
      history_(History::load(run_directory, runtime.plan)),
      books_(run_directory, view_.plan()),
      restarts_(runtime.plan.stages.size()),
      input_bytes_(bytes_of_inputs(runtime.plan)) {}

void Watch::tick(std::uint32_t epoch) {
  const Clock::time_point now = Clock::now();
  if (metrics_ != nullptr && !looks_.empty()) {
    metrics_->poll(
        [this] { return metrics_text(view_, looks_.back().state, looks_.back().sums, history_, books_); });
  }
  if (now < next_look_) return;
  next_look_ = now + kLookInterval;
  look(epoch);
  if (progress_.is_due()) progress_.show(progress_view());
  if (now < next_save_) return;
  next_save_ = now + kSaveInterval;
  save();
}

void Watch::note_restart(std::size_t stage) {
  ++restarts_[stage];
  history_.note_restart(stage);
}

void Watch::finish(std::uint32_t epoch) {
  look(epoch);
  history_.close();
  save();
  progress_.clear();
}

// Not of a replay: its graph is another than the run's.
void Watch::save() const {
  if (!view_.runtime.replay) history_.save(view_.directory, view_.plan());
}

void Watch::look(std::uint32_t epoch) {
  if (view_.epochs.empty() || view_.epochs.front().number != epoch) {
    view_.epochs = {{view_.runtime.run_id, epoch, 0, {}}};
    looks_.clear();
  }
  Look now;
  now.state = look_at(view_, std::nullopt);
  now.sums = sum_stages(view_.plan(), now.state);
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  history_.look(seconds, now.sums, fills_of(view_.plan(), now.state));
  books_.look();
  looks_.push_back(std::move(now));
  if (looks_.size() > kLooksMax) looks_.pop_front();
  if (!share_at_start_) share_at_start_ = share_of_source();
}

std::optional<double> Watch::share_of_source() const {
  const std::uint64_t read = looks_.back().sums.front().input_read;
  if (input_bytes_ == 0 || read == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(read) / static_cast<double>(input_bytes_));
}

ProgressView Watch::progress_view() const {
  const Plan& plan = view_.plan();
  const Look& now = looks_.back();
  const double seconds = static_cast<double>(now.state.taken_ns - looks_.front().state.taken_ns) / 1e9;
  ProgressView view;
  view.pipeline = plan.pipeline;
  view.ids = plan.stage_names();
  const auto running = Clock::now() - began_;
  view.time = std::chrono::duration_cast<std::chrono::milliseconds>(running);
  const std::optional<double> source_share = share_of_source();
  const auto issued = static_cast<double>(now.sums.front().next_frame);
  const std::vector<double> fills = fills_of(plan, now.state);
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    StageProgress shown;
    shown.sums = now.sums[stage];
    shown.load = load_between(looks_.front().sums[stage], now.sums[stage], seconds);
    shown.restarts = restarts_[stage];
    for (const std::uint32_t edge : plan.stages[stage].in)
      shown.fill = std::max(shown.fill.value_or(0), fills[edge]);
    if (source_share && issued > 0)
      shown.share = *source_share * std::min(1.0, static_cast<double>(shown.sums.next_frame) / issued);
    const StageTotals& totals = history_.totals()[stage];
    view.dead += totals.dead;
    view.dropped += totals.dropped;
    shown.spent = books_.stages()[stage].spent().at_least(shown.sums);
    view.spent += shown.spent;
    if (plan.stages[stage].kind == StageKind::sink && !plan.is_followed(plan.stages[stage])) {
      view.written += totals.out;
      // The run is as far as its last sink.
      if (shown.share) view.share = std::min(view.share.value_or(1), *shown.share);
    }
    view.stages.push_back(std::move(shown));
  }
  view.read = history_.totals().front().in;
  const double gained = view.share.value_or(0) - share_at_start_.value_or(0);
  if (gained > 0.001 && *view.share < 1)
    view.left = std::chrono::duration_cast<std::chrono::milliseconds>(running * ((1 - *view.share) / gained));
  for (const WorkerState& worker : now.state.workers) {
    if (const auto why = hung(worker))
      view.notes.push_back(fmt::format("worker {} of '{}' (process {}) is hung: {}", worker.index,
                                       plan.stages[worker.stage].id, worker.pid, *why));
  }
  return view;
}

}  // namespace datagen::launcher
