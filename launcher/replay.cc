#include "launcher/replay.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "launcher/find_rows.h"
#include "launcher/json_text.h"
#include "runtime/commit_log.h"
#include "runtime/json_fields.h"

namespace datagen::launcher {

namespace {

namespace dom = simdjson::dom;

constexpr const char* kOwnPlanFile = "before_replay.json";

std::string letters_path(const std::string& run_directory) { return run_directory + "/replay.jsonl"; }

std::uint32_t index_of(const Plan& plan, const std::string& id) {
  return static_cast<std::uint32_t>(std::ranges::find(plan.stages, id, &PlannedStage::id) -
                                    plan.stages.begin());
}

std::uint32_t source_of(const Plan& plan, const std::string& uri) {
  const auto found = std::ranges::find(plan.inputs, uri, &FrozenInput::uri);
  return found == plan.inputs.end() ? 0 : static_cast<std::uint32_t>(found - plan.inputs.begin());
}

// A line for runtime: stages/sources/source_dead_letters.cc reads it.
std::string letter_line(const DeadLetter& letter, const Plan& plan) {
  return fmt::format(
      "{{\"row\": {}, \"path\": {}, \"source\": {}, \"line\": {}, \"offset\": {}, \"record\": {}, \"id\": "
      "{}, "
      "\"file\": {}, \"at\": {}}}\n",
      letter.row ? std::to_string(*letter.row) : "null", json_string(letter.path),
      source_of(plan, letter.uri), letter.source_line, letter.source_offset, json_string(letter.record),
      json_string(letter.id), json_string(letter.file), letter.at);
}

// The lengths of the dead-letter files; what stands behind them later came of the replay.
std::string lengths_line(const std::string& run_directory) {
  std::string text;
  for (const std::string& path : dead_letter_paths(run_directory)) {
    std::error_code error;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ",
                        json_string(std::filesystem::path(path).filename().string()),
                        std::filesystem::file_size(path, error));
  }
  return "{\"lengths\": {" + text + "}}\n";
}

// What replay.jsonl says, without the records.
struct Replayed {
  std::map<std::string, std::uint64_t> lengths;
  struct Letter {
    std::string id, file;
    std::uint64_t at = 0;
  };
  std::vector<Letter> letters;
};
Result<Replayed> read_replayed(const std::string& run_directory) {
  Replayed replayed;
  std::ifstream file(letters_path(run_directory));
  dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    dom::element root;
    if (parser.parse(line).get(root) != simdjson::SUCCESS)
      return Error(letters_path(run_directory) + " is damaged");
    if (dom::object lengths; root["lengths"].get(lengths) == simdjson::SUCCESS) {
      for (const auto field : lengths) {
        std::uint64_t length = 0;
        if (field.value.get(length) == simdjson::SUCCESS) replayed.lengths[std::string(field.key)] = length;
      }
      continue;
    }
    replayed.letters.push_back(
        {json::text_of(root, "id"), json::text_of(root, "file"), json::number(root, "at")});
  }
  if (file.bad()) return Error("cannot read " + letters_path(run_directory));
  return replayed;
}

// The record itself, or a child of it, is among the ids.
bool has_record_of(const std::set<std::string>& ids, const std::string& id) {
  if (ids.contains(id)) return true;
  const std::string children = id + "_";
  const auto first = ids.lower_bound(children);
  return first != ids.end() && first->starts_with(children);
}

Result<void> check_stage(const Plan& plan, const PlannedStage& stage,
                         const std::set<std::uint32_t>& members) {
  if (stage.stateful)
    return Error(
        fmt::format("stage '{}' keeps state and has ended; it cannot take in records any more", stage.id));
  const bool joins = std::ranges::any_of(
      stage.in, [&](std::uint32_t edge) { return !members.contains(plan.edges[edge].from); });
  if (joins)
    return Error(fmt::format("stage '{}' joins the records with a branch that is not replayed", stage.id));
  return success();
}

}  // namespace

Result<std::vector<ReplayBatch>> select_for_replay(const std::string& run_directory, const Plan& plan,
                                                   const DeadLetterFilter& filter) {
  std::vector<ReplayBatch> batches;
  for (const PlannedStage& stage : plan.stages) batches.push_back({stage.id, {}, {}});
  DATAGEN_TRY(each_dead_letter(run_directory, filter, [&](const DeadLetter& letter) {
    const std::uint32_t stage = index_of(plan, letter.stage);
    if (letter.replayed.empty() && stage < batches.size()) batches[stage].letters.push_back(letter);
    return true;
  }));
  std::erase_if(batches, [](const ReplayBatch& batch) { return batch.letters.empty(); });
  for (ReplayBatch& batch : batches) {
    std::ranges::stable_sort(batch.letters, {},
                             [](const DeadLetter& letter) { return letter.row.value_or(~std::uint64_t{0}); });
  }
  return batches;
}

namespace {

// The stages that a record passes between the source and `stage`, if no other sees it on its way.
Result<std::vector<std::string>> passed_before(const Plan& plan, const std::string& stage) {
  std::vector<std::string> passed;
  const PlannedStage* at = &plan.stages[index_of(plan, stage)];
  if (at->part != 0) return Error(fmt::format("stage '{}' reads the file of a durable edge", stage));
  for (;;) {
    const PlannedStage& before = plan.stages[plan.edges[at->in.front()].from];
    if (before.out.size() > 1)
      return Error(
          fmt::format("'{}' hands the record to another branch too, which has written it", before.id));
    if (before.kind == StageKind::source) break;
    if (before.in.size() > 1) return Error(fmt::format("stage '{}' joins branches", before.id));
    if (before.stateful)
      return Error(fmt::format("stage '{}' keeps state and has seen the record already", before.id));
    passed.push_back(before.id);
    at = &before;
  }
  std::ranges::reverse(passed);
  return passed;
}

}  // namespace

Result<void> reread_from_source(const std::string& run_directory, const Plan& plan, ReplayBatch& batch) {
  DATAGEN_TRY(batch.passed, passed_before(plan, batch.stage));
  std::vector<std::uint64_t> rows;
  for (const DeadLetter& letter : batch.letters) {
    if (!letter.row || !letter.path.empty())
      return Error(
          fmt::format("{} was made of another record, whose other children are written already; leave it out "
                      "(--id, --reason), "
                      "or let it enter at its stage",
                      letter.id));
    rows.push_back(*letter.row);
  }
  DATAGEN_TRY(const std::vector<FoundRow> found, find_rows(run_directory, plan, rows));
  for (std::size_t index = 0; index < found.size(); ++index)
    batch.letters[index].record = found[index].record;
  return success();
}

Result<Plan> replay_plan(const Plan& plan, const std::string& stage, const std::string& source,
                         const std::string& letters_path) {
  const std::uint32_t first = index_of(plan, stage);
  const PlannedStage& entry = plan.stages[first];
  if (entry.kind == StageKind::source)
    return Error("records that the source could not read are not replayed; mend the input and run it anew");
  if (entry.in.size() > 1)
    return Error(
        fmt::format("stage '{}' joins branches; a letter has its record of only one of them", stage));
  // Stages stand in topological order.
  std::set<std::uint32_t> members = {first};
  for (std::uint32_t index = first + 1; index < plan.stages.size(); ++index) {
    const auto reads_member = [&](std::uint32_t edge) { return members.contains(plan.edges[edge].from); };
    if (std::ranges::any_of(plan.stages[index].in, reads_member)) members.insert(index);
  }
  if (entry.stateful) DATAGEN_TRY(check_stage(plan, entry, members));
  for (const std::uint32_t index : members) {
    if (index != first) DATAGEN_TRY(check_stage(plan, plan.stages[index], members));
  }

  for (const std::uint32_t index : members) {
    if (plan.is_followed(plan.stages[index]))
      return Error(
          fmt::format("stage '{}' stands before a durable edge, behind which everything is read and done; "
                      "mend the records and "
                      "run them as a graph of their own",
                      stage));
  }

  Plan cut = plan;
  cut.max_dead_letters = {{}, 1.0};  // they are all dead already
  cut.edges.clear();
  for (std::uint32_t index = 0; index < cut.stages.size(); ++index) {
    cut.stages[index].part = 0;
    cut.stages[index].follows.clear();
    cut.stages[index].in.clear();
    cut.stages[index].out.clear();
    if (index != 0 && !members.contains(index)) cut.stages[index].running.workers = 0;
  }
  PlannedStage& reader = cut.stages.front();
  reader.executable = source;
  reader.uri = "dead-letters://" + letters_path;
  reader.params = {{"letters", json_string(letters_path)}};
  const auto connect = [&](std::uint32_t from, std::uint32_t to) {
    cut.stages[from].out.push_back(static_cast<std::uint32_t>(cut.edges.size()));
    cut.stages[to].in.push_back(static_cast<std::uint32_t>(cut.edges.size()));
    cut.edges.push_back({.from = from, .to = to});
  };
  connect(0, first);
  for (const PlannedEdge& edge : plan.edges) {
    if (members.contains(edge.from)) connect(edge.from, edge.to);
  }
  fit_workers(cut);
  return cut;
}

Result<void> begin_replay(const std::string& run_directory, RuntimeFile& runtime, Plan plan,
                          const ReplayBatch& batch) {
  std::string text = lengths_line(run_directory);
  for (const DeadLetter& letter : batch.letters) text += letter_line(letter, plan);
  DATAGEN_TRY(write_durably(letters_path(run_directory), text));
  DATAGEN_TRY(write_runtime_file(run_directory, runtime, kOwnPlanFile));
  ++runtime.generation;
  runtime.parts.clear();
  runtime.plan = std::move(plan);
  runtime.replay = Replay{batch.stage, (runtime.generation << 32) + 1, batch.letters.size(), batch.passed};
  return write_runtime_file(run_directory, runtime);
}

Result<void> reopen_commits(const std::string& run_directory, const RuntimeFile& runtime) {
  const Plan& plan = runtime.plan;
  const Replay& replay = *runtime.replay;
  const std::vector<std::string> names = plan.stage_names();
  std::uint64_t seq = 0;
  for (const PlannedStage& sink : plan.stages) {
    if (!sink.commits()) continue;
    DATAGEN_TRY(const auto commits, read_commits(done_path(run_directory, sink), names));
    if (!commits.empty()) seq = std::max(seq, commits.back().commit.seq);
  }
  bool is_first = true;
  for (const PlannedStage& sink : plan.stages) {
    if (!sink.commits()) continue;
    const bool corrects_books = std::exchange(is_first, false);
    DATAGEN_TRY(const auto commits, repair_commits(done_path(run_directory, sink), names));
    if (commits.empty()) return Error(done_path(run_directory, sink) + " holds no commit");
    Commit commit = commits.back().commit;
    if (commit.mark >= replay.mark) continue;  // has been opened before
    if (!commit.sealed)
      return Error(done_path(run_directory, sink) + " is not sealed; only a complete run can be replayed");
    commit.sealed = false;
    commit.mark = replay.mark;
    commit.seq = seq;
    commit.cursor.clear();
    if (corrects_books) {
      // They leave the books as dead and enter them anew; modulo 2^64, should children be more than rows.
      StageCounts& given_up = commit.totals.stage(index_of(plan, replay.stage)).counts;
      given_up.in -= replay.letters;
      given_up.dead -= replay.letters;
      for (const std::string& passed : replay.passed) {
        StageCounts& counts = commit.totals.stage(index_of(plan, passed)).counts;
        counts.in -= replay.letters;
        counts.out -= replay.letters;
      }
      StageCounts& read = commit.totals.stage(0).counts;
      read.in -= replay.letters;
      read.out -= replay.letters;
    }
    DATAGEN_TRY(CommitLog(done_path(run_directory, sink), names).append(commit));
  }
  return success();
}

Result<std::string> finish_replay(const std::string& run_directory, RuntimeFile& runtime) {
  DATAGEN_TRY(const Replayed replayed, read_replayed(run_directory));
  std::set<std::string> dead_again;
  DATAGEN_TRY(each_dead_letter(run_directory, {}, [&](const DeadLetter& letter) {
    const auto length = replayed.lengths.find(letter.file);
    if (length == replayed.lengths.end() || letter.at >= length->second) dead_again.insert(letter.id);
    return true;
  }));
  std::string text;
  DATAGEN_TRY(text, read_replay_notes(run_directory));
  std::size_t dead = 0;
  for (const Replayed::Letter& letter : replayed.letters) {
    const bool died = has_record_of(dead_again, letter.id);
    if (died) ++dead;
    text += fmt::format("{{\"file\": {}, \"at\": {}, \"id\": {}, \"replayed\": \"{}\"}}\n",
                        json_string(letter.file), letter.at, json_string(letter.id), died ? "dead" : "ok");
  }
  const Replay replay = *runtime.replay;
  DATAGEN_TRY(write_durably(run_directory + "/replayed.jsonl", text));
  DATAGEN_TRY(RuntimeFile own, read_runtime_file(run_directory, kOwnPlanFile));
  own.generation = runtime.generation;
  DATAGEN_TRY(write_runtime_file(run_directory, own));
  runtime = std::move(own);
  unlink((run_directory + "/" + kOwnPlanFile).c_str());
  unlink(letters_path(run_directory).c_str());
  return fmt::format("replayed {} dead letters of stage '{}': {} are through, {} are dead again",
                     replay.letters, replay.stage, replayed.letters.size() - dead, dead);
}

Result<Plan> own_plan(const std::string& run_directory, const RuntimeFile& runtime) {
  if (!runtime.replay) return runtime.plan;
  DATAGEN_TRY(RuntimeFile own, read_runtime_file(run_directory, kOwnPlanFile));
  return std::move(own.plan);
}

}  // namespace datagen::launcher
