// The commands about one run, living or ended: stop, dead-letters, trace, repro.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "launcher/commands.h"
#include "launcher/dead_letters.h"
#include "launcher/find_rows.h"
#include "launcher/parameter_check.h"
#include "launcher/process.h"
#include "launcher/report.h"
#include "launcher/run_folder.h"
#include "launcher/run_lock.h"
#include "launcher/runtime_file.h"

namespace datagen::launcher {

namespace fs = std::filesystem;

int stop_command(const std::string& run) {
  const auto path = find_run(run, fs::current_path());
  if (!path) return refuse(path.error().message());
  const auto launcher = holder_of(path.value());
  if (!launcher) return refuse(path.value() + " is not running");
  kill(*launcher, SIGINT);
  // The lock is free when the launcher has ended; there is nothing else to wait on in another process.
  for (int turn = 0; turn < 200; ++turn) {
    if (!holder_of(path.value())) return kComplete;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  complain(fmt::format("process {} was asked to end, but has not yet", *launcher));
  return kStoppedByFailure;
}

int dead_letters_command(const DeadLettersArguments& arguments) {
  const auto path = find_run(arguments.run, fs::current_path());
  if (!path) return refuse(path.error().message());
  const DeadLetterFilter filter{arguments.stage, arguments.reason, arguments.id};
  const auto done = each_dead_letter(path.value(), filter, [&](const DeadLetter& letter) {
    if (arguments.json) {
      std::fprintf(stdout, "%s\n", letter.line.c_str());
      return true;
    }
    const std::string times = letter.attempts > 1 ? fmt::format(", {} attempts", letter.attempts) : "";
    std::fputs(fmt::format("{}  {}  {}: {}  ({} line {}{})\n", letter.id, letter.stage, letter.reason,
                           letter.message, letter.uri, letter.source_line, times)
                   .c_str(),
               stdout);
    return true;
  });
  return done ? kComplete : refuse(done.error().message());
}

int trace_command(const std::string& run, const std::string& id) {
  const auto path = find_run(run, fs::current_path());
  if (!path) return refuse(path.error().message());
  const auto runtime = read_runtime_file(path.value());
  if (!runtime) return refuse(runtime.error().message());
  const std::string row = id.substr(0, id.find('_'));
  const auto number = parse_whole(row);
  if (!number || number.value() < 0)
    return refuse(fmt::format("'{}' is no lineage id: a row such as 10, or a child of one such as 10_0", id));
  const auto found =
      find_rows(path.value(), runtime.value().plan, {static_cast<std::uint64_t>(number.value())});
  if (!found) return refuse(found.error().message());
  const FoundRow& place = found.value().front();
  std::fputs((place.place + "\n" + place.record + "\n").c_str(), stdout);
  return kComplete;
}

int repro_command(const std::string& run, const std::string& id, bool gdb) {
  const auto path = find_run(run, fs::current_path());
  if (!path) return refuse(path.error().message());
  const auto runtime = read_runtime_file(path.value());
  if (!runtime) return refuse(runtime.error().message());
  std::optional<DeadLetter> found;
  const auto read = each_dead_letter(path.value(), {{}, {}, id},
                                     [&](const DeadLetter& letter) { return found = letter, false; });
  if (!read) return refuse(read.error().message());
  if (const auto stopping = stopping_record(path.value()); !found && stopping && stopping->id == id)
    found = stopping;
  if (!found)
    return refuse(fmt::format("{} has no dead letter of record {} (all: datagen dead-letters {})",
                              path.value(), id, path.value()));
  const auto& stages = runtime.value().plan.stages;
  const auto stage = std::ranges::find(stages, found->stage, &PlannedStage::id);
  if (stage == stages.end() || stage->kind != StageKind::stage) {
    return refuse(
        fmt::format("record {} did not fail in a stage but in '{}': {}", id, found->stage, found->message));
  }
  const std::string file = fmt::format("{}/repro.{}.jsonl", path.value(), id);
  if (!(std::ofstream(file) << found->record << '\n')) return refuse("cannot write " + file);
  std::vector<std::string> argv;
  if (gdb) argv = {"gdb", "--args"};
  argv.insert(argv.end(), {stage->executable, "--in", file, "--threads", "1"});
  for (const std::string& setting : settings_of(stage->params)) argv.insert(argv.end(), {"--set", setting});
  complain(fmt::format("{}", fmt::join(argv, " ")));
  std::vector<char*> pointers;
  for (std::string& word : argv) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  return refuse(fmt::format("cannot start {}: {}", argv[0], std::strerror(errno)));
}

}  // namespace datagen::launcher
