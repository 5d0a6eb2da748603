#include "saved_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "run_files.h"
#include "state_file.h"

namespace datagen {

SavedState::SavedState(const Weld& weld, ipc::Cell& cell)
    : weld_(weld),
      cell_(cell),
      log_(done_path(weld.run_directory, weld.stage), weld.stage_names),
      newest_(weld.resume.mark) {}

std::string SavedState::path_of(std::uint64_t mark) const {
  return weld_.run_directory + "/state/" + weld_.stage + "." + std::to_string(mark);
}

// A process that died left the state of a mark that the run does not go on from, or of one before it.
void SavedState::remove_others() const {
  const std::string own = weld_.stage + ".";
  const std::string kept = own + std::to_string(weld_.resume.mark);
  std::error_code error;
  for (std::filesystem::directory_iterator entry(weld_.run_directory + "/state", error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name == kept || !name.starts_with(own)) continue;
    std::string_view number = std::string_view(name).substr(own.size());
    if (number.ends_with(".new")) number.remove_suffix(4);
    // Another stage's id may begin with this one's and a dot.
    if (number.find_first_not_of("0123456789") == std::string_view::npos) unlink(entry->path().c_str());
  }
}

Result<void> SavedState::load(Operator& stage_operator) {
  remove_others();
  if (weld_.resume.mark == 0) return success();
  DATAGEN_TRY(std::string state, read_state(path_of(weld_.resume.mark)));
  std::istringstream bytes(std::move(state));
  stage_operator.load(bytes);
  ipc::store_committed(cell_, weld_.resume.mark, weld_.resume.seq);
  return success();
}

Result<void> SavedState::save(const Operator& stage_operator, std::uint64_t mark, std::uint64_t seq) {
  std::ostringstream state;
  stage_operator.save(state);
  const std::string folder = weld_.run_directory + "/state";
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return Error::from_errno("cannot create " + folder, errno);
  DATAGEN_TRY(write_state(path_of(mark), state.str()));
  Commit commit;
  commit.mark = mark;
  commit.seq = seq + 1;
  DATAGEN_TRY(log_.append(commit));
  ipc::store_committed(cell_, mark, commit.seq);
  if (before_ != 0) unlink(path_of(before_).c_str());
  before_ = newest_;
  newest_ = mark;
  return success();
}

Result<void> SavedState::seal(std::uint64_t seq) {
  Commit commit;
  commit.mark = newest_;
  commit.sealed = true;
  commit.seq = seq;
  DATAGEN_TRY(log_.append(commit));
  ipc::store_committed(cell_, ipc::kEndMark, seq);
  return success();
}

}  // namespace datagen
