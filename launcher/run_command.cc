// datagen run: a new run, or an unfinished one gone on with.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

#include "launcher/commands.h"
#include "launcher/generation.h"
#include "launcher/graph_arguments.h"
#include "launcher/report.h"
#include "launcher/session.h"
#include "runtime/commit_log.h"

namespace datagen::launcher {

namespace {

int refuse(const std::string& message) { return complain(message), kUsage; }

std::string new_run_id() {
  std::random_device random;
  return fmt::format("{:08x}{:04x}", random(), random() & 0xffff);
}

// Empty, or why the outputs may not be written to. `own` are those that an earlier run of this graph made.
std::string foreign_output(const Plan& plan, const std::vector<std::string>& own) {
  for (const std::string& path : plan.outputs) {
    struct stat info {};
    const bool has_content = stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
    if (!has_content || std::ranges::find(own, path) != own.end()) continue;
    return fmt::format("{} exists, and this run did not make it; name another output, or replace it with --overwrite", path);
  }
  return {};
}

// The plan of the earlier run with the running keys, executables and rings of the new one. Its inputs stay those
// that were frozen then.
std::string merge_plans(const Plan& earlier, Plan now, RuntimeFile& runtime) {
  const std::vector<std::string> changes = compare_meaning(earlier, now);
  if (!changes.empty()) {
    return fmt::format("the graph is not the one that this run began with:\n  {}\nput it back, or start anew: --fresh", fmt::join(changes, "\n  "));
  }
  now.inputs = earlier.inputs;
  runtime.plan = std::move(now);
  return {};
}

class RunCommand {
 public:
  explicit RunCommand(const RunArguments& arguments) : arguments_(arguments) {}

  int run() {
    auto planned = plan_run(arguments_.graph);
    if (!planned) return kUsage;
    if (const auto fits = check_shared_memory(planned->plan.shared_memory_bytes()); !fits) return refuse(fits.error().message());
    auto directory = RunDirectory::lock(planned->run_directory);
    if (!directory) return refuse(directory.error().message());
    std::vector<std::string> own_outputs;
    if (arguments_.fresh && directory.value().has_plan()) {
      if (auto earlier = read_runtime_file(directory.value().path())) own_outputs = earlier.value().plan.outputs;
      const auto aside = directory.value().set_aside();
      if (!aside) return refuse(aside.error().message());
      if (!arguments_.quiet) complain("the earlier run is kept as " + aside.value());
    }
    if (directory.value().has_plan()) return go_on(directory.value(), std::move(planned->plan));
    const std::string foreign = arguments_.overwrite ? "" : foreign_output(planned->plan, own_outputs);
    if (!foreign.empty()) return refuse(foreign);
    RuntimeFile runtime;
    runtime.run_id = new_run_id();
    runtime.plan = std::move(planned->plan);
    if (const auto written = write_runtime_file(directory.value().path(), runtime); !written) return refuse(written.error().message());
    return execute(directory.value(), runtime);
  }

  int execute(const RunDirectory& directory, RuntimeFile& runtime) {
    remove_segments_of(runtime.run_id);  // what a launcher that was killed left behind
    const Progress::Mode mode = arguments_.quiet ? Progress::Mode::quiet : isatty(STDERR_FILENO) ? Progress::Mode::terminal : Progress::Mode::lines;
    Progress progress(mode);
    const Signals signals;
    const auto began = std::chrono::steady_clock::now();
    RunEnd end;
    {
      Session session(directory, runtime, signals, progress);
      auto verdict = session.run();
      if (!verdict) return complain(verdict.error().message()), kStoppedByFailure;
      end.verdict = verdict.value();
      end.restarts = session.restarts();
      end.epochs = session.epochs();
    }
    std::error_code error;
    std::filesystem::remove(directory.path() + "/overflow", error);  // only when it is empty
    end.time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    auto audit = audit_run(directory.path(), runtime.plan);
    if (!audit) return complain(audit.error().message()), kAuditMismatch;
    end.audit = std::move(audit).value();
    const int code = exit_code_of(end, runtime.plan);
    const std::string report = report_json(end, runtime, code);
    if (const auto written = write_durably(directory.path() + "/report.json", report); !written) complain(written.error().message());
    if (!arguments_.quiet || code != kComplete) std::fputs(closing_lines(end, directory, runtime).c_str(), stderr);
    if (arguments_.json) std::fputs(report.c_str(), stdout);
    return code;
  }

 private:
  int go_on(const RunDirectory& directory, Plan plan) {
    auto runtime = read_runtime_file(directory.path());
    if (!runtime) return refuse(runtime.error().message());
    const std::vector<FrozenInput> found = plan.inputs;
    const std::string change = merge_plans(runtime.value().plan, std::move(plan), runtime.value());
    if (!change.empty()) return refuse(change);
    if (is_complete(directory.path(), runtime.value().plan)) return already_complete(directory, runtime.value(), found);
    if (const auto begun = begin_generation(directory.path(), runtime.value()); !begun) return refuse(begun.error().message());
    return execute(directory, runtime.value());
  }

  int already_complete(const RunDirectory& directory, const RuntimeFile& runtime, const std::vector<FrozenInput>& found) {
    if (found != runtime.plan.inputs) {
      return refuse(fmt::format("{} is complete, but its input has changed since; to read it anew: --fresh", directory.name()));
    }
    if (!arguments_.quiet) complain(fmt::format("{} is already complete; to run it anew: --fresh", directory.name()));
    return kComplete;
  }

  const RunArguments& arguments_;
};

}  // namespace

int run_command(const RunArguments& arguments) { return RunCommand(arguments).run(); }

}  // namespace datagen::launcher
