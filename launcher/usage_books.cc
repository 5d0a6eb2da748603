#include "launcher/usage_books.h"

#include <sys/stat.h>

#include <algorithm>

namespace datagen::launcher {

UsageBooks::UsageBooks(std::string run_directory, const Plan& plan)
    : names_(plan.stage_names()), stages_(plan.stages.size()) {
  for (const PlannedStage& stage : plan.stages) {
    if (stage.commits()) logs_.push_back({&stage, done_path(run_directory, stage), {}, {}});
  }
}

bool UsageBooks::read(Log& log) {
  struct stat info {};
  if (stat(log.path.c_str(), &info) != 0) return false;
  const std::pair<std::uint64_t, std::int64_t> now{
      info.st_size, std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
  if (now == log.seen) return false;
  auto newest = read_newest_commits(log.path, names_);
  if (!newest) return false;
  log.seen = now;
  log.newest = std::move(newest).value();
  return true;
}

// Where a resume would go on (begin_generation): what is newer may be done again. All ones: all is sealed.
std::uint64_t UsageBooks::common_mark(std::uint32_t part) const {
  std::uint64_t common = ~std::uint64_t{0};
  for (const Log& log : logs_) {
    if (log.stage->part != part) continue;
    const bool is_sealed = !log.newest.empty() && log.newest.back().sealed;
    if (!is_sealed) common = std::min(common, log.newest.empty() ? 0 : log.newest.back().mark);
  }
  return common;
}

void UsageBooks::look() {
  bool has_grown = false;
  for (Log& log : logs_) has_grown = read(log) || has_grown;
  if (!has_grown) return;
  stages_.assign(stages_.size(), {});
  for (const Log& log : logs_) {
    if (log.stage->kind != StageKind::sink) continue;  // others' lines have no totals
    const std::uint64_t mark = common_mark(log.stage->part);
    const auto commit = std::find_if(log.newest.rbegin(), log.newest.rend(), [&](const Commit& line) {
      return line.mark <= mark && (!line.sealed || mark == ~std::uint64_t{0});
    });
    if (commit == log.newest.rend()) continue;
    for (const auto& [index, totals] : commit->totals.stages()) {
      for (const auto& [key, used] : totals.usage) stages_[index].usage[key] += used;
      for (const auto& [name, amount] : totals.counters) stages_[index].counters[name] += amount;
    }
  }
}

bool UsageBooks::empty() const {
  return std::ranges::all_of(stages_, [](const Stage& stage) { return stage.usage.empty(); });
}

Spent& Spent::operator+=(const Spent& other) {
  paid += other.paid;
  again += other.again;
  wasted += other.wasted;
  return *this;
}

Spent Spent::at_least(const StageSums& counted) const {
  Spent more = *this;
  more.paid.prompt_tokens = std::max(paid.prompt_tokens, counted.prompt_tokens);
  more.paid.completion_tokens = std::max(paid.completion_tokens, counted.completion_tokens);
  more.paid.cost_nano = std::max(paid.cost_nano, static_cast<std::int64_t>(counted.cost_nano));
  return more;
}

Spent UsageBooks::Stage::spent() const {
  Spent sum;
  for (const auto& [key, used] : usage) {
    if (key.kind != UsageKind::reused) sum.paid += used;
    if (key.kind == UsageKind::retry) sum.again += used;
    if (key.kind == UsageKind::waste) sum.wasted += used;
  }
  return sum;
}

}  // namespace datagen::launcher
