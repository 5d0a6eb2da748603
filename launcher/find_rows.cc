#include "launcher/find_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "launcher/process.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::hours kReadTimeout{24};
constexpr std::size_t kRowsAtOnce = 10'000;  // what fits a command line

Result<void> find_some(const std::vector<std::string>& command, std::vector<FoundRow>& found) {
  DATAGEN_TRY(const std::string answer, run_captured(command, kReadTimeout));
  std::istringstream lines(answer);
  for (FoundRow row; std::getline(lines, row.place) && std::getline(lines, row.record);) found.push_back(row);
  return success();
}

}  // namespace

Result<std::vector<FoundRow>> find_rows(const std::string& run_directory, const Plan& plan,
                                        const std::vector<std::uint64_t>& rows) {
  std::vector<FoundRow> found;
  const PlannedStage& source = plan.source_of(0);
  for (std::size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    std::vector<std::string> command = {source.executable, "--worker", run_directory,
                                        "--stage",         source.id,  "--find-rows"};
    for (std::size_t index = first; index < std::min(rows.size(), first + kRowsAtOnce); ++index)
      command.push_back(std::to_string(rows[index]));
    DATAGEN_TRY(find_some(command, found));
  }
  if (found.size() != rows.size())
    return Error(fmt::format("{} gave {} of {} rows", source.executable, found.size(), rows.size()));
  return found;
}

}  // namespace datagen::launcher
