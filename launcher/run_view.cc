#include "launcher/run_view.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <tuple>

#include "ipc/segment.h"
#include "launcher/process_facts.h"
#include "launcher/run_folder.h"
#include "launcher/values.h"

namespace datagen::launcher {

namespace {

constexpr std::string_view kPrefix = "datagen.";
constexpr std::size_t kEpochDigits = 8;

struct ParsedName {
  std::string run_id;
  std::uint32_t epoch = 0;
  std::string part;  // "control", "0", "0.o3"
};

// datagen.<run_id>.<epoch>.<part>, where run_id has no dot.
std::optional<ParsedName> parse_name(std::string_view name) {
  if (!name.starts_with(kPrefix)) return {};
  name.remove_prefix(kPrefix.size());
  const std::size_t id_end = name.find('.');
  if (id_end == std::string_view::npos || id_end == 0) return {};
  ParsedName parsed;
  parsed.run_id = name.substr(0, id_end);
  name.remove_prefix(id_end + 1);
  if (name.size() <= kEpochDigits + 1 || name[kEpochDigits] != '.') return {};
  const auto [end, error] = std::from_chars(name.data(), name.data() + kEpochDigits, parsed.epoch, 16);
  if (error != std::errc() || end != name.data() + kEpochDigits) return {};
  parsed.part = name.substr(kEpochDigits + 1);
  return parsed;
}

}  // namespace

std::string EpochNames::hex() const { return fmt::format("{:08x}", number); }
bool EpochNames::has(const std::string& name) const { return std::ranges::find(names, name) != names.end(); }

std::vector<EpochNames> list_epochs(const std::string& run_id) {
  std::vector<EpochNames> epochs;
  DIR* folder = opendir("/dev/shm");
  if (folder == nullptr) return epochs;
  while (const dirent* entry = readdir(folder)) {
    const auto parsed = parse_name(entry->d_name);
    if (!parsed || (!run_id.empty() && parsed->run_id != run_id)) continue;
    struct stat info {};
    if (stat(ipc::segment_path(entry->d_name).c_str(), &info) != 0) continue;  // gone meanwhile
    if (run_id.empty() && info.st_uid != geteuid()) continue;
    auto found = std::ranges::find_if(epochs, [&](const EpochNames& epoch) {
      return epoch.number == parsed->epoch && epoch.run_id == parsed->run_id;
    });
    if (found == epochs.end()) {
      epochs.push_back({parsed->run_id, parsed->epoch, 0, {}});
      found = epochs.end() - 1;
    }
    found->names.emplace_back(entry->d_name);
    const bool is_overflow = parsed->part.find('.') != std::string::npos;
    const std::int64_t made_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    if (!is_overflow) found->made_ns = std::max(found->made_ns, made_ns);
  }
  closedir(folder);
  for (EpochNames& epoch : epochs) std::ranges::sort(epoch.names);
  std::ranges::sort(epochs, [](const EpochNames& left, const EpochNames& right) {
    return std::tie(right.made_ns, left.number) < std::tie(left.made_ns, right.number);
  });
  return epochs;
}

ipc::CellRange RunView::cells_of(std::uint32_t stage) const {
  const PlannedStage& planned = plan().stages[stage];
  return {planned.first_cell, planned.workers()};
}

std::string RunView::edge_name(std::uint32_t edge) const {
  const PlannedEdge& planned = plan().edges[edge];
  return plan().stages[planned.from].id + " → " + plan().stages[planned.to].id;
}

Result<std::uint32_t> RunView::find_edge(const std::string& text) const {
  std::string known;
  for (std::uint32_t edge = 0; edge < plan().edges.size(); ++edge) {
    const PlannedEdge& planned = plan().edges[edge];
    const std::string name = plan().stages[planned.from].id + ":" + plan().stages[planned.to].id;
    if (text == name || text == std::to_string(edge)) return edge;
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", edge, name);
  }
  return Error(fmt::format("there is no edge '{}'; there are: {}", text, known));
}

Result<RunView> open_run(const std::string& name_or_empty, const std::string& working_directory) {
  RunView view;
  DATAGEN_TRY(view.directory, find_run(name_or_empty, working_directory));
  DATAGEN_TRY(view.runtime, read_runtime_file(view.directory));
  const auto stages = view.plan().stages.size();
  for (const PlannedEdge& edge : view.plan().edges) {
    if (edge.from >= stages || edge.to >= stages)
      return Error(view.directory + "/runtime.json: an edge leads to no stage");
  }
  refresh(view);
  return view;
}

void refresh(RunView& view) { view.epochs = list_epochs(view.runtime.run_id); }

bool is_alive(pid_t pid, std::uint64_t start_ticks) {
  const auto facts = read_process(pid);
  return facts && (start_ticks == 0 || facts->start_ticks == start_ticks);
}

bool holds_lock(const std::string& run_directory, pid_t pid) {
  struct stat info {};
  if (pid <= 0 || stat((run_directory + "/lock").c_str(), &info) != 0) return false;
  // "1: FLOCK  ADVISORY  WRITE 1234 08:01:131 0 EOF". Not the device: some file systems show another one
  // there.
  const std::string inode = ":" + std::to_string(info.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, mode, access, holder, file;
    words >> number >> kind >> mode >> access >> holder >> file;
    if (kind == "FLOCK" && holder == std::to_string(pid) && file.ends_with(inode)) return true;
  }
  return false;
}

}  // namespace datagen::launcher
