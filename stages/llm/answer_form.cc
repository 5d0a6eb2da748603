#include "llm/answer_form.h"

#include <simdjson.h>

#include <algorithm>
#include <stdexcept>

#include "llm/chat_request.h"
#include "llm/json_search.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;

// A list of members, or a map from members to fields; "*" alone is all of them.
std::vector<std::pair<std::string, std::string>> read_lift(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> lift;
  if (text == "*") return lift;
  dom::parser parser;
  dom::element root;
  const auto wrong = [] {
    return std::invalid_argument("expected a list of members, a map {member: field}, or \"*\"");
  };
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) throw wrong();
  std::string_view name;
  if (dom::array names; root.get(names) == simdjson::SUCCESS) {
    for (const dom::element entry : names) {
      if (entry.get(name) != simdjson::SUCCESS) throw wrong();
      lift.emplace_back(name, name);
    }
  } else if (dom::object map; root.get(map) == simdjson::SUCCESS) {
    for (const auto member : map) {
      if (member.value.get(name) != simdjson::SUCCESS) throw wrong();
      lift.emplace_back(member.key, name);
    }
  }
  if (lift.empty()) throw wrong();
  return lift;
}

std::string object_text(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string text = "{";
  for (const auto& [key, json] : members) text += (text.size() == 1 ? "" : ",") + json_text(key) + ":" + json;
  return text + "}";
}

void check_schema(std::string_view text) { JsonSchema{text}; }

}  // namespace

void AnswerForm::describe(Parameters& p) {
  p.json("schema").checked_by(check_schema).help("JSON Schema of the answer; it is asked for and checked");
  p.choice("response_format", {"json_schema", "json_object", "none"}, "none")
      .help("how the server is told; with a schema json_schema, unless json_object is given");
  p.boolean("tell_server", true)
      .help("false: the schema is only checked, for servers that do not know response_format");
  p.text("output").help("field for the answer (default: answer; with lift or explode: none)");
  p.boolean("keep_input", true).help("false: the record keeps only what is written here");
  p.json("lift")
      .checked_by([](std::string_view text) { read_lift(text); })
      .help("members of a JSON answer that become fields: a list, a map {member: field}, or \"*\"");
  p.text("explode").help(
      "member of a JSON answer, a list: each element becomes a child, and is what lift lifts from");
  p.text("output_model").help("field for the model that answered");
  p.text("output_reasoning").help("field for the reasoning that came with the answer");
  p.text("output_finish_reason").help("field for why the answer ended: stop, length, …");
}

AnswerForm::AnswerForm(const Context& c) {
  const auto text = [&](const char* name) {
    return c.has_param(name) ? c.param<std::string>(name) : std::string();
  };
  const std::string schema = text("schema"), format = text("response_format");
  is_json_ = !schema.empty() || format != "none";
  if (!schema.empty()) schema_ = std::make_unique<JsonSchema>(schema);
  if (schema.empty() && format == "json_schema")
    throw std::invalid_argument("response_format json_schema needs 'schema'");
  if (c.param<bool>("tell_server") && is_json_) {
    request_members_ =
        format == "json_object"
            ? R"(,"response_format":{"type":"json_object"})"
            : R"(,"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":)" +
                  schema + "}}";
  }
  keep_ = c.param<bool>("keep_input");
  const std::string lift = text("lift");
  lifts_all_ = lift == "*";
  if (!lift.empty()) lift_ = read_lift(lift);
  explode_ = text("explode");
  if ((!lift.empty() || !explode_.empty()) && !is_json_)
    throw std::invalid_argument(
        "'lift' and 'explode' need a JSON answer: give 'schema', or response_format: json_object");
  output_ = c.has_param("output") || !lift.empty() || !explode_.empty() ? text("output") : "answer";
  if (!explode_.empty() && lift.empty() && output_.empty()) lifts_all_ = true;
  output_model_ = text("output_model");
  output_reasoning_ = text("output_reasoning");
  output_finish_reason_ = text("output_finish_reason");
}

bool AnswerForm::has_what_is_taken(const dom::element& root) const {
  dom::array list;
  if (!explode_.empty()) return root[explode_].get(list) == simdjson::SUCCESS;
  return (lift_.empty() && !lifts_all_) || root.is_object();
}

Result<std::string> AnswerForm::check(const Choice& choice) const {
  if (choice.text.find_first_not_of(" \t\r\n") == std::string::npos)
    return Error("the answer is empty (it ended by: " +
                 (choice.finish_reason.empty() ? "nothing" : choice.finish_reason) + ")");
  if (!is_json_) return choice.text;
  std::string wrong;
  for (FoundJson& found : find_json(choice.text)) {
    dom::parser parser;
    dom::element root;
    // The last word on what is JSON is that of whoever will read the record.
    if (parser.parse(found.text).get(root) != simdjson::SUCCESS) continue;
    if (schema_ != nullptr) {
      const auto checked = schema_->check(found.text);
      if (!checked) {
        if (wrong.empty()) wrong = checked.error().message();
        continue;
      }
    }
    if (!has_what_is_taken(root)) {
      if (wrong.empty())
        wrong =
            explode_.empty() ? "it is no JSON object" : "it is no JSON object with a list '" + explode_ + "'";
      continue;
    }
    return std::move(found.text);
  }
  return Error(wrong.empty() ? "it holds no JSON" : wrong);
}

AnswerForm::Members AnswerForm::members_of(const GoodAnswer& answer, std::string_view value) const {
  Members members;
  const auto add = [&](std::string_view key, std::string json) {
    if (key.empty()) return;
    const auto same = std::ranges::find(members, key, &Members::value_type::first);
    if (same != members.end()) {
      same->second = std::move(json);
    } else {
      members.emplace_back(key, std::move(json));
    }
  };
  add(output_, is_json_ ? std::string(value) : json_text(value));
  dom::parser parser;
  dom::object lifted;
  if ((!lift_.empty() || lifts_all_) &&
      parser.parse(value.data(), value.size()).get(lifted) == simdjson::SUCCESS) {
    for (const auto member : lifted) {
      if (lifts_all_) add(member.key, simdjson::minify(member.value));
      for (const auto& [name, field] : lift_) {
        if (name == member.key) add(field, simdjson::minify(member.value));
      }
    }
  }
  add(output_model_, json_text(answer.model));
  add(output_reasoning_, json_text(answer.choice.reasoning));
  add(output_finish_reason_, json_text(answer.choice.finish_reason));
  return members;
}

void AnswerForm::write_whole(const Members& members, Item& item) const {
  if (keep_) {
    for (const auto& [key, json] : members) item.set_json(key, json);
  } else {
    item.assign_json(object_text(members));
  }
}

void AnswerForm::write_child(const Members& members, Item& item) const {
  if (!keep_) return item.emit_json(object_text(members));
  // Each child begins with the record as it came.
  std::vector<std::pair<std::string_view, Value>> before;
  for (const auto& [key, json] : members) {
    before.emplace_back(key, item.get(key));
    item.set_json(key, json);
  }
  item.emit_copy({});
  for (const auto& [key, value] : before) {
    if (value) {
      item.set(key, value);
    } else {
      item.erase(key);
    }
  }
}

void AnswerForm::write(const std::vector<GoodAnswer>& answers, bool one_wanted, Item& item) const {
  std::size_t children = 0;
  for (const GoodAnswer& answer : answers) {
    if (explode_.empty()) {
      const Members members = members_of(answer, answer.value);
      one_wanted ? write_whole(members, item) : write_child(members, item);
      ++children;
      continue;
    }
    dom::parser parser;
    for (const dom::element element : parser.parse(answer.value)[explode_].get_array()) {
      write_child(members_of(answer, std::string(simdjson::minify(element))), item);
      ++children;
    }
  }
  if (children == 0) item.drop("no_answers");  // an empty list to explode
}

}  // namespace datagen::llm
