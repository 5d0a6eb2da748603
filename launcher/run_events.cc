#include "launcher/run_events.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "launcher/counters.h"
#include "launcher/dead_letters.h"
#include "launcher/json_text.h"
#include "runtime/commit_log.h"
#include "runtime/run_files.h"

namespace datagen::launcher {

namespace {

constexpr std::chrono::seconds kProgressInterval{1};
constexpr std::uint64_t kLetterBytesAtOnce = 256 << 10;

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? std::to_string(number) : std::string("SIG") + name;
}

std::string letters_path(const std::string& run_directory, const Plan& plan, const PlannedStage& sink) {
  const auto sinks = std::ranges::count(plan.stages, StageKind::sink, &PlannedStage::kind);
  return dead_letter_path(run_directory, sink.id, static_cast<std::size_t>(sinks));
}

}  // namespace

RunEvents::RunEvents(Hooks& hooks, const std::string& run_directory, const RuntimeFile& runtime)
    : hooks_(hooks), run_directory_(run_directory), runtime_(runtime) {
  if (!hooks_.want("dead_letter")) return;
  const Plan& plan = runtime_.plan;
  for (const PlannedStage& sink : plan.stages) {
    if (sink.kind != StageKind::sink || sink.workers() == 0) continue;
    Letters& letters = letters_[sink.id];
    letters.path = letters_path(run_directory_, plan, sink);
    // Those that an earlier launcher saw committed were its to tell.
    const auto commits = read_commits(done_path(run_directory_, sink), plan.stage_names());
    if (!commits || commits.value().empty()) continue;
    letters.position = letters.committed = commits.value().back().commit.dead_letter_bytes;
  }
}

void RunEvents::run_start() {
  hooks_.tell(HookEvent("run_start")
                  .text("run_directory", run_directory_)
                  .number("generation", runtime_.generation)
                  .json("resumed", std::ranges::any_of(runtime_.parts,
                                                       [](const PartStart& part) {
                                                         return part.is_sealed || part.resume.has_value();
                                                       })
                                       ? "true"
                                       : "false")
                  .number("pid", static_cast<std::uint64_t>(getpid())));
}

void RunEvents::graph_start(bool is_again) {
  if (is_again) {
    hooks_.tell(HookEvent("graph_restart")
                    .number("generation", runtime_.generation)
                    .number("frame", runtime_.start_of(0).resume ? runtime_.start_of(0).resume->seq : 0));
  }
  if (!hooks_.want("stage_start")) return;
  for (const PlannedStage& stage : runtime_.plan.stages) {
    if (stage.workers() == 0) continue;
    hooks_.tell(HookEvent("stage_start")
                    .text("stage", stage.id)
                    .text("kind", name_of(stage.kind))
                    .number("workers", stage.workers()));
  }
}

void RunEvents::worker_restart(const PlannedStage& stage, std::uint32_t worker, pid_t pid) {
  hooks_.tell(HookEvent("worker_restart")
                  .text("stage", stage.id)
                  .number("worker", worker)
                  .number("pid", static_cast<std::uint64_t>(pid)));
}

void RunEvents::worker_death(const PlannedStage& stage, std::uint32_t worker, pid_t pid,
                             const Ending& ending) {
  if (!hooks_.want("worker_death")) return;
  HookEvent event("worker_death");
  event.text("stage", stage.id).number("worker", worker).number("pid", static_cast<std::uint64_t>(pid));
  if (ending.signalled) event.text("signal", signal_name(ending.code));
  if (!ending.signalled) event.number("exit_code", static_cast<std::uint64_t>(ending.code));
  event.json("by_a_record", ending.is_attributed ? "true" : "false");
  hooks_.tell(event.text("message", ending.message));
}

void RunEvents::stage_finish(const PlannedStage& stage) {
  hooks_.tell(HookEvent("stage_finish").text("stage", stage.id));
}

void RunEvents::run_stop(const Verdict& why) {
  if (std::exchange(has_stopped_, true)) return;
  if (why.kind == Verdict::Kind::failed)
    hooks_.tell(HookEvent("stage_error").text("stage", why.stage).text("message", why.message));
  HookEvent event("run_stop");
  if (why.signal != 0) event.text("signal", signal_name(why.signal));
  if (!why.stage.empty()) event.text("stage", why.stage);
  hooks_.tell(event.text("message", why.message));
}

// Where a resume would go on; what is newer is done, and told, again.
std::uint64_t RunEvents::newest_common_mark(std::uint32_t part) const {
  std::uint64_t newest = ~std::uint64_t{0};
  for (const PlannedStage& stage : runtime_.plan.stages) {
    if (stage.part != part || !stage.commits()) continue;
    const auto commits = read_commits(done_path(run_directory_, stage), runtime_.plan.stage_names());
    if (!commits || commits.value().empty()) return 0;
    newest = std::min(newest, commits.value().back().commit.mark);
  }
  return newest;
}

// The newest line of each sink of the part that is not newer than the mark.
void RunEvents::commit(std::uint32_t part, std::uint64_t mark) {
  if (!hooks_.want("commit") && !hooks_.want("usage") && letters_.empty()) return;
  const Plan& plan = runtime_.plan;
  const std::vector<std::string> names = plan.stage_names();
  Commit newest;
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  std::map<std::pair<std::string, std::string>, Usage> usage;
  for (const PlannedStage& sink : plan.stages) {
    if (sink.kind != StageKind::sink || sink.part != part) continue;
    const auto commits = read_commits(done_path(run_directory_, sink), names);
    if (!commits) continue;  // the run itself will say so
    const auto found = std::find_if(commits.value().rbegin(), commits.value().rend(),
                                    [&](const LoggedCommit& logged) { return logged.commit.mark <= mark; });
    if (found == commits.value().rend()) continue;
    const Commit& commit = found->commit;
    if (const auto letters = letters_.find(sink.id); letters != letters_.end())
      letters->second.committed = std::max(letters->second.committed, commit.dead_letter_bytes);
    written += commit.output_records;
    for (const auto& [index, stage] : commit.totals.stages()) {
      if (index == 0) read += stage.counts.in;
      for (const auto& [model, used] : paid_by_model(stage.usage)) usage[{names[index], model}] += used;
    }
    newest.mark = commit.mark;
    newest.seq = commit.seq;
    newest.sealed = commit.sealed;
  }
  hooks_.tell(HookEvent("commit")
                  .number("generation", runtime_.generation)
                  .number("part", part)
                  .number("mark", newest.mark & 0xffff'ffff)
                  .number("frames", newest.seq)
                  .json("sealed", newest.sealed ? "true" : "false")
                  .number("read", read)
                  .number("written", written));
  tell_usage(usage);
}

void RunEvents::tell_usage(const std::map<std::pair<std::string, std::string>, Usage>& usage) {
  for (const auto& [name, used] : usage) {
    if (used_[name] == used.calls) continue;
    used_[name] = used.calls;
    hooks_.tell(HookEvent("usage")
                    .text("stage", name.first)
                    .text("model", name.second)
                    .number("calls", used.calls)
                    .number("prompt_tokens", used.prompt_tokens)
                    .number("completion_tokens", used.completion_tokens)
                    .json("cost", fmt::format("{:.9g}", used.cost())));
  }
}

bool RunEvents::tell_letters(std::uint64_t bytes_max) {
  bool is_all = true;
  for (auto& [sink, letters] : letters_) {
    if (letters.position >= letters.committed) continue;
    std::ifstream file(letters.path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(letters.position));
    const std::uint64_t end = std::min(letters.committed, letters.position + bytes_max);
    for (std::string line; letters.position < end && std::getline(file, line);) {
      letters.position += line.size() + 1;
      const auto letter = parse_dead_letter(line);
      if (!letter) continue;
      HookEvent event("dead_letter");
      event.text("stage", letter->stage).text("id", letter->id).text("reason", letter->reason);
      event.text("message", letter->message).number("attempts", letter->attempts);
      hooks_.tell(event.json("source",
                             fmt::format("{{\"uri\":{},\"line\":{},\"offset\":{}}}", json_string(letter->uri),
                                         letter->source_line, letter->source_offset)));
    }
    if (!file) letters.position = letters.committed;  // it is gone; the run itself will say so
    is_all = is_all && letters.position >= letters.committed;
  }
  return is_all;
}

void RunEvents::tick(const ipc::Control& control, std::size_t restarts) {
  hooks_.flush();
  tell_letters(kLetterBytesAtOnce);
  const auto now = std::chrono::steady_clock::now();
  if (!hooks_.want("progress") || now < progress_at_ + kProgressInterval) return;
  progress_at_ = now;
  std::string stages;
  std::uint64_t written = 0, dropped = 0, dead = 0;
  for (const PlannedStage& stage : runtime_.plan.stages) {
    const auto sum = [&](ipc::AtomicWord ipc::Counters::*counter) {
      return sum_counter(control, stage, counter);
    };
    const std::uint64_t out = sum(&ipc::Counters::records_out);
    const std::uint64_t stage_dropped = sum(&ipc::Counters::dropped);
    const std::uint64_t stage_dead = sum(&ipc::Counters::dead);
    dropped += stage_dropped;
    dead += stage_dead;
    if (stage.kind == StageKind::sink && !runtime_.plan.is_followed(stage)) written += out;
    stages += fmt::format("{}{{\"stage\":{},\"in\":{},\"out\":{},\"dropped\":{},\"dead\":{}}}",
                          stages.empty() ? "" : ",", json_string(stage.id), sum(&ipc::Counters::records_in),
                          out, stage_dropped, stage_dead);
  }
  hooks_.tell(
      HookEvent("progress")
          .number("read", sum_counter(control, runtime_.plan.stages.front(), &ipc::Counters::records_in))
          .number("written", written)
          .number("dropped", dropped)
          .number("dead", dead)
          .number("restarts", restarts)
          .json("stages", "[" + stages + "]"));
}

void RunEvents::run_end(const RunEnd& end, int exit_code) {
  for (std::uint32_t part = 0; part < runtime_.plan.parts(); ++part) commit(part, newest_common_mark(part));
  while (!tell_letters(kLetterBytesAtOnce)) hooks_.flush();
  hooks_.tell(HookEvent("run_end")
                  .text("outcome", name_of(end.verdict.kind))
                  .number("exit_code", static_cast<std::uint64_t>(exit_code))
                  .text("message", end.verdict.message)
                  .json("seconds", json_number(static_cast<double>(end.time.count()) / 1000))
                  .json("sealed", end.audit.sealed ? "true" : "false")
                  .number("read", end.audit.read())
                  .number("written", end.audit.output_records)
                  .number("dropped", end.audit.dropped())
                  .number("dead", end.audit.dead())
                  .number("restarts", end.restarts));
}

}  // namespace datagen::launcher
