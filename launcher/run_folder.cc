#include "launcher/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <tuple>

#include "launcher/suggest.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

namespace {

bool is_run(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "runtime.json", error);
}

// Without the slash at the end that people's shells complete.
std::string tidy(const fs::path& path) {
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace

std::vector<RunFolder> list_runs(const std::string& working_directory) {
  std::vector<RunFolder> runs;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(working_directory) / "runs", error), end; !error && entry != end;
       entry.increment(error)) {
    if (!is_run(entry->path())) continue;
    std::error_code gone;
    const auto changed = fs::last_write_time(entry->path() / "runtime.json", gone);
    if (!gone) runs.push_back({entry->path().filename(), tidy(entry->path()), changed});
  }
  std::ranges::sort(runs, [](const RunFolder& left, const RunFolder& right) {
    return std::tie(right.changed, left.name) < std::tie(left.changed, right.name);
  });
  return runs;
}

Result<std::string> find_run(const std::string& name, const std::string& working_directory) {
  const fs::path base = working_directory;
  if (name.find('\0') != std::string::npos) return Error("the name of a run cannot have a NUL byte");
  if (!name.empty()) {
    // Names are looked up behind directories: a path that exists means itself.
    for (const fs::path& candidate : {base / name, base / "runs" / name}) {
      if (is_run(candidate)) return tidy(candidate);
    }
  }
  const std::vector<RunFolder> runs = list_runs(working_directory);
  if (name.empty()) {
    if (!runs.empty()) return runs.front().path;
    return Error(fmt::format("there are no runs in {}; name a run's directory", tidy(base / "runs")));
  }
  std::error_code error;
  if (fs::is_directory(base / name, error)) {
    return Error(fmt::format("{} is not a run's directory: it has no runtime.json", tidy(base / name)));
  }
  std::vector<std::string> names;
  for (const RunFolder& run : runs) names.push_back(run.name);
  return Error(fmt::format("there is no run '{}', neither as a directory nor in {}{}", name,
                           tidy(base / "runs"), suggestion(name, names)));
}

std::string show_path(const std::string& path) {
  std::error_code error;
  const std::string relative = fs::path(path).lexically_proximate(fs::current_path(error));
  return relative.starts_with("..") ? path : relative;
}

}  // namespace datagen::launcher
