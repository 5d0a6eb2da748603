#include "launcher/metrics_text.h"

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace datagen::launcher {

namespace {

constexpr std::size_t kCountersOfStage = 100;

// A label's value: backslash, quote and newline are escaped.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    out += letter == '\n' ? std::string("\\n") : std::string(1, letter);
  }
  return out + "\"";
}

class Page {
 public:
  explicit Page(const Plan& plan) : plan_(plan) {}

  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void sample(const std::string& labels, double value) {
    text_ += fmt::format("{}{{{}}} {}\n", name_, labels, value);
  }
  void by_stage(const char* name, const char* type, const char* help,
                const std::function<double(std::size_t)>& value, const std::string& more_labels = "") {
    if (*help != '\0') family(name, type, help);
    for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage)
      sample(fmt::format("stage={}{}", quoted(plan_.stages[stage].id), more_labels), value(stage));
  }
  std::string take() { return std::move(text_); }

 private:
  const Plan& plan_;
  std::string name_, text_;
};

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

// `amounts`: for each use of a model at an endpoint by a stage, further labels and their value.
using Amounts = std::vector<std::pair<const char*, double>>;
void by_model(const Plan& plan, const UsageBooks& books, const std::function<Amounts(const Usage&)>& amounts,
              Page& page) {
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    for (const auto& [key, used] : books.stages()[stage].usage) {
      const std::string labels =
          fmt::format("stage={},model={},endpoint={},outcome=\"{}\"", quoted(plan.stages[stage].id),
                      quoted(key.model), quoted(key.endpoint), name_of(key.kind));
      for (const auto& [more, value] : amounts(used)) page.sample(labels + more, value);
    }
  }
}

// As the commits have it. How many labels there may be is bounded where frames are added up (Totals).
void add_calls(const Plan& plan, const UsageBooks& books, Page& page) {
  const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
  page.family("datagen_calls_total", "counter",
              "Model calls, by what became of their answers: kept, retry (asked again), waste (of a record "
              "that was given up), reused (another run paid).");
  by_model(
      plan, books,
      [&](const Usage& used) {
        return Amounts{{"", count(used.calls)}};
      },
      page);
  page.family("datagen_tokens_total", "counter", "Tokens of model calls.");
  by_model(
      plan, books,
      [&](const Usage& used) {
        return Amounts{{",kind=\"prompt\"", count(used.prompt_tokens)},
                       {",kind=\"completion\"", count(used.completion_tokens)}};
      },
      page);
  page.family("datagen_cost_total", "counter", "Cost of model calls, in the currency of the prices.");
  by_model(
      plan, books,
      [](const Usage& used) {
        return Amounts{{"", used.cost()}};
      },
      page);
  page.family("datagen_stage_counts", "gauge", "What stages count by a name of their own.");
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    std::size_t left = kCountersOfStage;
    for (const auto& [name, amount] : books.stages()[stage].counters) {
      if (left-- == 0) break;
      page.sample(fmt::format("stage={},name={}", quoted(plan.stages[stage].id), quoted(name)),
                  static_cast<double>(amount));
    }
  }
}

}  // namespace

std::string metrics_text(const RunView& view, const RunState& state, const std::vector<StageSums>& sums,
                         const History& history, const UsageBooks& books) {
  const Plan& plan = view.plan();
  const std::vector<StageTotals>& totals = history.totals();
  const std::vector<StageResources> resources = history.resources();
  Page page(plan);
  page.family("datagen_run_info", "gauge", "The run; its value is 1.");
  page.sample(fmt::format("pipeline={},run_id={}", quoted(plan.pipeline), quoted(view.runtime.run_id)), 1);
  const auto total = [&](std::uint64_t StageTotals::*member) {
    return [&totals, member](std::size_t stage) { return static_cast<double>(totals[stage].*member); };
  };
  page.by_stage("datagen_records_total", "counter", "Records that a stage took in and passed on.",
                total(&StageTotals::in), ",direction=\"in\"");
  page.by_stage("datagen_records_total", "counter", "", total(&StageTotals::out), ",direction=\"out\"");
  page.by_stage("datagen_dropped_records_total", "counter", "Records that a stage filtered.",
                total(&StageTotals::dropped));
  page.by_stage("datagen_dead_letters_total", "counter", "Records that a stage gave up.",
                total(&StageTotals::dead));
  page.by_stage("datagen_processed_bytes_total", "counter", "Bytes of the frames that a stage took in.",
                total(&StageTotals::bytes));
  add_calls(plan, books, page);
  page.by_stage(
      "datagen_wait_seconds_total", "counter", "Time that workers waited, added up.",
      [&](std::size_t stage) { return seconds(totals[stage].wait_input_ns); }, ",reason=\"input\"");
  page.by_stage(
      "datagen_wait_seconds_total", "counter", "",
      [&](std::size_t stage) { return seconds(totals[stage].wait_room_ns); }, ",reason=\"room\"");
  page.by_stage("datagen_cpu_seconds_total", "counter", "Processor time of a stage's processes.",
                [&](std::size_t stage) { return resources[stage].cpu_seconds; });
  page.by_stage("datagen_worker_restarts_total", "counter", "Workers that died and were replaced.",
                [&](std::size_t stage) { return static_cast<double>(resources[stage].restarts); });
  page.by_stage("datagen_resident_memory_bytes", "gauge", "Memory of a stage's living processes.",
                [&](std::size_t stage) { return static_cast<double>(sums[stage].rss_bytes); });
  page.by_stage("datagen_workers", "gauge", "Workers that a stage should have.",
                [&](std::size_t stage) { return sums[stage].workers; });
  page.by_stage("datagen_workers_alive", "gauge", "Workers that live.",
                [&](std::size_t stage) { return sums[stage].alive; });
  page.by_stage("datagen_workers_hung", "gauge",
                "Workers that are stopped, or give no sign of life and hold a record.",
                [&](std::size_t stage) { return sums[stage].hung; });
  const auto by_edge = [&](const char* name, const char* help,
                           const std::function<double(const EdgeState&)>& value) {
    page.family(name, "gauge", help);
    for (const EdgeState& edge : state.edges) {
      const PlannedEdge& planned = plan.edges[edge.index];
      page.sample(fmt::format("from={},to={}", quoted(plan.stages[planned.from].id),
                              quoted(plan.stages[planned.to].id)),
                  value(edge));
    }
  };
  by_edge("datagen_ring_slots", "Frames that a ring can hold.",
          [](const EdgeState& edge) { return edge.slots; });
  by_edge("datagen_ring_frames", "Frames that are in a ring.",
          [](const EdgeState& edge) { return static_cast<double>(edge.full + edge.claimed); });
  return page.take();
}

}  // namespace datagen::launcher
