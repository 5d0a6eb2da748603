// datagen replay.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "launcher/commands.h"
#include "launcher/execute.h"
#include "launcher/generation.h"
#include "launcher/replay.h"
#include "launcher/report.h"
#include "launcher/run_folder.h"
#include "launcher/running_changes.h"
#include "launcher/stage_catalog.h"

namespace datagen::launcher {

namespace {

// Letters whose record is not in them in full stay where they are.
std::size_t leave_out_cut_ones(std::vector<ReplayBatch>& batches) {
  std::size_t count = 0;
  for (ReplayBatch& batch : batches)
    count += std::erase_if(batch.letters, [](const DeadLetter& letter) { return !letter.is_whole; });
  std::erase_if(batches, [](const ReplayBatch& batch) { return batch.letters.empty(); });
  return count;
}

void show(const std::vector<ReplayBatch>& batches) {
  for (const ReplayBatch& batch : batches) {
    for (const DeadLetter& letter : batch.letters)
      std::fputs(
          fmt::format("{}  {}  {}: {}\n", letter.id, letter.stage, letter.reason, letter.message).c_str(),
          stdout);
  }
}

}  // namespace

int replay_command(const ReplayArguments& arguments) {
  const auto path = find_run(arguments.letters.run, std::filesystem::current_path());
  if (!path) return refuse(path.error().message());
  auto directory = RunDirectory::lock(path.value());
  if (!directory) return refuse(directory.error().message());
  auto read = read_runtime_file(path.value());
  if (!read) return refuse(read.error().message());
  RuntimeFile& runtime = read.value();
  if (runtime.replay || !is_complete(path.value(), runtime.plan))
    return refuse(fmt::format("{0} is not complete; first: datagen resume {0}", directory.value().name()));

  const DeadLetterFilter filter{arguments.letters.stage, arguments.letters.reason, arguments.letters.id};
  auto batches = select_for_replay(path.value(), runtime.plan, filter);
  if (!batches) return refuse(batches.error().message());
  const bool needs_records = arguments.from != "source";
  if (const std::size_t cut = needs_records ? leave_out_cut_ones(batches.value()) : 0; cut > 0)
    complain(fmt::format(
        "{} dead letters do not hold their record in full, or not as text; they are left alone", cut));
  if (arguments.dry_run) return show(batches.value()), kComplete;
  if (batches.value().empty()) return complain("there is no dead letter to replay"), kComplete;

  StageCatalog catalog(StageCatalog::folders({}));
  const auto source = catalog.find("source-dead-letters");
  if (!source) return refuse(source.error().message());
  // All are looked at before the first is begun.
  std::vector<Plan> plans;
  for (ReplayBatch& batch : batches.value()) {
    const auto reread = arguments.from == "source" ? reread_from_source(path.value(), runtime.plan, batch)
                                                   : Result<void>(success());
    if (!reread)
      return refuse(fmt::format("the dead letters of stage '{}' cannot be read again: {}", batch.stage,
                                reread.error().message()));
    const std::string& entry = batch.passed.empty() ? batch.stage : batch.passed.front();
    auto plan = replay_plan(runtime.plan, entry, source.value(), path.value() + "/replay.jsonl");
    if (!plan)
      return refuse(fmt::format("the dead letters of stage '{}' cannot be replayed: {}{}", batch.stage,
                                plan.error().message(),
                                batches.value().size() > 1 ? " (choose others with --stage)" : ""));
    if (const auto changed = set_running_keys(plan.value(), arguments.sets, catalog); !changed)
      return refuse(changed.error().message());
    plans.push_back(std::move(plan).value());
  }
  for (std::size_t index = 0; index < plans.size(); ++index) {
    const auto begun = begin_replay(path.value(), runtime, std::move(plans[index]), batches.value()[index]);
    if (!begun) return complain(begun.error().message()), kStoppedByFailure;
    const int code =
        go_on(directory.value(), runtime, false,
              {arguments.quiet, arguments.letters.json, arguments.log_format == "json", arguments.metrics});
    if (code != kComplete) return code;
  }
  return kComplete;
}

}  // namespace datagen::launcher
