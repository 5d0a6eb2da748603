#include "launcher/crash_details.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "launcher/json_text.h"
#include "launcher/run_directory.h"
#include "runtime/commit_log.h"

namespace datagen::launcher {

namespace {

constexpr std::string_view kCrashLine = "datagen-crash: ";

// The lines behind the crash handler's own: "module(function+0x12) [0x…]" each.
struct SplitLog {
  std::string stderr_tail;
  std::string backtrace_json;
};
SplitLog split_log(const std::string& log) {
  SplitLog split;
  const std::size_t crash = log.rfind(kCrashLine);
  split.stderr_tail = log.substr(0, crash);
  if (crash == std::string::npos) return split;
  for (std::size_t begin = log.find('\n', crash); begin != std::string::npos && begin + 1 < log.size();) {
    const std::size_t end = log.find('\n', begin + 1);
    const std::string line = log.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
    if (!line.empty()) split.backtrace_json += (split.backtrace_json.empty() ? "" : ",") + json_string(line);
    begin = end;
  }
  return split;
}

std::string message_of(Death::Cause cause, const Ending& ending, int attempts) {
  const char* times = attempts == 1 ? "once" : "each time";
  if (cause == Death::Cause::timeout)
    return fmt::format("the record took longer than its time-out, {} of {} attempts", times, attempts);
  return fmt::format("the process that worked on the record {}, {} of {} attempts", describe_ending(ending),
                     times, attempts);
}

}  // namespace

std::string log_tail(const std::string& log_path, std::uint64_t from) {
  constexpr std::uint64_t kTailBytes = 4096;
  const std::uint64_t size = file_bytes(log_path);
  if (size <= from) return {};
  const std::uint64_t begin = size - std::min(size - from, kTailBytes);
  std::ifstream file(log_path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  std::string text(size - begin, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (begin > from) text.erase(0, text.find('\n') + 1);
  // What an operator prints may be any bytes.
  if (!simdjson::validate_utf8(text))
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

Result<void> write_crash_details(const std::string& run_directory, const GivenUp& given_up,
                                 Death::Cause cause, const Ending& ending, const std::string& log) {
  const std::string folder = run_directory + "/quarantine";
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  const SplitLog split = split_log(log);
  std::string details;
  if (ending.signalled) {
    const char* name = sigabbrev_np(ending.code);
    details = fmt::format("\"signal\":{}", name != nullptr ? json_string(fmt::format("SIG{}", name))
                                                           : std::to_string(ending.code));
  } else {
    details = fmt::format("\"exit_code\":{}", ending.code);
  }
  if (!split.stderr_tail.empty()) details += ",\"stderr\":" + json_string(split.stderr_tail);
  if (!split.backtrace_json.empty()) details += ",\"backtrace\":[" + split.backtrace_json + "]";
  const std::string text = fmt::format(
      "{{\"reason\":\"{}\",\"message\":{},\"attempts\":{},\"details\":{{{}}}}}\n", reason_of(cause),
      json_string(message_of(cause, ending, given_up.attempts)), given_up.attempts, details);
  // No need to be durable: should the machine fail, the record is tried anew.
  std::ofstream file(fmt::format("{}/{}.json", folder, given_up.number));
  if (!(file << text) || !file.flush()) return Error("cannot write the details of a crash to " + folder);
  return success();
}

}  // namespace datagen::launcher
