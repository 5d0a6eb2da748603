#include "llm/chat_request.h"

#include <simdjson.h>

#include <stdexcept>

#include "runtime/byte_buffer.h"
#include "runtime/json_write.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kCompletionTokens = 256;  // of an answer without a limit

// A text, or a list of them.
std::string stop_json(const std::string& given) {
  dom::parser parser;
  dom::array list;
  if (parser.parse(given).get(list) != simdjson::SUCCESS) return json_text(given);
  return simdjson::minify(list);
}

std::string number_text(double value) {
  ByteBuffer out;
  append_json_number(out, value);
  return std::string(out.view());
}

std::string message(std::string_view role, std::string_view content_json) {
  return R"({"role":")" + std::string(role) + R"(","content":)" + std::string(content_json) + "}";
}

// An image as the API takes it: a URL is passed on, base64 gets the type that its first bytes show.
std::string image_url(std::string_view image) {
  if (image.starts_with("http://") || image.starts_with("https://") || image.starts_with("data:"))
    return std::string(image);
  const char* type = image.starts_with("/9j/")     ? "jpeg"
                     : image.starts_with("R0lGOD") ? "gif"
                     : image.starts_with("UklGR")  ? "webp"
                                                   : "png";
  return std::string("data:image/") + type + ";base64," + std::string(image);
}

std::string image_parts(const Value& images) {
  const auto part = [](std::string_view image) {
    return R"(,{"type":"image_url","image_url":{"url":)" + json_text(image_url(image)) + "}}";
  };
  if (images.type() != Value::Type::array) return part(images.as<std::string_view>());
  std::string parts;
  for (const Value image : images) parts += part(image.as<std::string_view>());
  return parts;
}

}  // namespace

std::string json_text(std::string_view text) {
  ByteBuffer out;
  append_json_string(out, text);
  return std::string(out.view());
}

void check_template(std::string_view text) { Template{text}; }

void check_members(std::string_view text) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS)
    throw std::invalid_argument("expected a map");
}

std::string extra_members(const Context& c) {
  if (!c.has_param("extra")) return {};
  dom::parser parser;
  const auto extra = c.param<std::string>("extra");
  const dom::object members = parser.parse(extra).get_object();
  std::string text;
  for (const auto member : members)
    text += "," + json_text(member.key) + ":" + std::string(simdjson::minify(member.value));
  return text;
}

void ChatRequests::describe(Parameters& p) {
  p.text("prompt").checked_by(check_template).help("the user's message; {field} is the record's, {{ a brace");
  p.text("system").checked_by(check_template).help("the system's message, with fields as in prompt");
  p.text("messages").help("field that holds the whole conversation, instead of prompt");
  p.text("images").help("field with an image's URL or base64, or a list of them");
  p.number("temperature").min(0).help("of sampling");
  p.number("top_p").min(0).max(1).help("of sampling");
  p.integer("max_tokens").min(1).help("most tokens of an answer");
  p.integer("seed").help("of sampling, where the server has one");
  p.json("stop").help("text, or list of texts, that ends an answer");
  p.json("extra").checked_by(check_members).help("further members of the request, as they are");
}

ChatRequests::ChatRequests(const Context& c, std::string_view form_members)
    : completion_tokens_(kCompletionTokens) {
  const auto text = [&](const char* name) {
    return c.has_param(name) ? c.param<std::string>(name) : std::string();
  };
  prompt_ = Template(text("prompt"));
  system_ = Template(text("system"));
  messages_field_ = text("messages");
  image_field_ = text("images");
  if (prompt_.is_empty() == messages_field_.empty())
    throw std::invalid_argument("give either 'prompt' or 'messages'");
  if (!messages_field_.empty() && !(system_.is_empty() && image_field_.empty()))
    throw std::invalid_argument(
        "'system' and 'images' go with 'prompt'; with 'messages' they stand in the messages");
  stream_ = c.has_param("stream") && c.param<bool>("stream");
  for (const char* name : {"temperature", "top_p"}) {
    if (c.has_param(name))
      sampling_ += ",\"" + std::string(name) + "\":" + number_text(c.param<double>(name));
  }
  if (c.has_param("max_tokens")) {
    completion_tokens_ = c.param<std::int64_t>("max_tokens");
    sampling_ += ",\"max_tokens\":" + std::to_string(completion_tokens_);
  }
  if (c.has_param("seed")) sampling_ += ",\"seed\":" + std::to_string(c.param<std::int64_t>("seed"));
  if (c.has_param("stop")) sampling_ += ",\"stop\":" + stop_json(text("stop"));
  if (stream_) sampling_ += R"(,"stream":true,"stream_options":{"include_usage":true})";
  sampling_ += form_members;
  sampling_ += extra_members(c);
}

std::string ChatRequests::messages(const Item& item) const {
  if (!messages_field_.empty()) {
    const Value given = item.get(messages_field_);
    if (given.type() != Value::Type::array || given.size() == 0)
      throw BadRecord("bad_messages",
                      "field '" + messages_field_ + "' of record " + item.id() + " is no list of messages");
    const std::string_view list = given.raw();
    return std::string(list.substr(1, list.size() - 2));
  }
  std::string messages;
  if (!system_.is_empty()) messages = message("system", json_text(system_.fill(item))) + ",";
  const std::string prompt = json_text(prompt_.fill(item));
  if (image_field_.empty()) return messages + message("user", prompt);
  return messages + message("user", R"([{"type":"text","text":)" + prompt + "}" +
                                        image_parts(item.get(image_field_)) + "]");
}

std::string ChatRequests::messages_again(std::string_view messages, std::string_view answer,
                                         std::string_view error) {
  return std::string(messages) + "," + message("assistant", json_text(answer)) + "," +
         message("user", json_text("That answer cannot be used: " + std::string(error) +
                                   "\nAnswer again, with nothing but the corrected JSON."));
}

std::string ChatRequests::members(std::string_view messages, std::int64_t n) const {
  std::string body = "\"messages\":[" + std::string(messages) + "]" + sampling_;
  if (n > 1) body += ",\"n\":" + std::to_string(n);
  return body;
}

std::string with_model(std::string_view members, std::string_view model) {
  return "{\"model\":" + json_text(model) + "," + std::string(members) + "}";
}

}  // namespace datagen::llm
