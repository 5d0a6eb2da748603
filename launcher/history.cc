#include "launcher/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string_view>
#include <utility>

#include "launcher/json_text.h"
#include "runtime/json_fields.h"

namespace datagen::launcher {

namespace {

using Member = std::uint64_t StageTotals::*;
// In the order of history.json.
constexpr Member kMembers[] = {&StageTotals::in,
                               &StageTotals::out,
                               &StageTotals::bytes,
                               &StageTotals::dropped,
                               &StageTotals::dead,
                               &StageTotals::prompt_tokens,
                               &StageTotals::completion_tokens,
                               &StageTotals::wait_input_ns,
                               &StageTotals::wait_room_ns,
                               &StageTotals::live_ns,
                               &StageTotals::cost_nano};
constexpr const char* kMemberNames =
    R"(["in", "out", "bytes", "dropped", "dead", "prompt_tokens", "completion_tokens", "wait_input_ns", "wait_room_ns", "live_ns", "cost_nano"])";

std::uint64_t growth(std::uint64_t last, std::uint64_t now) { return now >= last ? now - last : now; }

void grow(const StageSums& last, const StageSums& now, StageTotals& totals) {
  totals.in += growth(last.in, now.in);
  totals.out += growth(last.out, now.out);
  totals.bytes += growth(last.bytes, now.bytes);
  totals.dropped += growth(last.dropped, now.dropped);
  totals.dead += growth(last.dead, now.dead);
  totals.prompt_tokens += growth(last.prompt_tokens, now.prompt_tokens);
  totals.completion_tokens += growth(last.completion_tokens, now.completion_tokens);
  totals.cost_nano += growth(last.cost_nano, now.cost_nano);
  // A wait that is not over is an estimate, and may shrink a little when it ends.
  const auto waited = [](std::uint64_t before, std::uint64_t after) {
    return after >= before ? after - before : after < before / 2 ? after : 0;
  };
  totals.wait_input_ns += waited(last.wait_input_ns, now.wait_input_ns);
  totals.wait_room_ns += waited(last.wait_room_ns, now.wait_room_ns);
}

template <class List, class Show>
std::string list_json(const List& list, Show show) {
  std::string text;
  for (const auto& entry : list) text += (text.empty() ? "" : ", ") + show(entry);
  return "[" + text + "]";
}

std::string totals_json(const StageTotals& totals) {
  return list_json(kMembers, [&](Member member) { return std::to_string(totals.*member); });
}

double real(simdjson::dom::element object, std::string_view key) {
  double value = 0;
  return object[key].get(value) == simdjson::SUCCESS ? value : 0;
}

}  // namespace

History::History(std::size_t stages, std::size_t edges) : last_(stages), resources_(stages), living_(stages) {
  now_.stages.resize(stages);
  now_.fills.resize(edges);
  samples_.push_back(now_);
}

void History::look(double seconds, const std::vector<StageSums>& sums, const std::vector<double>& fills) {
  const double passed_ns = std::max(0.0, offset_ + seconds - now_.seconds) * 1e9;
  now_.seconds = offset_ + seconds;
  now_.fills = fills;
  for (std::size_t stage = 0; stage < sums.size(); ++stage) {
    grow(last_[stage], sums[stage], now_.stages[stage]);
    now_.stages[stage].live_ns += static_cast<std::uint64_t>(passed_ns * sums[stage].alive);
    living_[stage].cpu_seconds = sums[stage].cpu_seconds;
    // An upper bound for one process, and exact where there is one: the kernel tells the peak at its end.
    living_[stage].peak_bytes = sums[stage].rss_bytes / std::max(1U, sums[stage].alive);
  }
  last_ = sums;
  if (now_.seconds >= samples_.back().seconds + interval_) keep(now_);
}

void History::keep(const Sample& sample) {
  samples_.push_back(sample);
  if (samples_.size() < kSamplesMax) return;
  std::size_t kept = 0;
  for (std::size_t index = 0; index < samples_.size(); index += 2)
    samples_[kept++] = std::move(samples_[index]);
  samples_.resize(kept);
  interval_ *= 2;
}

void History::close() {
  living_.assign(living_.size(), {});
  if (now_.seconds > samples_.back().seconds) keep(now_);
}

void History::note_end(std::size_t stage, double cpu_seconds, std::uint64_t peak_bytes) {
  resources_[stage].cpu_seconds += cpu_seconds;
  resources_[stage].peak_bytes = std::max(resources_[stage].peak_bytes, peak_bytes);
}

std::vector<StageResources> History::resources() const {
  std::vector<StageResources> all = resources_;
  for (std::size_t stage = 0; stage < all.size(); ++stage) {
    all[stage].cpu_seconds += living_[stage].cpu_seconds;
    all[stage].peak_bytes = std::max(all[stage].peak_bytes, living_[stage].peak_bytes);
  }
  return all;
}

std::vector<StageLoad> History::loads(const Plan& plan) const {
  std::vector<StageLoad> loads;
  for (std::size_t stage = 0; stage < now_.stages.size(); ++stage) {
    const StageTotals& totals = now_.stages[stage];
    loads.push_back(load_of(totals.in, totals.bytes, static_cast<double>(totals.live_ns),
                            static_cast<double>(totals.wait_input_ns),
                            static_cast<double>(totals.wait_room_ns), plan.stages[stage].workers(),
                            now_.seconds));
  }
  return loads;
}

std::vector<double> History::mean_fills() const {
  std::vector<double> means(now_.fills.size());
  if (samples_.size() < 2) return now_.fills;
  // The first sample is the empty beginning.
  for (std::size_t index = 1; index < samples_.size(); ++index) {
    for (std::size_t edge = 0; edge < means.size(); ++edge)
      means[edge] += samples_[index].fills[edge] / static_cast<double>(samples_.size() - 1);
  }
  return means;
}

Bottleneck History::bottleneck(const Plan& plan) const {
  return find_bottleneck(plan, loads(plan), mean_fills());
}

std::string History::json(const Plan& plan) const {
  std::string text =
      fmt::format("{{\"version\": 1, \"interval_s\": {}, \"seconds\": {:.3f},\n", interval_, now_.seconds);
  text +=
      " \"stages\": " + list_json(plan.stage_names(), [](const std::string& id) { return json_string(id); });
  text += ",\n \"resources\": " + list_json(resources(), [](const StageResources& used) {
            return fmt::format("{{\"cpu_s\": {:.2f}, \"peak_bytes\": {}, \"restarts\": {}}}",
                               used.cpu_seconds, used.peak_bytes, used.restarts);
          });
  text += fmt::format(",\n \"columns\": {},\n \"samples\": [", kMemberNames);
  for (const Sample& sample : samples_) {
    text += fmt::format("{}\n  {{\"s\": {:.3f}, \"stages\": {}, \"fills\": {}}}",
                        &sample == &samples_.front() ? "" : ",", sample.seconds,
                        list_json(sample.stages, totals_json),
                        list_json(sample.fills, [](double fill) { return fmt::format("{:.3f}", fill); }));
  }
  return text + "]}\n";
}

void History::save(const std::string& run_directory, const Plan& plan) const {
  const std::string path = run_directory + "/history.json";
  if (!(std::ofstream(path + ".new") << json(plan))) return;
  std::rename((path + ".new").c_str(), path.c_str());
}

void History::remove_begun(const std::string& run_directory) {
  std::remove((run_directory + "/history.json.new").c_str());
}

History History::load(const std::string& run_directory, const Plan& plan) {
  History history(plan.stages.size(), plan.edges.size());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.load(run_directory + "/history.json").get(root) != simdjson::SUCCESS) return history;
  std::vector<std::string> names;
  for (const auto name : json::list(root, "stages")) names.emplace_back(name.get_string().value_unsafe());
  if (json::number(root, "version") != 1 || names != plan.stage_names()) return history;
  std::vector<Sample> samples;
  for (const auto entry : json::list(root, "samples")) {
    Sample sample;
    sample.seconds = real(entry, "s");
    for (const auto stage : json::list(entry, "stages")) {
      StageTotals& totals = sample.stages.emplace_back();
      std::size_t column = 0;
      for (const auto value : simdjson::dom::array(stage)) {
        if (column < std::size(kMembers)) totals.*kMembers[column++] = value.get_uint64().value_unsafe();
      }
    }
    for (const auto fill : json::list(entry, "fills"))
      sample.fills.push_back(fill.get_double().value_unsafe());
    if (sample.stages.size() != names.size() || sample.fills.size() != plan.edges.size()) return history;
    samples.push_back(std::move(sample));
  }
  if (samples.empty()) return history;
  std::size_t stage = 0;
  for (const auto used : json::list(root, "resources")) {
    if (stage == names.size()) break;
    history.resources_[stage++] = {real(used, "cpu_s"), json::number(used, "peak_bytes"),
                                   json::number(used, "restarts")};
  }
  history.samples_ = std::move(samples);
  history.now_ = history.samples_.back();
  history.offset_ = history.now_.seconds;
  history.interval_ = std::max(history.interval_, real(root, "interval_s"));
  return history;
}

}  // namespace datagen::launcher
