// datagen run: a new run, or an unfinished one gone on with. datagen resume: the latter, without the graph.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "launcher/commands.h"
#include "launcher/epoch.h"
#include "launcher/execute.h"
#include "launcher/generation.h"
#include "launcher/graph_arguments.h"
#include "launcher/paid_calls.h"
#include "launcher/report.h"
#include "launcher/run_folder.h"
#include "launcher/running_changes.h"

namespace datagen::launcher {

namespace {

std::string new_run_id() {
  std::random_device random;
  return fmt::format("{:08x}{:04x}", random(), random() & 0xffff);
}

// Empty, or why the outputs may not be written to. `own` are those that an earlier run of this graph made.
std::string foreign_output(const Plan& plan, const std::vector<std::string>& own) {
  for (const std::string& path : plan.written_paths()) {
    struct stat info {};
    const bool has_content = stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    if (!has_content || std::ranges::find(own, path) != own.end()) continue;
    return fmt::format(
        "{} exists, and this run did not make it; name another output, or replace it with --overwrite", path);
  }
  return {};
}

// Takes the new plan's running keys, executables and rings over; what the run means must not have changed.
// The inputs stay those that were frozen when it began.
Result<void> adopt(Plan now, Plan& plan) {
  const std::vector<std::string> changes = compare_meaning(plan, now);
  if (!changes.empty()) {
    return Error(fmt::format(
        "the graph is not the one that this run began with:\n  {}\nput it back, or start anew: --fresh",
        fmt::join(changes, "\n  ")));
  }
  now.inputs = plan.inputs;
  now.outputs = plan.outputs;
  for (std::size_t index = 0; index < now.stages.size(); ++index) {
    now.stages[index].executable_hash = plan.stages[index].executable_hash;
    now.stages[index].program_hash = plan.stages[index].program_hash;
  }
  plan = std::move(now);
  return success();
}

// Of `run` and of `resume`.
template <class Arguments>
ExecuteOptions execute_options(const Arguments& arguments) {
  return {arguments.quiet, arguments.json, arguments.log_format == "json", arguments.metrics};
}

class RunCommand {
 public:
  explicit RunCommand(const RunArguments& arguments) : arguments_(arguments) {}

  int run() {
    auto planned = plan_run(arguments_.graph);
    if (!planned) return kUsage;
    auto directory = RunDirectory::lock(planned->run_directory);
    if (!directory) return refuse(directory.error());
    std::vector<std::string> own_outputs;
    std::optional<RuntimeFile> replaced;
    std::string kept_as;
    const bool replaces = arguments_.fresh && directory.value().has_plan();
    // A launcher that was to replace it may have died before it had written the new plan.
    if (!directory.value().has_plan()) kept_as = directory.value().last_set_aside();
    if (replaces || !kept_as.empty()) {
      const std::string folder = replaces ? directory.value().path() : kept_as;
      if (auto earlier = read_runtime_file(folder)) {
        replaced = earlier.value();
        own_outputs = earlier.value().plan.written_paths();
        remove_frames_of(earlier.value().run_id, folder);  // when its launcher was killed
      }
    }
    if (directory.value().has_plan() && !replaces) {
      RunDirectory::end_replacement(directory.value().last_set_aside());  // it died right behind the plan
      return go_on_with(directory.value(), std::move(planned->plan));
    }
    if (const auto fits = check_shared_memory(planned->plan.shared_memory_bytes()); !fits)
      return refuse(fits.error());
    if (replaces) {
      const auto aside = directory.value().set_aside();
      if (!aside) return refuse(aside.error());
      kept_as = aside.value();
      if (!arguments_.quiet) complain("the earlier run is kept as " + aside.value());
    }
    const std::string foreign = arguments_.overwrite ? "" : foreign_output(planned->plan, own_outputs);
    if (!foreign.empty()) return refuse(foreign);
    RuntimeFile runtime;
    runtime.run_id = new_run_id();
    runtime.plan = std::move(planned->plan);
    if (!arguments_.forget_paid)
      runtime.earlier_ledgers =
          ledgers_before(directory.value().path(), replaced ? &*replaced : nullptr, kept_as);
    if (const auto written = write_runtime_file(directory.value().path(), runtime); !written)
      return refuse(written.error());
    if (!kept_as.empty()) RunDirectory::end_replacement(kept_as);
    return execute(directory.value(), runtime, execute_options(arguments_));
  }

 private:
  int go_on_with(const RunDirectory& directory, Plan plan) {
    auto runtime = read_runtime_file(directory.path());
    if (!runtime) return refuse(runtime.error());
    if (runtime.value().replay)
      return refuse(
          fmt::format("dead letters of {0} are being replayed; first: datagen resume {0}", directory.name()));
    const std::vector<FrozenInput> found = plan.inputs;
    if (const auto adopted = adopt(std::move(plan), runtime.value().plan); !adopted)
      return refuse(adopted.error());
    if (is_complete(directory.path(), runtime.value().plan) && found != runtime.value().plan.inputs) {
      return refuse(fmt::format("{} is complete, but its input has changed since; to read it anew: --fresh",
                                directory.name()));
    }
    return go_on(directory, runtime.value(), arguments_.same_binary, execute_options(arguments_));
  }

  const RunArguments& arguments_;
};

}  // namespace

int run_command(const RunArguments& arguments) { return RunCommand(arguments).run(); }

int resume_command(const ResumeArguments& arguments) {
  const auto path = find_run(arguments.run, std::filesystem::current_path());
  if (!path) return refuse(path.error());
  auto directory = RunDirectory::lock(path.value());
  if (!directory) return refuse(directory.error());
  auto runtime = read_runtime_file(directory.value().path());
  if (!runtime) return refuse(runtime.error());
  Plan& plan = runtime.value().plan;
  if (!arguments.graph.empty()) {
    GraphArguments graph;
    graph.graph = arguments.graph;
    auto planned = plan_run(graph);
    if (!planned) return kUsage;
    if (const auto adopted = adopt(std::move(planned->plan), plan); !adopted) return refuse(adopted.error());
  }
  StageCatalog catalog(StageCatalog::folders({}));
  if (const auto changed = set_running_keys(plan, arguments.sets, catalog); !changed)
    return refuse(changed.error());
  return go_on(directory.value(), runtime.value(), arguments.same_binary, execute_options(arguments));
}

}  // namespace datagen::launcher
