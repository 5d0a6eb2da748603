#include "program/answers.h"

#include <datagen/errors.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <optional>

namespace datagen {

namespace {

namespace dom = simdjson::dom;

constexpr const char* kDropped = "dropped by the program";

[[noreturn]] void refuse(const std::string& message) { throw BadRecord("bad_answer", message); }

std::string shown(std::string_view answer) {
  constexpr std::size_t kShownBytesMax = 200;
  std::size_t length = std::min(answer.size(), kShownBytesMax);
  while (length < answer.size() && (answer[length] & 0xc0) == 0x80) --length;  // not within a character
  return std::string(answer.substr(0, length)) + (length < answer.size() ? " …" : "");
}

// One line, read.
class Answer {
 public:
  explicit Answer(std::string_view line) : line_(line) {
    if (!simdjson::validate_utf8(line.data(), line.size())) refuse("the program's answer is not UTF-8");
    if (parser_.parse(line.data(), line.size()).get(root_) != simdjson::SUCCESS)
      refuse("the program's answer is not JSON: " + shown(line));
    if (!root_.is_object() && !root_.is_array() && !root_.is_null())
      refuse("the program's answer is no object, array of objects or null: " + shown(line));
  }

  // As in "_i" of its object; nothing where there is none.
  std::optional<std::string> id() const {
    dom::element id;
    if (!root_.is_object() || root_["_i"].get(id) != simdjson::SUCCESS) return std::nullopt;
    std::string_view text;
    return id.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(id);
  }

  void apply(Item& item) const {
    if (root_.is_null()) return item.drop(kDropped);
    if (root_.is_object()) {
      item.assign_json(line_);
      return item.erase("_i");
    }
    const dom::array children = root_.get_array();
    if (children.size() == 0) return item.drop(kDropped);
    for (const dom::element child : children) {
      if (!child.is_object())
        refuse("the program's answer has an element that is no object: " + shown(line_));
    }
    emit_elements(item);
  }

  void emit(Item& item) const { emit_without_id(item, line_); }

 private:
  // Their own text, so that numbers keep theirs.
  void emit_elements(Item& item) const {
    item.assign_json("{\"children\":" + std::string(line_) + "}");
    for (const Value child : item.get("children")) emit_without_id(item, child.raw());
  }

  static void emit_without_id(Item& item, std::string_view object) {
    item.assign_json(object);
    item.erase("_i");
    item.emit_copy({});
  }

  std::string_view line_;
  dom::parser parser_;
  dom::element root_;
};

std::vector<std::string_view> lines_of(std::string_view output) {
  std::vector<std::string_view> lines;
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    const std::string_view line = output.substr(0, end);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.push_back(line);
    output = end == std::string_view::npos ? std::string_view() : output.substr(end + 1);
  }
  return lines;
}

}  // namespace

std::string line_for(const Item& item) {
  std::string line = item.json();
  const bool is_empty =
      item.get("_i").type() == Value::Type::missing && line.find_first_not_of(" \t", 1) == line.size() - 1;
  line.pop_back();  // the object's bracket: json() ends with it
  const std::string id = item.id();
  line += std::string(is_empty ? "" : ",") + "\"_i\":";
  line += id.find('_') == std::string::npos ? id : '"' + id + '"';
  return line + '}';
}

void apply_answer(Item& item, std::string_view text) {
  const Answer answer(text);
  const auto id = answer.id();
  if (id && *id != item.id())
    refuse("the program answered to record " + *id + " when it was asked about " + item.id() +
           ": it must answer each line with one, in order");
  answer.apply(item);
}

void apply_answers(Batch& batch, const std::string& output) {
  const std::vector<std::string_view> lines = lines_of(output);
  std::map<std::string, std::vector<std::string_view>> by_id;
  std::size_t named = 0;
  for (const std::string_view line : lines) {
    const auto id = Answer(line).id();
    if (!id) continue;
    by_id[*id].push_back(line);
    ++named;
  }
  if (named != 0 && named != lines.size())
    refuse("some of the program's lines have \"_i\" and some have not; pass it on in all, or in none");
  if (named == 0 && !lines.empty() && lines.size() != batch.size())
    refuse("the program gave " + std::to_string(lines.size()) + " lines for " + std::to_string(batch.size()) +
           " records; let it pass on \"_i\", so that it is known whose they are");
  for (std::size_t index = 0; index < batch.size(); ++index) {
    Item& item = batch[index];
    if (named == 0) {
      if (lines.empty()) item.drop(kDropped);
      if (!lines.empty()) Answer(lines[index]).apply(item);
      continue;
    }
    const auto found = by_id.find(item.id());
    if (found == by_id.end()) {
      item.drop(kDropped);
      continue;
    }
    if (found->second.size() == 1) Answer(found->second.front()).apply(item);
    if (found->second.size() > 1) {
      for (const std::string_view line : found->second) Answer(line).emit(item);
    }
    by_id.erase(found);
  }
  if (!by_id.empty())
    refuse("the program's answer names record " + by_id.begin()->first + ", which it was not given");
}

}  // namespace datagen
