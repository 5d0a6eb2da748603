#include "launcher/gather_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

#include "launcher/dead_letters.h"
#include "launcher/generation.h"
#include "launcher/replay.h"
#include "launcher/run_lock.h"
#include "runtime/json_fields.h"

namespace datagen::launcher {

namespace {

constexpr std::uint64_t kLettersReadMax = 20'000;
constexpr std::size_t kSamplesMax = 3;
constexpr std::size_t kRecordBytesMax = 400;

// At most so many bytes, and no half characters.
std::string cut_record(std::string record) {
  if (record.size() <= kRecordBytesMax) return record;
  std::size_t end = kRecordBytesMax;
  while (end > 0 && (static_cast<unsigned char>(record[end]) & 0xc0) == 0x80) --end;
  return record.substr(0, end) + "…";
}

Result<void> gather_letters(ReportData& data) {
  std::uint64_t count = 0;
  const auto read = each_dead_letter(data.directory, {}, [&](const DeadLetter& letter) {
    if (++count > kLettersReadMax) return data.all_letters_read = false;
    auto group = std::ranges::find_if(data.dead_letters, [&](const DeadLetterGroup& known) {
      return known.stage == letter.stage && known.reason == letter.reason;
    });
    if (group == data.dead_letters.end()) {
      data.dead_letters.push_back({letter.stage, letter.reason, 0, {}});
      group = data.dead_letters.end() - 1;
    }
    ++group->count;
    if (group->samples.size() < kSamplesMax) {
      group->samples.push_back({letter.id, letter.message,
                                fmt::format("{} line {}", letter.uri, letter.source_line),
                                cut_record(letter.record)});
    }
    return true;
  });
  DATAGEN_TRY(read);
  std::ranges::stable_sort(data.dead_letters, std::ranges::greater{}, &DeadLetterGroup::count);
  return success();
}

// What report.json says of the run's end; without one it has not ended, or nobody was left to tell.
void gather_outcome(ReportData& data) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto holder = holder_of(data.directory);
  if (holder && *holder != getpid()) {
    data.outcome = "running";
  } else if (parser.load(data.directory + "/report.json").get(root) == simdjson::SUCCESS) {
    const std::uint64_t code = json::number(root, "exit_code");
    data.outcome = code == 0 ? "complete" : fmt::format("stopped (exit {})", code);
    data.message = json::text_of(root, "message");
  } else {
    data.outcome = is_complete(data.directory, data.runtime.plan) ? "complete" : "stopped";
  }
}

}  // namespace

Result<ReportData> gather_report(const std::string& run_directory) {
  DATAGEN_TRY(RuntimeFile runtime, read_runtime_file(run_directory));
  DATAGEN_TRY(runtime.plan, own_plan(run_directory, runtime));
  DATAGEN_TRY(Audit audit, audit_run(run_directory, runtime.plan));
  History history = History::load(run_directory, runtime.plan);
  return gather_report(run_directory, std::move(runtime), std::move(audit), std::move(history));
}

Result<ReportData> gather_report(const std::string& run_directory, RuntimeFile runtime, Audit audit,
                                 History history) {
  ReportData data{std::move(runtime), run_directory, {}, {}, std::move(audit), std::move(history), {}, true};
  DATAGEN_TRY(gather_letters(data));
  gather_outcome(data);
  return data;
}

Result<std::string> write_report_page(const ReportData& data) {
  const std::string path = data.directory + "/report.html";
  std::ofstream file(path, std::ios::binary);
  file << report_page(data);
  file.close();
  if (file) return path;
  const int why = errno;
  unlink(path.c_str());
  return Error::from_errno("cannot write " + path, why);
}

}  // namespace datagen::launcher
