#include "launcher/show_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "launcher/json_text.h"
#include "launcher/text_table.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

std::string seconds_text(std::optional<double> seconds) {
  return seconds ? fmt::format("{:.1f} s", *seconds) : "-";
}

std::string waiting_text(const EdgeState& edge) {
  if (edge.producers_wait && edge.consumers_wait) return "both";
  return edge.producers_wait ? "producers" : edge.consumers_wait ? "consumers" : "-";
}

std::string in_flight_text(const WorkerState& worker) {
  std::string text;
  for (const InFlightState& entry : worker.in_flight) {
    text += fmt::format("{}{}[{}]", text.empty() ? "" : " ", entry.frame, entry.record);
    if (entry.seconds) text += fmt::format(" {:.1f}s", *entry.seconds);
    if (entry.total > 0) text += fmt::format(" {}/{}", entry.done, entry.total);
  }
  return text.empty() ? "-" : text;
}

std::string edges_table(const RunView& view, const RunState& state) {
  TextTable table({"edge", "from → to", "free", "full", "claimed", "first", "next", "end", "bytes",
                   "producers", "consumers", "waiting"});
  std::string errors;
  for (const EdgeState& edge : state.edges) {
    const std::string producers = fmt::format("{}/{}", edge.producers_alive, edge.producers);
    const std::string consumers = fmt::format("{}/{}", edge.consumers_alive, edge.consumers);
    if (!edge.error.empty()) {
      table.add({std::to_string(edge.index), view.edge_name(edge.index), "?", "?", "?", "?", "?", "?", "?",
                 producers, consumers, "-"});
      errors += fmt::format("edge {}: {}\n", edge.index, edge.error);
      continue;
    }
    table.add({std::to_string(edge.index), view.edge_name(edge.index), std::to_string(edge.free),
               std::to_string(edge.full), std::to_string(edge.claimed), std::to_string(edge.oldest),
               std::to_string(edge.next), edge.end ? std::to_string(*edge.end) : "-", show_bytes(edge.bytes),
               producers, consumers, waiting_text(edge)});
  }
  return table.text() + errors;
}

// Records that went out per second since the earlier look; "-" where that cannot be told.
std::string rate_text(const WorkerState& worker, const RunState& state, const RunState& earlier) {
  const double seconds = static_cast<double>(state.taken_ns - earlier.taken_ns) / 1e9;
  for (const WorkerState& before : earlier.workers) {
    const bool is_same = before.cell == worker.cell && earlier.epoch == state.epoch &&
                         worker.records_out >= before.records_out;
    if (is_same && seconds > 0)
      return fmt::format("{:.0f}", static_cast<double>(worker.records_out - before.records_out) / seconds);
  }
  return "-";
}

std::string workers_table(const RunView& view, const RunState& state, const RunState* earlier) {
  std::vector<std::string> head = {"worker", "pid", "state",   "frame", "in flight", "heartbeat",
                                   "in",     "out", "dropped", "dead",  "errors",    "retries"};
  if (earlier != nullptr) head.emplace_back("out/s");
  TextTable table(std::move(head));
  for (const WorkerState& worker : state.workers) {
    const std::string pid =
        worker.pid == 0 ? "-" : std::to_string(worker.pid) + (worker.alive ? "" : " gone");
    std::vector<std::string> row = {fmt::format("{}.{}", view.plan().stages[worker.stage].id, worker.index),
                                    pid,
                                    name_of(worker.state),
                                    std::to_string(worker.frame),
                                    in_flight_text(worker),
                                    seconds_text(worker.heartbeat_age),
                                    std::to_string(worker.records_in),
                                    std::to_string(worker.records_out),
                                    std::to_string(worker.dropped),
                                    std::to_string(worker.dead),
                                    std::to_string(worker.errors),
                                    std::to_string(worker.retries)};
    if (earlier != nullptr) row.push_back(rate_text(worker, state, *earlier));
    table.add(std::move(row));
  }
  return table.text();
}

std::string number_or_null(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "null";
}
std::string number_or_null(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "null";
}

std::string edge_json(const RunView& view, const EdgeState& edge) {
  const PlannedEdge& planned = view.plan().edges[edge.index];
  std::string text = fmt::format("{{\"edge\":{},\"from\":{},\"to\":{}", edge.index,
                                 json_string(view.plan().stages[planned.from].id),
                                 json_string(view.plan().stages[planned.to].id));
  text += fmt::format(
      ",\"producers\":{{\"workers\":{},\"alive\":{},\"waiting\":{}}},\"consumers\":{{\"workers\":{},"
      "\"alive\":{},\"waiting\":{}}},\"wait_s\":{}",
      edge.producers, edge.producers_alive, edge.producers_wait, edge.consumers, edge.consumers_alive,
      edge.consumers_wait, number_or_null(edge.wait_seconds));
  if (!edge.error.empty()) return text + fmt::format(",\"error\":{}}}", json_string(edge.error));
  return text + fmt::format(
                    ",\"slots\":{},\"block_bytes\":{},\"free\":{},\"full\":{},\"claimed\":{},\"epoch_first_"
                    "seq\":{},\"first_seq\":{},"
                    "\"next_seq\":{},\"end_seq\":{},\"bytes\":{}}}",
                    edge.slots, edge.block_bytes, edge.free, edge.full, edge.claimed, edge.first_seq,
                    edge.oldest, edge.next, number_or_null(edge.end), edge.bytes);
}

std::string worker_json(const RunView& view, const WorkerState& worker) {
  std::string in_flight;
  for (const InFlightState& entry : worker.in_flight) {
    in_flight +=
        fmt::format("{}{{\"thread\":{},\"frame\":{},\"record\":{},\"seconds\":{},\"done\":{},\"total\":{}}}",
                    in_flight.empty() ? "" : ",", entry.thread, entry.frame, entry.record,
                    number_or_null(entry.seconds), entry.done, entry.total);
  }
  const auto reason = hung(worker);
  return fmt::format(
      "{{\"stage\":{},\"worker\":{},\"cell\":{},\"pid\":{},\"alive\":{},\"state\":\"{}\",\"hung\":{},"
      "\"frame\":{},"
      "\"cpu_s\":{:.2f},\"rss_bytes\":{},\"heartbeat_age_s\":{},\"in_flight\":[{}],"
      "\"counters\":{{\"records_in\":{},\"records_out\":{},\"bytes_in\":{},\"bytes_out\":{},\"dropped\":{},"
      "\"dead\":{},\"errors\":{},"
      "\"retries\":{},\"prompt_tokens\":{},\"completion_tokens\":{},\"cost_nano\":{},\"wait_input_ns\":{},"
      "\"wait_room_ns\":{}}"
      "}}}",
      json_string(view.plan().stages[worker.stage].id), worker.index, worker.cell, worker.pid, worker.alive,
      name_of(worker.state), reason ? json_string(*reason) : "null", worker.frame, worker.cpu_seconds,
      worker.rss_bytes, number_or_null(worker.heartbeat_age), in_flight, worker.records_in,
      worker.records_out, worker.bytes_in, worker.bytes_out, worker.dropped, worker.dead, worker.errors,
      worker.retries, worker.prompt_tokens, worker.completion_tokens, worker.cost_nano, worker.wait_input_ns,
      worker.wait_room_ns);
}

template <class List, class Show>
std::string list_json(const List& list, Show show) {
  std::string text;
  for (const auto& entry : list) text += (text.empty() ? "" : ",") + show(entry);
  return "[" + text + "]";
}

}  // namespace

std::string show_table(const RunView& view, const RunState& state, const RunState* earlier) {
  std::string text =
      fmt::format("run {} ({}), id {}", view.plan().pipeline, view.directory, view.runtime.run_id);
  if (state.epoch.empty())
    return text + "\nnothing in shared memory: the run is not running, and has left nothing behind\n";
  text += fmt::format(", epoch {}", state.epoch);
  if (state.launcher_pid != 0)
    text += fmt::format(", launcher {}{}", state.launcher_pid, state.launcher_alive ? "" : " (gone)");
  text += "\n";
  if (!state.older_epochs.empty())
    text += fmt::format("older epochs left behind: {}\n", fmt::join(state.older_epochs, ", "));
  text += "\n" + edges_table(view, state) + "\n";
  return text +
         (state.control_error.empty() ? workers_table(view, state, earlier) : state.control_error + "\n");
}

std::string show_json(const RunView& view, const RunState& state) {
  const auto quoted = [](const std::string& word) { return json_string(word); };
  std::string text = fmt::format("{{\"version\":1,\"run\":{{\"directory\":{},\"run_id\":{},\"pipeline\":{}}}",
                                 json_string(view.directory), json_string(view.runtime.run_id),
                                 json_string(view.plan().pipeline));
  text += fmt::format(",\"epoch\":{},\"older_epochs\":{}",
                      state.epoch.empty() ? "null" : json_string(state.epoch),
                      list_json(state.older_epochs, quoted));
  text += fmt::format(",\"launcher\":{{\"pid\":{},\"alive\":{}}}", state.launcher_pid, state.launcher_alive);
  if (!state.control_error.empty())
    text += fmt::format(",\"control_error\":{}", json_string(state.control_error));
  text +=
      ",\"edges\":" + list_json(state.edges, [&](const EdgeState& edge) { return edge_json(view, edge); });
  text += ",\"workers\":" +
          list_json(state.workers, [&](const WorkerState& worker) { return worker_json(view, worker); });
  return text + "}\n";
}

}  // namespace datagen::launcher
