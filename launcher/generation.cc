#include "launcher/generation.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "launcher/run_directory.h"
#include "runtime/commit_log.h"
#include "runtime/state_file.h"

namespace datagen::launcher {

namespace {

struct Committed {
  const PlannedStage* stage;
  std::string path;
  std::vector<LoggedCommit> commits;

  // The line of a mark; a seal that repeats the last mark is not it.
  const LoggedCommit* find(std::uint64_t mark) const {
    const auto found = std::ranges::find_if(commits, [&](const LoggedCommit& logged) {
      return logged.commit.mark == mark && !logged.commit.sealed;
    });
    return found == commits.end() ? nullptr : &*found;
  }

  bool is_sealed() const { return !commits.empty() && commits.back().commit.sealed; }

  // An older mark counts when the disk has damaged newer lines, or a state that was saved; that of a stateful
  // stage at it may be removed by then.
  bool can_go_on_from(std::uint64_t mark, const std::string& run_directory) const {
    if (find(mark) == nullptr) return false;
    const std::string state = fmt::format("{}/state/{}.{}", run_directory, stage->id, mark);
    return stage->kind == StageKind::sink || read_state(state);
  }
};

Result<std::vector<Committed>> read_all(const std::string& run_directory, const Plan& plan) {
  const std::vector<std::string> names = plan.stage_names();
  std::vector<Committed> all;
  for (const PlannedStage& stage : plan.stages) {
    if (!stage.commits()) continue;
    Committed& committed = all.emplace_back(Committed{&stage, done_path(run_directory, stage), {}});
    DATAGEN_TRY(committed.commits, read_commits(committed.path, names));
  }
  return all;
}

// The newest mark that all of them hold; 0: none.
std::uint64_t newest_common_mark(const std::vector<Committed>& all, const std::string& run_directory) {
  const auto& first = all.front().commits;
  for (auto logged = first.rbegin(); logged != first.rend(); ++logged) {
    const std::uint64_t mark = logged->commit.mark;
    const auto holds = [&](const Committed& committed) {
      return committed.can_go_on_from(mark, run_directory);
    };
    if (mark != 0 && std::ranges::all_of(all, holds)) return mark;
  }
  return 0;
}

// What was written since the commit may be there; what was committed must be.
Result<void> check_output(const PlannedStage& stage, const Commit& commit) {
  if (commit.output_path.empty()) return success();
  const auto hash = tail_hash_of(commit.output_path, commit.file_bytes);
  if (hash && hash.value() == commit.tail_hash) return success();
  const std::string why = hash ? "its content is not what was written" : hash.error().message();
  return Error(
      fmt::format("the output of stage '{}' was changed since the run stopped: {} ({}); put it back, or "
                  "start anew: --fresh",
                  stage.id, commit.output_path, why));
}

// What is needed of the input is still what it was.
Result<void> check_inputs(const Plan& plan) {
  for (const FrozenInput& input : plan.inputs) {
    struct stat info {};
    if (stat(input.uri.c_str(), &info) != 0) {
      if (input.uri.starts_with('/'))
        return Error::from_errno(fmt::format("the input {} cannot be read", input.uri), errno);
      continue;
    }
    if (S_ISREG(info.st_mode) && static_cast<std::uint64_t>(info.st_size) < input.bytes) {
      return Error(fmt::format(
          "the input {} has {} bytes; it had {} when the run began. Put it back, or start anew: --fresh",
          input.uri, info.st_size, input.bytes));
    }
  }
  return success();
}

}  // namespace

namespace {

// The committers of one part of the graph. Where they go on, or that they are done.
Result<PartStart> start_of(const std::vector<Committed>& part, const std::string& run_directory) {
  PartStart start;
  start.is_sealed =
      std::ranges::all_of(part, [](const Committed& committed) { return committed.is_sealed(); });
  const std::uint64_t mark = start.is_sealed ? 0 : newest_common_mark(part, run_directory);
  for (const Committed& committed : part) {
    const LoggedCommit* logged = start.is_sealed ? &committed.commits.back() : committed.find(mark);
    if (logged == nullptr) continue;  // no mark: it begins
    DATAGEN_TRY(check_output(*committed.stage, logged->commit));
    if (start.is_sealed) continue;
    if (!start.resume) start.resume = ResumePoint{mark, logged->commit.seq, {}};
    if (committed.stage->kind == StageKind::sink)
      start.resume->cursor_hex = boost::algorithm::hex_lower(logged->commit.cursor);
  }
  return start;
}

// How much of a log counts.
std::uint64_t bytes_of(const Committed& committed, const PartStart& start) {
  if (start.is_sealed) return committed.commits.back().end;
  return start.resume ? committed.find(start.resume->mark)->end : 0;
}

}  // namespace

Result<void> begin_generation(const std::string& run_directory, RuntimeFile& runtime) {
  if (!runtime.replay) DATAGEN_TRY(check_inputs(runtime.plan));  // dead letters hold all that is needed
  std::vector<std::vector<Committed>> parts(runtime.plan.parts());
  DATAGEN_TRY(auto all, read_all(run_directory, runtime.plan));
  for (Committed& committed : all) parts[committed.stage->part].push_back(std::move(committed));
  runtime.parts.clear();
  for (const std::vector<Committed>& part : parts) {
    DATAGEN_TRY(auto start, start_of(part, run_directory));
    runtime.parts.push_back(std::move(start));
  }
  // The number first: should this process die between here and the cuts, the next start cuts the same lines
  // again.
  ++runtime.generation;
  for (Rebuilt& rebuilt : runtime.rebuilt) {
    if (rebuilt.generation != 0) continue;
    const auto stage = std::ranges::find(runtime.plan.stages, rebuilt.stage, &PlannedStage::id);
    const auto& resume = runtime.parts.at(stage->part).resume;
    rebuilt.generation = runtime.generation;
    rebuilt.frame = resume ? resume->seq : 0;
  }
  DATAGEN_TRY(write_runtime_file(run_directory, runtime));
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (const Committed& committed : parts[part])
      DATAGEN_TRY(renew_commits(committed.path, bytes_of(committed, runtime.parts[part])));
  }
  return success();
}

Result<void> renew_seals(const std::string& run_directory, const Plan& plan) {
  DATAGEN_TRY(const auto all, read_all(run_directory, plan));
  for (const Committed& committed : all)
    DATAGEN_TRY(renew_commits(committed.path, committed.commits.empty() ? 0 : committed.commits.back().end));
  return success();
}

bool is_complete(const std::string& run_directory, const Plan& plan) {
  const auto all = read_all(run_directory, plan);
  return all &&
         std::ranges::all_of(all.value(), [](const Committed& committed) { return committed.is_sealed(); });
}

}  // namespace datagen::launcher
