#include "launcher/crash_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "launcher/json_text.h"

namespace datagen::launcher {

namespace {

std::string message_of(Death::Cause cause, const Ending& ending, int attempts) {
  const char* times = attempts == 1 ? "once" : "each time";
  if (cause == Death::Cause::out_of_memory)
    return fmt::format("the process that worked on the record ran out of memory, {} of {} attempts", times,
                       attempts);
  if (cause == Death::Cause::timeout)
    return fmt::format("the record took longer than its time-out, {} of {} attempts", times, attempts);
  return fmt::format("the process that worked on the record {}, {} of {} attempts", describe_ending(ending),
                     times, attempts);
}

}  // namespace

Result<void> write_crash_details(const std::string& run_directory, const GivenUp& given_up,
                                 Death::Cause cause, const Ending& ending, const WorkerLog& log,
                                 Symbols& symbols) {
  const std::string folder = run_directory + "/quarantine";
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  std::string details;
  if (ending.signalled) {
    const char* name = sigabbrev_np(ending.code);
    details = fmt::format("\"signal\":{}", name != nullptr ? json_string(fmt::format("SIG{}", name))
                                                           : std::to_string(ending.code));
  } else {
    details = fmt::format("\"exit_code\":{}", ending.code);
  }
  if (!log.crash.empty()) details += ",\"crash\":" + json_string(log.crash);
  if (!log.tail.empty()) details += ",\"stderr\":" + json_string(log.tail);
  std::string backtrace;
  for (const std::string& call : symbols.describe(log.calls))
    backtrace += (backtrace.empty() ? "" : ",") + json_string(call);
  if (!backtrace.empty()) details += ",\"backtrace\":[" + backtrace + "]";
  const std::string text = fmt::format(
      "{{\"reason\":\"{}\",\"message\":{},\"attempts\":{},\"details\":{{{}}}}}\n", reason_of(cause),
      json_string(message_of(cause, ending, given_up.attempts)), given_up.attempts, details);
  // No need to be durable: should the machine fail, the record is tried anew.
  std::ofstream file(fmt::format("{}/{}.json", folder, given_up.number));
  if (!(file << text) || !file.flush()) return Error("cannot write the details of a crash to " + folder);
  return success();
}

}  // namespace datagen::launcher
