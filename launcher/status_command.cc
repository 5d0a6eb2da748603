// datagen status: all runs, or one, with what is hung or was in flight.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/audit.h"
#include "launcher/commands.h"
#include "launcher/generation.h"
#include "launcher/json_text.h"
#include "launcher/progress_text.h"
#include "launcher/report.h"
#include "launcher/run_folder.h"
#include "launcher/run_lock.h"
#include "launcher/top_text.h"

namespace datagen::launcher {

namespace {

namespace fs = std::filesystem;

struct Status {
  std::string name, path, state;
  std::optional<pid_t> launcher;
  Audit audit;
  std::vector<std::string> hung;  // a line for each worker
  std::vector<std::string>
      in_flight;  // of a run whose launcher is gone: what its workers held when they died
};

// What dead workers held, from the cells that nobody has cleared.
std::vector<std::string> in_flight_lines(const RunView& view, const RunState& state) {
  std::vector<std::string> lines;
  for (const WorkerState& worker : state.workers) {
    for (const InFlightState& entry : worker.in_flight) {
      lines.push_back(fmt::format("worker {} of '{}' (process {}, gone) held record {} of frame {}",
                                  worker.index, view.plan().stages[worker.stage].id, worker.pid, entry.record,
                                  entry.frame));
    }
  }
  for (const EdgeState& edge : state.edges) {
    if (edge.full + edge.claimed == 0) continue;
    lines.push_back(fmt::format("{} frames are left in {}: datagen-ring cat {} {}", edge.full + edge.claimed,
                                view.edge_name(edge.index), view.directory, edge.index));
  }
  return lines;
}

Result<Status> status_of(const RunFolder& folder) {
  DATAGEN_TRY(const RunView view, open_run(folder.path, fs::current_path()));
  Status status{folder.name, folder.path, "stopped", holder_of(folder.path), {}, {}, {}};
  if (is_complete(folder.path, view.plan())) status.state = "complete";
  if (status.launcher) status.state = "running";
  DATAGEN_TRY(status.audit, audit_run(folder.path, view.plan()));
  const RunState state = look_at(view, std::nullopt);
  status.hung = hung_lines(view, state);
  if (!status.launcher) status.in_flight = in_flight_lines(view, state);
  return status;
}

std::string list_json(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : ", ") + json_string(line);
  return "[" + text + "]";
}

std::string status_json(const Status& status) {
  return fmt::format(
      "{{\"name\": {}, \"path\": {}, \"state\": \"{}\", \"launcher\": {}, \"read\": {}, \"written\": {}, "
      "\"dropped\": {}, \"dead\": {}, \"hung\": {}, \"in_flight\": {}}}",
      json_string(status.name), json_string(status.path), status.state,
      status.launcher ? std::to_string(*status.launcher) : "null", status.audit.read(),
      status.audit.output_records, status.audit.dropped(), status.audit.dead(), list_json(status.hung),
      list_json(status.in_flight));
}

std::string status_text(const Status& status) {
  const std::string who = status.launcher ? fmt::format(" (process {})", *status.launcher) : "";
  std::string text =
      fmt::format("{:<28} {:<10} committed: read {}, wrote {}, filtered {}, dead {}{}\n", status.name,
                  status.state, show_count(status.audit.read()), show_count(status.audit.output_records),
                  show_count(status.audit.dropped()), show_count(status.audit.dead()), who);
  for (const std::string& line : status.hung) text += "  " + line + "\n";
  for (const std::string& line : status.in_flight) text += "  " + line + "\n";
  return text;
}

}  // namespace

int status_command(const std::string& run, bool json) {
  std::vector<RunFolder> folders;
  if (run.empty()) {
    folders = list_runs(fs::current_path());
  } else {
    const auto path = find_run(run, fs::current_path());
    if (!path) return refuse(path.error());
    folders.push_back({fs::path(path.value()).filename(), path.value(), {}});
  }
  std::string text;
  for (const RunFolder& folder : folders) {
    const auto status = status_of(folder);
    if (!status) {
      complain(status.error().message());
      continue;
    }
    text += json ? (text.empty() ? "" : ", ") + status_json(status.value()) : status_text(status.value());
  }
  if (folders.empty() && !json) complain("there are no runs under ./runs");
  std::fputs(json ? fmt::format("{{\"version\": 1, \"runs\": [{}]}}\n", text).c_str() : text.c_str(), stdout);
  return kComplete;
}

}  // namespace datagen::launcher
