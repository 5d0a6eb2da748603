// What an answer has to be: text, or JSON of a schema; and how it becomes fields of the record.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <datagen/context.h>
#include <datagen/item.h>

#include "ipc/result.h"
#include "llm/chat_answer.h"
#include "llm/json_schema.h"

namespace datagen::llm {

// One answer of the model that can be used.
struct GoodAnswer {
  Choice choice;
  std::string value;  // the text, or the JSON that was found in it
  std::string model;
};

class AnswerForm {
 public:
  static void describe(Parameters& parameters);
  // Throws std::invalid_argument for parameters that do not go together.
  explicit AnswerForm(const Context& context);

  // What the request says about it: members, each with a comma before.
  const std::string& request_members() const { return request_members_; }
  // The text, or the JSON that was found in it. Error: what is wrong with it.
  Result<std::string> check(const Choice& choice) const;
  // Writes good answers into the record: into itself when one was wanted, else into a child for each.
  void write(const std::vector<GoodAnswer>& answers, bool one_wanted, Item& item) const;

 private:
  using Members = std::vector<std::pair<std::string, std::string>>;  // field, JSON
  bool has_what_is_taken(const simdjson::dom::element& root) const;
  // The fields that an answer makes, or an element of its list.
  Members members_of(const GoodAnswer& answer, std::string_view value) const;
  void write_whole(const Members& members, Item& item) const;
  void write_child(const Members& members, Item& item) const;

  bool is_json_ = false;
  std::unique_ptr<JsonSchema> schema_;  // null: any JSON
  std::string request_members_;
  bool keep_ = true;
  std::string output_, output_model_, output_reasoning_, output_finish_reason_;  // fields; empty: not written
  bool lifts_all_ = false;
  std::vector<std::pair<std::string, std::string>> lift_;  // member of the answer, field of the record
  std::string explode_;                                    // member whose elements become children
};

}  // namespace datagen::llm
