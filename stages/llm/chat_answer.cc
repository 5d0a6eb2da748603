#include "llm/chat_answer.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "llm/chat_request.h"
#include "llm/json_repair.h"
#include "runtime/json_fields.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;
using json::list;
using json::text_of;

constexpr std::size_t kShownBytes = 300;

std::int64_t tokens(dom::element object, const char* name) {
  std::int64_t count = 0;
  return object[name].get(count) == simdjson::SUCCESS && count > 0 ? count : 0;
}

// In a stream most events have none.
void read_usage(dom::element root, ChatAnswer& answer) {
  dom::element usage;
  if (root["usage"].get(usage) != simdjson::SUCCESS || !usage.is_object()) return;
  answer.prompt_tokens = tokens(usage, "prompt_tokens");
  answer.completion_tokens = tokens(usage, "completion_tokens");
}

// Adds what a message, or a piece of it in a stream, says.
void add_said(dom::element message, Choice& choice) {
  choice.text += text_of(message, "content");
  choice.reasoning += text_of(message, "reasoning_content");
  // The word of newer vLLM and OpenRouter.
  choice.reasoning += text_of(message, "reasoning");
}

std::string beginning(std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    std::string readable(text.substr(0, kShownBytes));
    for (char& c : readable) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
    return readable;
  }
  if (text.size() <= kShownBytes) return std::string(text);
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

Error no_answer(const std::string& why, std::string_view body) {
  return Error("the server's answer " + why + ": " + beginning(body));
}

std::int64_t usage_tokens(dom::element root, const char* name) {
  dom::element usage;
  return root["usage"].get(usage) == simdjson::SUCCESS && usage.is_object() ? tokens(usage, name) : 0;
}

Result<dom::element> parse_body(dom::parser& parser, std::string& body) {
  dom::element root;
  const auto parse = [&] {
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    return parser.parse(body.data(), body.size(), false).get(root);
  };
  auto error = parse();
  if (error != simdjson::SUCCESS && body.starts_with('{')) {
    // It is paid for. Servers have written escapes that JSON does not have.
    const auto mended = repair_json(body);
    if (!mended.empty() && !mended.front().is_truncated && mended.front().length == body.size()) {
      body = mended.front().text;
      error = parse();
    }
  }
  if (error != simdjson::SUCCESS)
    return no_answer(std::string("is no JSON (") + simdjson::error_message(error) + ")", body);
  return root;
}

Result<ChatAnswer> parse_answer(std::string& body) {
  thread_local dom::parser parser;
  DATAGEN_TRY(const dom::element root, parse_body(parser, body));
  ChatAnswer answer;
  answer.model = text_of(root, "model");
  read_usage(root, answer);
  for (const dom::element given : list(root, "choices")) {
    Choice choice;
    dom::element message;
    if (given["message"].get(message) == simdjson::SUCCESS) add_said(message, choice);
    choice.finish_reason = text_of(given, "finish_reason");
    answer.choices.push_back(std::move(choice));
  }
  if (answer.choices.empty()) return no_answer("has no choices", body);
  return answer;
}

Result<ChatAnswer> parse_stream(std::string_view body) {
  thread_local dom::parser parser;
  ChatAnswer answer;
  bool has_end = false;
  for (std::size_t at = 0; at < body.size() && !has_end;) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    std::string_view line = body.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    while (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line == "[DONE]") {
      has_end = true;
      continue;
    }
    dom::element event;
    if (parser.parse(line.data(), line.size()).get(event) != simdjson::SUCCESS)
      return no_answer("has an event that is no JSON", line);
    if (dom::element error; event["error"].get(error) == simdjson::SUCCESS && !error.is_null())
      return no_answer("ended with an error", error_message(line));
    if (const std::string model = text_of(event, "model"); !model.empty()) answer.model = model;
    read_usage(event, answer);
    for (const dom::element given : list(event, "choices")) {
      const std::uint64_t index = json::number(given, "index");
      if (index > 1000) return no_answer("has a choice with a number that was not asked for", line);
      if (answer.choices.size() <= index) answer.choices.resize(index + 1);
      Choice& choice = answer.choices[index];
      dom::element delta;
      if (given["delta"].get(delta) == simdjson::SUCCESS) add_said(delta, choice);
      if (std::string reason = text_of(given, "finish_reason"); !reason.empty())
        choice.finish_reason = std::move(reason);
    }
  }
  // Some servers leave the end out.
  const auto is_finished = [](const Choice& choice) { return !choice.finish_reason.empty(); };
  if (!has_end && !(std::ranges::all_of(answer.choices, is_finished) && !answer.choices.empty()))
    return Error("the stream of the answer ended early");
  if (answer.choices.empty()) return no_answer("has no choices", body);
  return answer;
}

ChatAnswer read_paid(std::string& body, bool is_streamed, const std::string& model,
                     const std::string& endpoint) {
  auto read = is_streamed ? parse_stream(body) : parse_answer(body);
  ChatAnswer answer;
  if (read) {
    answer = std::move(read).value();
  } else {
    answer.defect = read.error().message();
  }
  if (answer.model.empty()) answer.model = model;
  answer.endpoint = endpoint;
  return answer;
}

std::string error_message(std::string_view body) {
  dom::parser parser;
  dom::element root, error;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return beginning(body);
  std::string message;
  if (root["error"].get(error) == simdjson::SUCCESS)
    message = error.is_object() ? text_of(error, "message") : error.is_string() ? text_of(root, "error") : "";
  if (message.empty()) message = text_of(root, "message");
  if (message.empty()) message = text_of(root, "detail");
  return beginning(message.empty() ? body : std::string_view(message));
}

std::string ChatAnswer::encode() const {
  std::string text = "{\"model\":" + json_text(model) + ",\"endpoint\":" + json_text(endpoint) +
                     ",\"prompt_tokens\":" + std::to_string(prompt_tokens) +
                     ",\"completion_tokens\":" + std::to_string(completion_tokens);
  if (!defect.empty()) text += ",\"defect\":" + json_text(defect);
  text += ",\"choices\":[";
  for (const Choice& choice : choices) {
    if (&choice != &choices.front()) text += ',';
    text += "{\"text\":" + json_text(choice.text);
    if (!choice.reasoning.empty()) text += ",\"reasoning\":" + json_text(choice.reasoning);
    text += ",\"finish_reason\":" + json_text(choice.finish_reason) + "}";
  }
  return text + "]}";
}

Result<ChatAnswer> ChatAnswer::decode(std::string_view bytes) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(bytes.data(), bytes.size()).get(root) != simdjson::SUCCESS || !root.is_object())
    return Error("a result in the ledger is damaged");
  ChatAnswer answer;
  answer.model = text_of(root, "model");
  answer.endpoint = text_of(root, "endpoint");
  answer.prompt_tokens = tokens(root, "prompt_tokens");
  answer.completion_tokens = tokens(root, "completion_tokens");
  answer.defect = text_of(root, "defect");
  for (const dom::element choice : list(root, "choices"))
    answer.choices.push_back(
        {text_of(choice, "text"), text_of(choice, "reasoning"), text_of(choice, "finish_reason")});
  return answer;
}

}  // namespace datagen::llm
