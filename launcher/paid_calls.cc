#include "launcher/paid_calls.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "runtime/durable_file.h"
#include "runtime/run_files.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

std::string trial_directory(const std::string& run_directory) { return run_directory + ".limit"; }

std::string kept_trial_ledger(const std::string& run_directory) {
  return trial_directory(run_directory) + "/ledger.kept";
}

std::vector<std::string> ledgers_before(const std::string& run_directory, const RuntimeFile* replaced,
                                        const std::string& aside) {
  std::vector<std::string> folders;
  const auto add = [&](const std::string& folder) {
    if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
  };
  if (replaced != nullptr) {
    add(ledger_folder(aside));
    for (const std::string& folder : replaced->earlier_ledgers) add(folder);
  }
  add(ledger_folder(trial_directory(run_directory)));
  add(kept_trial_ledger(run_directory));
  return folders;
}

Result<void> keep_trial_ledger(const std::string& folder, const std::string& run_directory) {
  const std::string from = ledger_folder(folder);
  const fs::path to = kept_trial_ledger(run_directory);
  std::error_code error;
  if (!fs::exists(from, error)) return success();
  const auto failed = [&] {
    return Error("cannot keep what was paid for in " + to.string() + ": " + error.message());
  };
  fs::create_directories(to, error);
  for (fs::directory_iterator entry(from, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const fs::path kept = to / entry->path().filename();  // what a file holds is bound to its name
    fs::rename(entry->path(), kept, error);
    if (error == std::errc::cross_device_link)
      fs::copy_file(entry->path(), kept, fs::copy_options::overwrite_existing, error);
    if (error) return failed();
  }
  if (error) return failed();
  fs::remove_all(from, error);
  return sync_path_to(to / "");
}

}  // namespace datagen::launcher
