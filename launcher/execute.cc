#include "launcher/execute.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "launcher/commands.h"
#include "launcher/gather_report.h"
#include "launcher/generation.h"
#include "launcher/hooks.h"
#include "launcher/memory_group.h"
#include "launcher/metrics_server.h"
#include "launcher/replay.h"
#include "launcher/report.h"
#include "launcher/run_events.h"
#include "launcher/session.h"
#include "launcher/stage_catalog.h"
#include "runtime/commit_log.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::seconds kHookPatience{5};  // with hooks, when the run is over

Progress::Mode progress_mode(const ExecuteOptions& options) {
  if (options.quiet) return Progress::Mode::quiet;
  if (options.log_json) return Progress::Mode::json;
  return isatty(STDERR_FILENO) ? Progress::Mode::terminal : Progress::Mode::lines;
}

// A rebuilt executable is used, and named; its hash replaces the old one. Error: one is gone, or may not
// differ.
Result<void> check_executables(RuntimeFile& runtime, bool same_binary, bool quiet) {
  StageCatalog catalog({});
  const auto check = [&](const PlannedStage& stage, const std::string& path,
                         std::string& known) -> Result<void> {
    DATAGEN_TRY(const std::string hash, catalog.hash(path));
    if (hash == known) return success();
    const std::string change = fmt::format("stage '{}' was rebuilt since this run began: {}", stage.id, path);
    if (same_binary) return Error(change + " (refused by --same-binary)");
    if (!quiet) complain(change);
    known = hash;
    runtime.rebuilt.push_back({stage.id, path, 0, 0});
    return success();
  };
  for (PlannedStage& stage : runtime.plan.stages) {
    DATAGEN_TRY(check(stage, stage.executable, stage.executable_hash));
    if (!stage.program.empty()) DATAGEN_TRY(check(stage, stage.program, stage.program_hash));
  }
  return success();
}

// Audits the run, writes report.json, says how it ended. The exit code.
int conclude(const RunDirectory& directory, RuntimeFile& runtime, const ExecuteOptions& options,
             RunEnd& end) {
  if (runtime.replay && end.verdict.kind == Verdict::Kind::complete) {
    const auto replayed = finish_replay(directory.path(), runtime);
    if (!replayed) return complain(replayed.error().message()), kStoppedByFailure;
    if (!options.quiet) complain(replayed.value());
  }
  // The books are the run's own, also while a part of it is replayed.
  auto plan = own_plan(directory.path(), runtime);
  if (!plan) return complain(plan.error().message()), kAuditMismatch;
  auto audit = audit_run(directory.path(), plan.value());
  if (!audit) return complain(audit.error().message()), kAuditMismatch;
  end.audit = std::move(audit).value();
  if (end.verdict.kind == Verdict::Kind::failed) end.stopped_by = stopping_record(directory.path());
  const int code = exit_code_of(end, runtime.plan);
  RuntimeFile own = runtime;
  own.plan = std::move(plan).value();
  History history = History::load(directory.path(), own.plan);
  const std::string report = report_json(end, own, history, outcome_of(end), code);
  // Reports are a convenience: without them the run is as complete.
  std::string to_be_read = directory.path() + "/report.json";
  if (const auto written = write_durably(to_be_read, report); !written) {
    complain(written.error().message());
    to_be_read.clear();
  }
  if (const auto data = gather_report(directory.path(), std::move(own), end.audit, std::move(history))) {
    const auto page = write_report_page(data.value());
    if (!page)
      complain(page.error().message());
    else
      to_be_read = page.value();
  }
  if (!options.quiet || code != kComplete)
    Progress(progress_mode(options)).say_at_end(closing_lines(end, directory, runtime.plan, to_be_read));
  if (options.json) std::fputs(report.c_str(), stdout);
  return code;
}

}  // namespace

int execute(const RunDirectory& directory, RuntimeFile& runtime, const ExecuteOptions& options) {
  // What a launcher that was killed left behind.
  remove_frames_of(runtime.run_id, directory.path());
  MemoryGroup::remove_left_behind("datagen." + runtime.run_id + ".");
  std::error_code error;
  // Of an earlier stop: not true any more.
  std::filesystem::remove(directory.path() + "/report.json", error);
  forget_stopping_record(directory.path());
  Progress progress(progress_mode(options));
  std::unique_ptr<MetricsServer> metrics;
  if (!options.metrics.empty()) {
    auto listening = MetricsServer::listen(options.metrics);
    if (!listening) return refuse(listening.error());
    metrics = std::move(listening).value();
    progress.say("metrics at " + metrics->url());
  }
  Watch watch(directory.path(), runtime, progress, metrics.get());
  auto hooks = Hooks::open(runtime.plan, runtime.run_id, directory.path() + "/logs");
  if (!hooks) return complain(hooks.error().message()), kUsage;
  RunEvents events(hooks.value(), directory.path(), runtime);
  events.run_start();
  const Signals signals;
  const auto began = std::chrono::steady_clock::now();
  RunEnd end;
  bool was_started = false;
  {
    Session session(directory, runtime, signals, watch, events);
    auto verdict = session.run();
    was_started = verdict.has_value();
    if (verdict) end.verdict = verdict.value();
    if (!verdict) end.verdict = {Verdict::Kind::failed, 0, {}, verdict.error().message()};
    end.restarts = session.restarts();
    end.epochs = session.epochs();
  }
  end.time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  // What could not even be started has no books.
  const int code = was_started ? conclude(directory, runtime, options, end)
                               : (complain(end.verdict.message), kStoppedByFailure);
  events.run_end(end, code);
  for (const std::string& ending : hooks.value().close(kHookPatience)) progress.say(ending);
  return code;
}

int go_on(const RunDirectory& directory, RuntimeFile& runtime, bool same_binary,
          const ExecuteOptions& options) {
  // What a launcher that was killed left behind; before the room that it takes is asked for. Also behind the
  // last seal: then it told nobody.
  remove_frames_of(runtime.run_id, directory.path());
  History::remove_begun(directory.path());
  if (runtime.replay) {
    if (const auto opened = reopen_commits(directory.path(), runtime); !opened)
      return complain(opened.error().message()), kStoppedByFailure;
  }
  if (is_complete(directory.path(), runtime.plan)) {
    if (runtime.replay || file_bytes(directory.path() + "/report.json") == 0) {
      if (const auto renewed = renew_seals(directory.path(), runtime.plan); !renewed)
        return complain(renewed.error().message()), kStoppedByFailure;
      RunEnd end;
      return conclude(directory, runtime, options, end);
    }
    if (!options.quiet)
      complain(
          fmt::format("{} is already complete; to run it anew: datagen run … --fresh", directory.name()));
    return kComplete;
  }
  const auto fits = check_shared_memory(runtime.plan.shared_memory_bytes());
  if (!fits) return complain(fits.error().message()), kUsage;
  if (const auto checked = check_executables(runtime, same_binary, options.quiet); !checked)
    return complain(checked.error().message()), kUsage;
  if (const auto begun = begin_generation(directory.path(), runtime); !begun)
    return complain(begun.error().message()), kUsage;
  return execute(directory, runtime, options);
}

}  // namespace datagen::launcher
