// What a chat server answered, whole or as a stream, and how it is kept in the ledger.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/result.h"

namespace datagen::llm {

struct Choice {
  std::string text;
  std::string reasoning;      // of models that show it
  std::string finish_reason;  // "stop", "length", …
};

struct ChatAnswer {
  std::string model, endpoint;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::vector<Choice> choices;
  std::string defect;  // why nothing of it can be used although it was paid for; empty: it can

  // For the ledger.
  std::string encode() const;
  // Error: not what encode() wrote.
  static Result<ChatAnswer> decode(std::string_view bytes);
};

// Of a body with status 200. Error: it is no answer of this API; the server has worked for it all the same.
// `body` may be mended in place.
Result<ChatAnswer> parse_answer(std::string& body);
// The same of a stream of events. Error also: it has no end.
Result<ChatAnswer> parse_stream(std::string_view body);

// A body that was paid for: what is wrong with it is the answer's defect.
ChatAnswer read_paid(std::string& body, bool is_streamed, const std::string& model,
                     const std::string& endpoint);

// What answers of all kinds share. Tokens as the server says; what is no count is none.
std::int64_t usage_tokens(simdjson::dom::element root, const char* name);
// A body that is whole but not quite JSON is mended in place. What is returned lives as long as body and
// parser are left alone.
Result<simdjson::dom::element> parse_body(simdjson::dom::parser& parser, std::string& body);
// "the server's answer WHY: …"
Error no_answer(const std::string& why, std::string_view body);

// What a server says in a body with another status: its message, or the beginning of the body.
std::string error_message(std::string_view body);

}  // namespace datagen::llm
