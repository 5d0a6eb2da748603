#include "launcher/worker_log.h"

#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "launcher/run_directory.h"

namespace datagen::launcher {

namespace {

constexpr std::string_view kCrashPrefix = "datagen-crash: ";
constexpr std::uint64_t kReadBytesMax = 64 << 10;  // 64 calls with long paths, and what was printed before
constexpr std::size_t kTailBytesMax = 4096;
constexpr std::size_t kTailLinesMax = 20;
constexpr std::size_t kLastWordsBytesMax = 500;

std::string read_end(const std::string& path, std::uint64_t from) {
  const std::uint64_t size = file_bytes(path);
  if (size <= from) return {};
  const std::uint64_t begin = size - std::min(size - from, kReadBytesMax);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  std::string text(size - begin, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  // What an operator prints may be any bytes.
  if (!simdjson::validate_utf8(text))
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

// The last lines of a text, with the line end of the last.
std::string last_lines(std::string text) {
  std::size_t begin = text.size();
  for (std::size_t lines = 0; begin > 0; ++lines) {
    const std::size_t newline = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
    const std::size_t line = newline == std::string::npos ? 0 : newline + 1;
    if (lines == kTailLinesMax || text.size() - line > kTailBytesMax) break;
    begin = line;
  }
  // One line that is longer than all there may be: its end.
  if (begin == text.size() && text.size() > kTailBytesMax) {
    begin = text.size() - kTailBytesMax;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) ++begin;
  }
  return text.substr(begin);
}

}  // namespace

std::string WorkerLog::last_words() const {
  std::string text = tail;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::string words = text.substr(text.rfind('\n') + 1);
  if (words.size() > kLastWordsBytesMax) words.clear();
  if (!crash.empty()) words += (words.empty() ? "" : "; ") + crash;
  return words;
}

WorkerLog read_worker_log(const std::string& path, std::uint64_t from) {
  WorkerLog log;
  const std::string text = read_end(path, from);
  std::size_t crash = text.rfind(kCrashPrefix);
  // Only at the start of a line: an operator may print what it likes.
  while (crash != std::string::npos && crash != 0 && text[crash - 1] != '\n')
    crash = text.rfind(kCrashPrefix, crash - 1);
  log.tail = last_lines(text.substr(0, crash));
  if (crash == std::string::npos) return log;
  const std::size_t end = text.find('\n', crash);
  const std::size_t begin = crash + kCrashPrefix.size();
  log.crash = text.substr(begin, end == std::string::npos ? end : end - begin);
  for (std::size_t at = end; at != std::string::npos && at + 1 < text.size();) {
    const std::size_t next = text.find('\n', at + 1);
    const std::string line = text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
    if (!line.empty()) log.calls.push_back(line);
    at = next;
  }
  return log;
}

bool rotate_log(const std::string& path, std::uint64_t bytes_max) {
  if (file_bytes(path) <= bytes_max) return false;
  constexpr int kKept = 3;
  std::error_code error;
  const auto aside = [&](int number) { return path + "." + std::to_string(number); };
  for (int number = kKept; number > 1; --number)
    std::filesystem::rename(aside(number - 1), aside(number), error);
  // Without room for a copy the text is lost, which is what gives room again.
  std::filesystem::copy_file(path, aside(1), std::filesystem::copy_options::overwrite_existing, error);
  std::filesystem::resize_file(path, 0, error);
  return true;
}

}  // namespace datagen::launcher
