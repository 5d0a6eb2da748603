#include "llm/batch_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "llm/chat_answer.h"
#include "llm/chat_request.h"
#include "runtime/json_fields.h"

namespace datagen::llm {

namespace dom = simdjson::dom;

std::string batch_request(std::string_view id, std::string_view members, std::string_view model,
                          bool is_azure) {
  return "{\"custom_id\":" + json_text(id) + R"(,"method":"POST","url":)" + json_text(chat_path(is_azure)) +
         ",\"body\":" + with_model(members, model) + "}";
}

std::string custom_id(const CallKey& question) {
  return fmt::format("{}#{}-{:08x}", question.record, question.attempt, question.request[0] >> 32);
}

Result<BatchResult> parse_batch_result(std::string_view line) {
  thread_local dom::parser parser;
  dom::element root, response, body, error;
  if (parser.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return Error("a line of a result file is no JSON object: " + std::string(line.substr(0, 200)));
  BatchResult result;
  result.custom_id = json::text_of(root, "custom_id");
  if (result.custom_id.empty()) return Error("a line of a result file has no custom_id");
  if (root["response"].get(response) == simdjson::SUCCESS && response.is_object()) {
    result.status = static_cast<int>(json::number(response, "status_code"));
    if (response["body"].get(body) == simdjson::SUCCESS) result.body = simdjson::minify(body);
  }
  if (root["error"].get(error) == simdjson::SUCCESS && error.is_object())
    result.error = json::text_of(error, "message", json::text_of(error, "code", "unknown"));
  if (result.error.empty() && result.status != 200) result.error = error_message(result.body);
  return result;
}

}  // namespace datagen::llm
