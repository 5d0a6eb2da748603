#include "launcher/dead_letters.h"
#include "runtime/json_fields.h"

#include <simdjson.h>

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace datagen::launcher {

namespace {

namespace dom = simdjson::dom;
using json::number;
using json::text_of;

std::string decode(std::string_view base64) {
  namespace codec = boost::beast::detail::base64;
  std::string bytes(codec::decoded_size(base64.size()), '\0');
  bytes.resize(codec::decode(bytes.data(), base64.data(), base64.size()).first);
  return bytes;
}

DeadLetter read_letter(std::string line, dom::element root) {
  DeadLetter letter;
  letter.line = std::move(line);
  std::uint64_t row = 0;
  letter.id = root["id"].get(row) == simdjson::SUCCESS ? std::to_string(row) : text_of(root, "id");
  // "10_0_3" is a child of row 10; "end_0" has no row.
  const std::size_t digits = std::min(letter.id.find('_'), letter.id.size());
  const auto parsed = std::from_chars(letter.id.data(), letter.id.data() + digits, row);
  if (parsed.ec == std::errc() && parsed.ptr == letter.id.data() + digits) {
    letter.row = row;
    letter.path = letter.id.substr(std::min(digits + 1, letter.id.size()));
  } else {
    letter.path = letter.id;
  }
  letter.stage = text_of(root, "stage");
  letter.reason = text_of(root, "reason");
  letter.message = text_of(root, "message");
  letter.attempts = number(root, "attempts", 1);
  if (dom::element source; root["source"].get(source) == simdjson::SUCCESS) {
    letter.uri = text_of(source, "uri");
    letter.source_line = number(source, "line", 0);
    letter.source_offset = number(source, "offset", 0);
  }
  dom::element record;
  if (root["record"].get(record) == simdjson::SUCCESS) {
    letter.record = simdjson::minify(record);
  } else if (root["record_base64"].get(record) == simdjson::SUCCESS) {
    letter.record = decode(text_of(root, "record_base64"));
  } else {
    letter.record = text_of(root, "record_text");
  }
  letter.is_whole =
      root["record_bytes"].error() != simdjson::SUCCESS && root["record_base64"].error() != simdjson::SUCCESS;
  return letter;
}

using Place = std::pair<std::string, std::uint64_t>;  // file, and where the line begins

Result<std::map<Place, std::string>> read_replayed(const std::string& run_directory) {
  std::map<Place, std::string> replayed;
  DATAGEN_TRY(const std::string text, read_replay_notes(run_directory));
  std::istringstream lines(text);
  dom::parser parser;
  for (std::string line; std::getline(lines, line);) {
    dom::element root;
    if (parser.parse(line).get(root) != simdjson::SUCCESS) continue;
    replayed[{text_of(root, "file"), number(root, "at", 0)}] = text_of(root, "replayed");
  }
  return replayed;
}

constexpr const char* kStoppedBy = "/stopped_by.jsonl";

}  // namespace

std::optional<DeadLetter> parse_dead_letter(const std::string& line) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(line).get(root) != simdjson::SUCCESS) return {};
  return read_letter(line, root);
}

std::optional<DeadLetter> stopping_record(const std::string& run_directory) {
  std::ifstream file(run_directory + kStoppedBy);
  std::string line;
  return std::getline(file, line) ? parse_dead_letter(line) : std::nullopt;
}

void forget_stopping_record(const std::string& run_directory) {
  std::error_code error;
  std::filesystem::remove(run_directory + kStoppedBy, error);
}

std::vector<std::string> dead_letter_paths(const std::string& run_directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_directory, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("dead_letter.") && name.ends_with(".jsonl")) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

Result<std::string> read_replay_notes(const std::string& run_directory) {
  const std::string path = run_directory + "/replayed.jsonl";
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::string();  // never replayed
  std::stringstream text;
  text << file.rdbuf();
  if (file.bad()) return Error("cannot read " + path);
  return text.str();
}

Result<void> each_dead_letter(const std::string& run_directory, const DeadLetterFilter& filter,
                              const std::function<bool(const DeadLetter&)>& take) {
  DATAGEN_TRY(const auto replayed, read_replayed(run_directory));
  dom::parser parser;
  for (const std::string& path : dead_letter_paths(run_directory)) {
    const std::string name = std::filesystem::path(path).filename();
    std::ifstream file(path);
    std::string line;
    std::uint64_t begin = 0;
    for (; std::getline(file, line); begin += line.size() + 1) {
      dom::element root;
      if (file.eof() || parser.parse(line).get(root) != simdjson::SUCCESS) continue;
      DeadLetter letter = read_letter(line, root);
      letter.file = name;
      letter.at = begin;
      if (const auto found = replayed.find({name, begin}); found != replayed.end()) {
        letter.replayed = found->second;
        letter.line.insert(letter.line.size() - 1, ",\"replayed\":\"" + letter.replayed + "\"");
      }
      if (filter.fits(letter) && !take(letter)) return success();
    }
    if (file.bad()) return Error("cannot read " + path);
  }
  return success();
}

}  // namespace datagen::launcher
