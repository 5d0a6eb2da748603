#include "launcher/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "launcher/json_text.h"
#include "launcher/text_table.h"
#include "launcher/usage_text.h"

namespace datagen::launcher {

namespace {

constexpr std::size_t kBarColumns = 16;

std::string bar(std::optional<double> share) {
  if (!share) return "";
  const auto done = static_cast<std::size_t>(std::lround(*share * kBarColumns));
  return "[" + std::string(done, '#') + std::string(kBarColumns - done, '.') + "]";
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

// What is wrong or costs money; often nothing.
std::string remarks(const StageProgress& stage) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "  ") + part; };
  if (stage.sums.hung > 0) add(fmt::format("HUNG {}", stage.sums.hung));
  if (stage.restarts > 0) add(fmt::format("restarts {}", show_count(stage.restarts)));
  if (stage.sums.dead > 0) add(fmt::format("dead {}", show_count(stage.sums.dead)));
  if (stage.spent.has_any()) add(spent_text(stage.spent));
  return text;
}

std::string estimates(const ProgressView& view) {
  std::string text;
  if (view.share) text += ", about " + percent(*view.share);
  if (view.left) text += ", ETA " + show_duration(*view.left);
  return text;
}

std::uint64_t restarts_of(const ProgressView& view) {
  std::uint64_t count = 0;
  for (const StageProgress& stage : view.stages) count += stage.restarts;
  return count;
}

std::string counts(const ProgressView& view) {
  std::string text = fmt::format("read {}, wrote {}", show_count(view.read), show_count(view.written));
  if (view.dropped > 0) text += ", filtered " + show_count(view.dropped);
  if (view.dead > 0) text += ", dead " + show_count(view.dead);
  return text;
}

}  // namespace

std::vector<std::string> progress_lines(const ProgressView& view, std::size_t columns) {
  std::vector<std::string> lines = {
      fmt::format("{} {}: {}{}", view.pipeline, show_duration(view.time), counts(view), estimates(view))};
  TextTable table({});
  for (std::size_t index = 0; index < view.stages.size(); ++index) {
    const StageProgress& stage = view.stages[index];
    table.add({"  " + view.ids[index], bar(stage.share), show_rate(stage.load.records_per_second),
               show_byte_rate(stage.load.bytes_per_second), stage.fill ? "ring " + percent(*stage.fill) : "",
               stage.sums.finished == stage.sums.workers
                   ? "done"
                   : fmt::format("workers {}/{}", stage.sums.alive, stage.sums.workers),
               remarks(stage)});
  }
  std::string text = table.text();
  text.erase(0, 1);  // the empty head
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const std::string& note : view.notes) lines.push_back("  " + note);
  for (std::string& line : lines) line = cut_to(line, columns);
  return lines;
}

std::string progress_line(const ProgressView& view) {
  std::string line = fmt::format("{}: {}", view.pipeline, counts(view));
  if (!view.stages.empty()) {
    line += fmt::format(", {}, {}", show_rate(view.stages.front().load.records_per_second),
                        show_byte_rate(view.stages.front().load.bytes_per_second));
  }
  line += estimates(view);
  if (view.spent.has_any()) line += ", " + spent_text(view.spent);
  if (const std::uint64_t restarts = restarts_of(view); restarts > 0)
    line += ", restarts " + show_count(restarts);
  for (const std::string& note : view.notes) line += "; " + note;
  return line;
}

std::string progress_json(const ProgressView& view) {
  std::string stages;
  for (std::size_t index = 0; index < view.stages.size(); ++index) {
    const StageProgress& stage = view.stages[index];
    stages += fmt::format(
        "{}{{\"id\": {}, \"in\": {}, \"out\": {}, \"dropped\": {}, \"dead\": {}, \"records_per_s\": {:.1f}, "
        "\"bytes_per_s\": {:.0f}, \"busy\": {:.3f}, \"ring_fill\": {}, \"workers\": {}, \"alive\": {}, "
        "\"hung\": {}, "
        "\"restarts\": {}}}",
        stages.empty() ? "" : ", ", json_string(view.ids[index]), stage.sums.in, stage.sums.out,
        stage.sums.dropped, stage.sums.dead, stage.load.records_per_second, stage.load.bytes_per_second,
        stage.load.busy, stage.fill ? fmt::format("{:.3f}", *stage.fill) : "null", stage.sums.workers,
        stage.sums.alive, stage.sums.hung, stage.restarts);
  }
  std::string notes;
  for (const std::string& note : view.notes) notes += (notes.empty() ? "" : ", ") + json_string(note);
  return fmt::format(
      "{{\"event\": \"progress\", \"pipeline\": {}, \"seconds\": {:.1f}, \"read\": {}, \"written\": {}, "
      "\"dropped\": {}, "
      "\"dead\": {}, \"restarts\": {}, \"prompt_tokens\": {}, \"completion_tokens\": {}, \"cost\": {:.9g}, "
      "\"share\": {}, "
      "\"eta_s\": {}, "
      "\"stages\": [{}], \"notes\": [{}]}}",
      json_string(view.pipeline), static_cast<double>(view.time.count()) / 1000, view.read, view.written,
      view.dropped, view.dead, restarts_of(view), view.spent.paid.prompt_tokens,
      view.spent.paid.completion_tokens, view.spent.paid.cost(),
      view.share ? fmt::format("{:.4f}", *view.share) : "null",
      view.left ? fmt::format("{:.1f}", static_cast<double>(view.left->count()) / 1000) : "null", stages,
      notes);
}

std::string show_cost(double cost) {
  return cost == 0 || cost >= 1 ? fmt::format("{:.2f}", cost) : fmt::format("{:.3g}", cost);
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

std::string show_rate(double per_second) {
  if (per_second > 0 && per_second < 99.5) return fmt::format("{:.3g}/s", per_second);
  return show_count(static_cast<std::uint64_t>(std::llround(per_second))) + "/s";
}

std::string show_byte_rate(double bytes_per_second) {
  return fmt::format("{:.1f} MB/s", bytes_per_second / 1e6);
}

}  // namespace datagen::launcher
