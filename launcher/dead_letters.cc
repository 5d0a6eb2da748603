#include "launcher/dead_letters.h"

#include <simdjson.h>

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <filesystem>
#include <fstream>

namespace datagen::launcher {

namespace {

namespace dom = simdjson::dom;

std::string text_of(dom::element object, std::string_view key) {
  std::string_view value;
  return object[key].get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
}

std::uint64_t number(dom::element object, std::string_view key, std::uint64_t fallback) {
  std::uint64_t value = fallback;
  return object[key].get(value) == simdjson::SUCCESS ? value : fallback;
}

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
  letter.stage = text_of(root, "stage");
  letter.reason = text_of(root, "reason");
  letter.message = text_of(root, "message");
  letter.attempts = number(root, "attempts", 1);
  if (dom::element source; root["source"].get(source) == simdjson::SUCCESS) {
    letter.uri = text_of(source, "uri");
    letter.source_line = number(source, "line", 0);
  }
  dom::element record;
  if (root["record"].get(record) == simdjson::SUCCESS) {
    letter.record = simdjson::minify(record);
  } else if (root["record_base64"].get(record) == simdjson::SUCCESS) {
    letter.record = decode(text_of(root, "record_base64"));
  } else {
    letter.record = text_of(root, "record_text");
  }
  return letter;
}

// One for each sink, in the order of their names; none yet: none.
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

}  // namespace

Result<void> each_dead_letter(const std::string& run_directory, const DeadLetterFilter& filter,
                              const std::function<bool(const DeadLetter&)>& take) {
  dom::parser parser;
  for (const std::string& path : dead_letter_paths(run_directory)) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
      dom::element root;
      if (file.eof() || parser.parse(line).get(root) != simdjson::SUCCESS) continue;
      const DeadLetter letter = read_letter(line, root);
      if (filter.fits(letter) && !take(letter)) return success();
    }
    if (file.bad()) return Error("cannot read " + path);
  }
  return success();
}

}  // namespace datagen::launcher
