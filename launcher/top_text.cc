#include "launcher/top_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "launcher/json_text.h"
#include "launcher/progress_text.h"
#include "launcher/show_state.h"
#include "launcher/text_table.h"
#include "launcher/usage_text.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string seconds_text(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.1f} s", *seconds) : "-";
}

bool is_same_epoch(const RunState& state, const RunState* earlier) {
  return earlier != nullptr && earlier->epoch == state.epoch &&
         earlier->workers.size() == state.workers.size() && earlier->edges.size() == state.edges.size();
}

double seconds_between(const RunState& earlier, const RunState& state) {
  return static_cast<double>(state.taken_ns - earlier.taken_ns) / 1e9;
}

// Of one worker: its process must be the same at both looks.
std::string cpu_text(const WorkerState& worker, const WorkerState* before, double seconds) {
  if (!worker.alive || before == nullptr || before->pid != worker.pid || seconds <= 0) return "-";
  return percent(std::max(0.0, worker.cpu_seconds - before->cpu_seconds) / seconds);
}

// "142[380] for 3.2 s", of the record that is worked on longest.
std::string holds_text(const WorkerState& worker) {
  const InFlightState* longest = nullptr;
  for (const InFlightState& entry : worker.in_flight) {
    if (longest == nullptr || entry.seconds.value_or(0) > longest->seconds.value_or(0)) longest = &entry;
  }
  if (longest == nullptr) return worker.alive ? fmt::format("{}", worker.frame) : "-";
  std::string text = fmt::format("{}[{}]", longest->frame, longest->record);
  if (longest->seconds) text += fmt::format(" for {:.1f} s", *longest->seconds);
  return text;
}

std::string state_text(const WorkerState& worker) {
  if (const auto why = hung(worker)) return "HUNG: " + *why;
  return worker.alive || worker.pid == 0 ? name_of(worker.state)
                                         : fmt::format("{}, gone", name_of(worker.state));
}

std::string waits_text(const EdgeState& edge) {
  const char* who = edge.producers_wait   ? "producers wait for room"
                    : edge.consumers_wait ? "consumers wait for frames"
                                          : "";
  if (*who == '\0') return "-";
  return edge.wait_seconds ? fmt::format("{} for {:.1f} s", who, *edge.wait_seconds) : who;
}

// Of one stage, a second.
std::string token_rate(const StageSums& now, const StageSums* before, double seconds) {
  if (before == nullptr || seconds <= 0) return "-";
  const auto tokens = [](const StageSums& sums) { return sums.prompt_tokens + sums.completion_tokens; };
  return show_rate(static_cast<double>(tokens(now) - std::min(tokens(now), tokens(*before))) / seconds);
}

// Tokens and cost only where models are called.
std::string stages_table(const RunView& view, const RunState& state, const RunState* earlier,
                         const std::vector<StageLoad>& loads, const UsageBooks& books) {
  std::vector<std::string> head{"stage",    "workers", "records", "bytes",   "busy", "waits for input",
                                "for room", "in",      "out",     "dropped", "dead"};
  const std::vector<StageSums> sums = sum_stages(view.plan(), state);
  std::vector<Spent> spent;
  for (std::size_t stage = 0; stage < sums.size(); ++stage)
    spent.push_back(books.stages()[stage].spent().at_least(sums[stage]));
  if (std::ranges::any_of(spent, &Spent::has_any))
    head.insert(head.end(), {"tokens", "tokens in", "out", "cost"});
  TextTable table(std::move(head));
  const std::vector<StageSums> before =
      earlier == nullptr ? std::vector<StageSums>() : sum_stages(view.plan(), *earlier);
  for (std::size_t stage = 0; stage < sums.size(); ++stage) {
    const StageSums& sum = sums[stage];
    std::vector<std::string> row{view.plan().stages[stage].id,
                                 fmt::format("{}/{}", sum.alive, sum.workers),
                                 show_rate(loads[stage].records_per_second),
                                 show_byte_rate(loads[stage].bytes_per_second),
                                 percent(loads[stage].busy),
                                 percent(loads[stage].waits_for_input),
                                 percent(loads[stage].waits_for_room),
                                 show_count(sum.in),
                                 show_count(sum.out),
                                 show_count(sum.dropped),
                                 show_count(sum.dead)};
    if (spent[stage].has_any())
      row.insert(row.end(),
                 {token_rate(sum, before.empty() ? nullptr : &before[stage],
                             before.empty() ? 0 : seconds_between(*earlier, state)),
                  show_count(spent[stage].paid.prompt_tokens),
                  show_count(spent[stage].paid.completion_tokens), show_cost(spent[stage].paid.cost())});
    table.add(std::move(row));
  }
  return table.text();
}

std::string workers_table(const RunView& view, const RunState& state, const RunState* earlier) {
  TextTable table({"worker", "process", "state", "CPU", "memory", "frame[record]", "last sign"});
  for (std::size_t index = 0; index < state.workers.size(); ++index) {
    const WorkerState& worker = state.workers[index];
    table.add({fmt::format("{}.{}", view.plan().stages[worker.stage].id, worker.index),
               worker.pid == 0 ? "-" : std::to_string(worker.pid), state_text(worker),
               cpu_text(worker, earlier != nullptr ? &earlier->workers[index] : nullptr,
                        earlier != nullptr ? seconds_between(*earlier, state) : 0),
               worker.alive ? show_bytes(worker.rss_bytes) : "-", holds_text(worker),
               seconds_text(worker.heartbeat_age)});
  }
  return table.text();
}

std::string rings_table(const RunView& view, const RunState& state, const RunState* earlier) {
  TextTable table({"ring", "full", "of", "bytes", "frames", "who waits"});
  for (std::size_t index = 0; index < state.edges.size(); ++index) {
    const EdgeState& edge = state.edges[index];
    if (!edge.error.empty()) {
      table.add({view.edge_name(edge.index), edge.error});
      continue;
    }
    std::string rate = "-";
    if (earlier != nullptr && earlier->edges[index].error.empty()) {
      const double seconds = seconds_between(*earlier, state);
      if (seconds > 0)
        rate = show_rate(
            static_cast<double>(edge.oldest - std::min(edge.oldest, earlier->edges[index].oldest)) / seconds);
    }
    table.add({view.edge_name(edge.index), std::to_string(edge.full + edge.claimed),
               std::to_string(edge.slots), show_bytes(edge.bytes), rate, waits_text(edge)});
  }
  return table.text();
}

// Of all that the workers have done since they began, how long they have lived is not known: no loads then,
// but counts.
Bottleneck bottleneck_of(const RunView& view, const RunState& state, const std::vector<StageLoad>& loads) {
  return find_bottleneck(view.plan(), loads, fills_of(view.plan(), state));
}

// A sentence of parts, each on a line of its own: a terminal is not wide.
std::string on_lines(std::string words) {
  for (std::size_t at = words.find("; "); at != std::string::npos; at = words.find("; ", at))
    words.replace(at, 2, ";\n  ");
  return words;
}

}  // namespace

std::vector<StageLoad> loads_of(const RunView& view, const RunState& state, const RunState* earlier) {
  const std::vector<StageSums> now = sum_stages(view.plan(), state);
  std::vector<StageLoad> loads(now.size());
  if (!is_same_epoch(state, earlier)) return loads;
  const std::vector<StageSums> before = sum_stages(view.plan(), *earlier);
  for (std::size_t stage = 0; stage < now.size(); ++stage)
    loads[stage] = load_between(before[stage], now[stage], seconds_between(*earlier, state));
  return loads;
}

std::vector<std::string> hung_lines(const RunView& view, const RunState& state) {
  std::vector<std::string> lines;
  for (const WorkerState& worker : state.workers) {
    const auto why = hung(worker);
    if (!why) continue;
    lines.push_back(fmt::format("worker {} of '{}' (process {}) is hung: {}; {} {}", worker.index,
                                view.plan().stages[worker.stage].id, worker.pid, *why,
                                worker.in_flight.empty() ? "at frame" : "holds frame[record]",
                                holds_text(worker)));
  }
  return lines;
}

std::string top_text(const RunView& view, const RunState& state, const RunState* earlier,
                     const UsageBooks& books) {
  std::string text = fmt::format("{} ({})", view.plan().pipeline, view.directory);
  if (state.epoch.empty())
    return text + "\nnothing in shared memory: it is not running, and has left nothing behind\n";
  if (state.launcher_pid != 0)
    text += fmt::format(", launcher {}{}", state.launcher_pid,
                        state.launcher_alive ? "" : " is gone: this is what it left");
  text += "\n";
  if (!state.control_error.empty()) return text + state.control_error + "\n";
  if (!is_same_epoch(state, earlier)) earlier = nullptr;
  const std::vector<StageLoad> loads = loads_of(view, state, earlier);
  if (earlier != nullptr && state.launcher_alive)
    text += "bottleneck: " + on_lines(bottleneck_of(view, state, loads).words) + "\n";
  for (const std::string& line : hung_lines(view, state)) text += line + "\n";
  text += "\n" + stages_table(view, state, earlier, loads, books) + "\n";
  const std::string counts = calls_table(view.plan(), books) + counters_text(view.plan(), books);
  if (!counts.empty()) text += counts + "\n";
  return text + workers_table(view, state, earlier) + "\n" + rings_table(view, state, earlier);
}

std::string top_json(const RunView& view, const RunState& state, const RunState* earlier,
                     const UsageBooks& books) {
  std::string text = show_json(view, state);
  text.erase(text.rfind('}'));
  const std::vector<StageLoad> loads = loads_of(view, state, earlier);
  const std::vector<StageSums> sums = sum_stages(view.plan(), state);
  const Bottleneck limit = bottleneck_of(view, state, loads);
  text += fmt::format(",\"bottleneck\":{{\"stage\":{},\"words\":{}}},\"stages\":[",
                      limit.stage ? json_string(view.plan().stages[*limit.stage].id) : "null",
                      json_string(limit.words));
  for (std::size_t stage = 0; stage < sums.size(); ++stage) {
    text += fmt::format(
        "{}{{\"id\":{},\"workers\":{},\"alive\":{},\"hung\":{},\"records_per_s\":{:.1f},\"bytes_per_s\":{:."
        "0f},\"busy\":{:.3f},"
        "\"waits_for_input\":{:.3f},\"waits_for_room\":{:.3f},\"calls\":{}}}",
        stage == 0 ? "" : ",", json_string(view.plan().stages[stage].id), sums[stage].workers,
        sums[stage].alive, sums[stage].hung, loads[stage].records_per_second, loads[stage].bytes_per_second,
        loads[stage].busy, loads[stage].waits_for_input, loads[stage].waits_for_room,
        calls_json(books.stages()[stage].usage));
  }
  return text + "]}\n";
}

}  // namespace datagen::launcher
