#include "launcher/progress.h"

#include <fmt/format.h>

#include <cstdio>

namespace datagen::launcher {

namespace {
constexpr std::chrono::milliseconds kTerminalInterval{500};
constexpr std::chrono::seconds kLinesInterval{30};
constexpr double kSmoothing = 0.3;  // weight of the last interval in the rate shown
}  // namespace

StageCounters sum_counters(const ipc::Control& control, const PlannedStage& stage) {
  StageCounters sum;
  for (std::uint32_t worker = 0; worker < stage.workers(); ++worker) {
    const ipc::Counters& counters = control.cell(stage.first_cell + worker).counters;
    const auto read = [](const ipc::AtomicWord& word) { return word.load(std::memory_order_relaxed); };
    sum.in += read(counters.records_in);
    sum.out += read(counters.records_out);
    sum.dropped += read(counters.dropped);
    sum.dead += read(counters.dead);
    sum.bytes_in += read(counters.bytes_in);
    sum.bytes_out += read(counters.bytes_out);
  }
  return sum;
}

void Progress::show(const Plan& plan, const ipc::Control& control, std::size_t restarts) {
  const Clock::time_point now = Clock::now();
  if (mode_ == Mode::quiet || now < next_) return;
  // The first line comes after a while: a run of a second needs none.
  const bool is_first = next_ == Clock::time_point{};
  next_ =
      now + (mode_ == Mode::terminal ? Clock::duration(kTerminalInterval) : Clock::duration(kLinesInterval));
  if (is_first) return;
  const StageCounters source = sum_counters(control, plan.stages.front());
  std::uint64_t written = 0;
  std::uint64_t dead = 0;
  for (const PlannedStage& stage : plan.stages) {
    const StageCounters counters = sum_counters(control, stage);
    dead += counters.dead;
    if (stage.kind == StageKind::sink && !plan.is_followed(stage)) written += counters.out;
  }
  std::uint64_t input_bytes = 0;
  for (const FrozenInput& input : plan.inputs) input_bytes += input.bytes;
  const double seconds = std::chrono::duration<double>(now - last_time_).count();
  const double last_rate =
      seconds > 0 ? static_cast<double>(written - std::min(written, last_read_)) / seconds : 0;
  rate_ = last_read_ == 0 ? last_rate : rate_ + kSmoothing * (last_rate - rate_);
  last_read_ = written;
  last_time_ = now;
  // Frames hold little beside the input's own bytes, so their sum tells how far the source is.
  const double share =
      input_bytes > 0
          ? std::min(100.0, 100.0 * static_cast<double>(source.bytes_out) / static_cast<double>(input_bytes))
          : 0;
  std::string line = fmt::format("{}: read {}, wrote {}, {}/s", plan.pipeline, show_count(source.in),
                                 show_count(written), show_count(static_cast<std::uint64_t>(rate_)));
  if (input_bytes > 0) line += fmt::format(", about {:.0f} %", share);
  if (dead > 0) line += fmt::format(", dead {}", show_count(dead));
  if (restarts > 0) line += fmt::format(", restarts {}", restarts);
  if (mode_ == Mode::terminal) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    line_is_open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

void Progress::clear() {
  if (line_is_open_) std::fputs("\r\033[K", stderr);
  line_is_open_ = false;
}

void Progress::say(const std::string& message) {
  if (mode_ == Mode::quiet) return;
  clear();
  std::fprintf(stderr, "%s\n", message.c_str());
}

std::string show_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string show_duration(std::chrono::milliseconds time) {
  const long long ms = time.count();
  if (ms < 60'000) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  const long long seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

}  // namespace datagen::launcher
