// datagen check: the plan, and what becomes of the first ten records. datagen run --limit: the same with any
// number, and the results.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "launcher/audit.h"
#include "launcher/commands.h"
#include "launcher/dead_letters.h"
#include "launcher/epoch.h"
#include "launcher/execute.h"
#include "launcher/graph_arguments.h"
#include "launcher/limited_run.h"
#include "launcher/paid_calls.h"
#include "launcher/report.h"
#include "launcher/show_plan.h"
#include "runtime/run_files.h"

namespace datagen::launcher {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCheckRecords = 10;

// A folder with a plan in it that is not a limited run's is somebody's work. What it has paid for is kept.
Result<RunDirectory> empty_directory(const std::string& path, const std::string& run_directory) {
  DATAGEN_TRY(RunDirectory directory, RunDirectory::lock(path));
  DATAGEN_TRY(keep_trial_ledger(path, run_directory));
  const std::string kept = fs::path(kept_trial_ledger(run_directory)).filename();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename();
    if (name != "lock" && name != "logs" && name != kept) fs::remove_all(entry.path(), error);
  }
  return directory;
}

struct Outcome {
  int code = kComplete;
  LimitedRun run;
};

// Runs the graph on its first records, in `folder`. Nothing after an error, which is told by then.
std::optional<Outcome> run_limited(Plan plan, std::uint64_t records, const std::string& folder,
                                   const std::string& run_directory, const ExecuteOptions& options) {
  auto directory = empty_directory(folder, run_directory);
  if (!directory) return refuse(directory.error()), std::nullopt;
  StageCatalog catalog(StageCatalog::folders({}));
  if (const auto fits = check_shared_memory(plan.shared_memory_bytes()); !fits)
    return refuse(fits.error()), std::nullopt;
  auto limited = limit_plan(std::move(plan), records, directory.value().path(), catalog);
  if (!limited) return refuse(limited.error()), std::nullopt;
  Outcome outcome;
  outcome.run = std::move(limited).value();
  RuntimeFile runtime;
  runtime.run_id = fmt::format("limit{}", getpid());
  runtime.plan = outcome.run.plan;
  runtime.earlier_ledgers = ledgers_before(run_directory, nullptr, {});
  runtime.earlier_ledgers.push_back(ledger_folder(run_directory));
  if (const auto written = write_runtime_file(directory.value().path(), runtime); !written)
    return refuse(written.error()), std::nullopt;
  outcome.code = execute(directory.value(), runtime, options);
  return outcome;
}

// The keys of the records, in the order of their first appearance.
std::vector<std::string> keys_of(const std::vector<std::string>& records) {
  std::vector<std::string> keys;
  simdjson::dom::parser parser;
  for (const std::string& record : records) {
    simdjson::dom::object object;
    if (parser.parse(record).get(object) != simdjson::SUCCESS) continue;
    for (const auto field : object) {
      if (std::ranges::find(keys, field.key) == keys.end()) keys.emplace_back(field.key);
    }
  }
  return keys;
}

// "text" of "field 'text' of record 3: …", as operators' accessors say it.
std::string field_named_in(const std::string& message) {
  constexpr std::string_view kBefore = "field '";
  if (!message.starts_with(kBefore)) return {};
  return message.substr(kBefore.size(), message.find('\'', kBefore.size()) - kBefore.size());
}

// A line for each stage and field that records lack, and one for each other dead letter.
Result<std::string> dead_lines(const std::string& folder, const Audit& audit) {
  std::map<std::pair<std::string, std::string>, std::vector<std::string>>
      missing;  // stage and field: the records
  std::string others;
  DATAGEN_TRY(each_dead_letter(folder, {}, [&](const DeadLetter& letter) {
    const std::string field = letter.reason == "missing_field" ? field_named_in(letter.message) : "";
    if (!field.empty()) {
      missing[{letter.stage, field}].push_back(letter.record);
    } else {
      others += fmt::format("  {}: record {} is dead: {}: {}\n", letter.stage, letter.id, letter.reason,
                            letter.message);
    }
    return true;
  }));
  std::string text;
  for (const auto& [where, records] : missing) {
    const auto stage = std::ranges::find(audit.stages, where.first, &StageAudit::id);
    const std::uint64_t in = stage == audit.stages.end() ? records.size() : stage->in;
    text += fmt::format("  {}: '{}' is in {} of {} records (they have: {})\n", where.first, where.second,
                        in - records.size(), in, fmt::join(keys_of(records), ", "));
  }
  return text + others;
}

Result<std::string> check_lines(const std::string& folder, const LimitedRun& run) {
  DATAGEN_TRY(const Audit audit, audit_run(folder, run.plan));
  std::string text = fmt::format("{} records were read through it: {} written, {} filtered, {} dead\n",
                                 audit.read(), audit.output_records, audit.dropped(), audit.dead());
  for (const StageAudit& stage : audit.stages) {
    for (const auto& [reason, count] : stage.drop_reasons)
      text += fmt::format("  {}: {} filtered: {}\n", stage.id, count, reason);
  }
  DATAGEN_TRY(const std::string dead, dead_lines(folder, audit));
  return text + dead;
}

}  // namespace

int check_command(const GraphArguments& arguments) {
  auto planned = plan_run(arguments);
  if (!planned) return kUsage;
  std::fputs(show_plan(planned->plan, planned->run_directory).c_str(), stdout);
  std::fflush(stdout);
  std::string folder = (fs::temp_directory_path() / "datagen-check.XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return refuse(Error::from_errno("cannot make a folder " + folder, errno));
  planned->plan.max_dead_letters = DeadLetterLimit{std::nullopt, 1};
  ExecuteOptions options;
  options.quiet = true;
  const auto outcome =
      run_limited(std::move(planned->plan), kCheckRecords, folder, planned->run_directory, options);
  int code = outcome ? outcome->code : kUsage;
  if (code == kComplete) {
    const auto text = check_lines(folder, outcome->run);
    std::fputs(text ? text.value().c_str() : "", stdout);
    if (!text) code = refuse(text.error());
    // What nothing comes out of is not what was meant.
    if (text && outcome->run.records.empty()) complain("the input has no records");
    const bool is_empty = std::ranges::all_of(outcome->run.outputs,
                                              [](const std::string& path) { return file_bytes(path) == 0; });
    if (text && is_empty) code = kStoppedByLimit;
  }
  if (const auto kept = keep_trial_ledger(folder, planned->run_directory); !kept) code = refuse(kept.error());
  std::error_code error;
  fs::remove_all(folder, error);
  return code;
}

int limited_run_command(const RunArguments& arguments) {
  auto planned = plan_run(arguments.graph);
  if (!planned) return kUsage;
  const ExecuteOptions options{arguments.quiet, arguments.json, arguments.log_format == "json",
                               arguments.metrics};
  const auto outcome = run_limited(std::move(planned->plan), arguments.limit,
                                   trial_directory(planned->run_directory), planned->run_directory, options);
  if (!outcome) return kUsage;
  if (arguments.json) return outcome->code;  // stdout has the report
  for (const std::string& path : outcome->run.outputs) {
    std::ifstream file(path, std::ios::binary);
    if (file.peek() != std::ifstream::traits_type::eof()) std::cout << file.rdbuf();
  }
  std::cout.flush();
  return outcome->code;
}

}  // namespace datagen::launcher
