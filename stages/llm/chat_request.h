// The body of a chat request: what is asked of the model. It holds nothing that depends on the endpoint, so
// it also names the answer in the ledger.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/context.h>
#include <datagen/item.h>

#include "llm/template.h"

namespace datagen::llm {

class ChatRequests {
 public:
  static void describe(Parameters& parameters);
  // `form_members`: what the form of answers adds, see AnswerForm. Throws std::invalid_argument for
  // parameters that do not go together.
  ChatRequests(const Context& context, std::string_view form_members);

  // The conversation to begin with, as the elements of a JSON array. Throws BadRecord.
  std::string messages(const Item& item) const;
  // The same after an answer that was no good: with the answer, and what is wrong with it.
  static std::string messages_again(std::string_view messages, std::string_view answer,
                                    std::string_view error);

  // The body without its model, as the members of a JSON object; `n` choices are asked for.
  std::string members(std::string_view messages, std::int64_t n) const;
  bool is_streamed() const { return stream_; }
  // Of one answer: max_tokens, or a guess.
  std::int64_t completion_tokens() const { return completion_tokens_; }

 private:
  Template prompt_, system_;
  std::string messages_field_, image_field_;
  std::int64_t completion_tokens_;
  bool stream_ = false;
  std::string sampling_;  // members, each with a comma before
};

// The whole body for a model.
std::string with_model(std::string_view members, std::string_view model);

// The parameter `extra`: further members as they are, each with a comma before.
std::string extra_members(const Context& context);
// For parameters. Throw std::invalid_argument.
void check_template(std::string_view text);
void check_members(std::string_view json);

// JSON text of a string.
std::string json_text(std::string_view text);

}  // namespace datagen::llm
