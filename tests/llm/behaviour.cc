#include "llm/behaviour.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/json_fields.h"

namespace datagen::test {

namespace {

namespace dom = simdjson::dom;
using std::chrono::milliseconds;

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct Command {
  std::string_view name;
  std::string_view rest;
};

std::vector<Command> commands_in(std::string_view text) {
  std::vector<Command> found;
  for (std::size_t at = text.find("[["); at != std::string_view::npos; at = text.find("[[", at + 2)) {
    const std::size_t end = text.find("]]", at);
    if (end == std::string_view::npos) break;
    const std::string_view inner = text.substr(at + 2, end - at - 2);
    const std::size_t space = std::min(inner.find(' '), inner.size());
    found.push_back({inner.substr(0, space), inner.substr(std::min(space + 1, inner.size()))});
  }
  return found;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    if (space > 0) found.push_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return found;
}

int whole(std::string_view text, int fallback) {
  std::from_chars(text.data(), text.data() + text.size(), fallback);
  return fallback;
}

struct Request {
  std::string model = "test", user;
  std::uint64_t n = 1, prompt_tokens = 0;
  std::size_t answers = 0;  // assistant messages in the conversation
  bool stream = false, stream_usage = false;
  std::vector<std::string> input;  // of embeddings
  std::uint64_t dimensions = 2;
  bool is_base64 = false;
};

std::string text_of(dom::element content) {
  std::string_view text;
  if (content.get(text) == simdjson::SUCCESS) return std::string(text);
  std::string all;
  dom::array parts;
  if (content.get(parts) != simdjson::SUCCESS) return all;
  for (const dom::element part : parts) {
    if (part["text"].get(text) == simdjson::SUCCESS) all += text;
    if (part["image_url"]["url"].get(text) == simdjson::SUCCESS) all += "<" + std::string(text) + ">";
  }
  return all;
}

bool read(const std::string& body, Request& request) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return false;
  std::string_view text;
  if (root["model"].get(text) == simdjson::SUCCESS) request.model = text;
  request.n = json::number(root, "n", 1);
  request.stream = json::flag(root, "stream");
  dom::element options;
  request.stream_usage =
      root["stream_options"].get(options) == simdjson::SUCCESS && json::flag(options, "include_usage");
  std::size_t bytes = 0;
  if (dom::array messages; root["messages"].get(messages) == simdjson::SUCCESS) {
    for (const dom::element message : messages) {
      dom::element content;
      if (message["content"].get(content) != simdjson::SUCCESS) continue;
      const std::string said = text_of(content);
      bytes += said.size();
      if (message["role"].get(text) != simdjson::SUCCESS) continue;
      if (text == "assistant") ++request.answers;
      // What is asked for again stands in the first message.
      if (text == "user" && request.answers == 0) request.user = said;
    }
  }
  if (dom::array input; root["input"].get(input) == simdjson::SUCCESS) {
    for (const dom::element entry : input)
      request.input.push_back(text_of(entry)), bytes += request.input.back().size();
    if (!request.input.empty()) request.user = request.input.front();
  }
  request.dimensions = json::number(root, "dimensions", 2);
  request.is_base64 = json::text_of(root, "encoding_format") == "base64";
  request.prompt_tokens = bytes / 4 + 1;
  return true;
}

std::string answer_text(const Request& request, const std::vector<Command>& commands) {
  std::vector<std::string_view> said;
  for (const Command& command : commands) {
    if (command.name == "say" || command.name == "then") said.push_back(command.rest);
  }
  if (!said.empty()) return std::string(said[std::min(request.answers, said.size() - 1)]);
  std::string capitals = request.user;
  for (char& c : capitals) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return capitals;
}

std::string usage_json(const Reply& reply) {
  if (reply.fault == Fault::wrong_usage) return R"({"prompt_tokens":-5,"completion_tokens":"many"})";
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                     reply.prompt_tokens, reply.completion_tokens,
                     reply.prompt_tokens + reply.completion_tokens);
}

void damage(Reply& reply) {
  if (reply.fault == Fault::invalid_json) reply.body = "<html>not JSON</html>";
  if (reply.fault == Fault::truncated_json) reply.body.resize(reply.body.size() / 2);
}

void write_whole(const std::string& text, std::uint64_t choices, Reply& reply) {
  std::string list;
  for (std::uint64_t index = 0; index < choices; ++index) {
    const std::string said = index == 0 ? text : text + fmt::format(" #{}", index);
    list += fmt::format(
        R"({}{{"index":{},"message":{{"role":"assistant","content":{}}},"finish_reason":"stop"}})",
        index == 0 ? "" : ",", index, reply.fault == Fault::empty_answer ? "null" : json_string(said));
  }
  reply.body = fmt::format(R"({{"id":"x","object":"chat.completion","model":{},"choices":[{}])",
                           json_string(reply.model), list);
  if (reply.fault != Fault::no_usage) reply.body += ",\"usage\":" + usage_json(reply);
  reply.body += "}";
  damage(reply);
}

void write_stream(const std::string& text, std::uint64_t choices, bool with_usage, Reply& reply) {
  const auto event = [&](const std::string& list, const std::string& usage) {
    reply.chunks.push_back(
        fmt::format("data: {{\"object\":\"chat.completion.chunk\",\"model\":{},\"choices\":[{}]{}}}\n\n",
                    json_string(reply.model), list, usage));
  };
  for (std::uint64_t index = 0; index < choices; ++index) {
    const std::string said = index == 0 ? text : text + fmt::format(" #{}", index);
    for (std::size_t at = 0; at < said.size();) {
      std::size_t end = std::min(at + 16, said.size());
      while (end < said.size() && (static_cast<unsigned char>(said[end]) & 0xC0) == 0x80) ++end;
      event(fmt::format(R"({{"index":{},"delta":{{"content":{}}},"finish_reason":null}})", index,
                        json_string(said.substr(at, end - at))),
            "");
      at = end;
    }
    event(fmt::format(R"({{"index":{},"delta":{{}},"finish_reason":"stop"}})", index), "");
  }
  if (with_usage) event("", ",\"usage\":" + usage_json(reply));
  reply.chunks.emplace_back("data: [DONE]\n\n");
  if (reply.fault == Fault::cut_stream) reply.chunks.resize(reply.chunks.size() / 2);
}

// Made of the text's length, so that a test knows what belongs to it.
std::string vector_json(const Request& request, std::size_t length) {
  std::vector<float> values(request.dimensions, 0.5F);
  values.front() = static_cast<float>(length);
  if (!request.is_base64) return fmt::format("[{}]", fmt::join(values, ","));
  namespace codec = boost::beast::detail::base64;
  std::string text(codec::encoded_size(values.size() * sizeof(float)), '\0');
  text.resize(codec::encode(text.data(), values.data(), values.size() * sizeof(float)));
  return '"' + text + '"';
}

void write_embeddings(const Request& request, Reply& reply) {
  std::string list;
  const std::size_t count = request.input.size() - (reply.fault == Fault::fewer_choices ? 1 : 0);
  for (std::size_t index = count; index-- > 0;) {  // their order means nothing
    list += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":{}}})", list.empty() ? "" : ",",
                        index, vector_json(request, request.input[index].size()));
  }
  reply.body = fmt::format(
      R"({{"object":"list","model":{},"data":[{}],"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
      json_string(reply.model), list, reply.prompt_tokens, reply.prompt_tokens);
  damage(reply);
}

void write_error(int status, Reply& reply) {
  reply.status = status;
  reply.fault = Fault::none;
  reply.prompt_tokens = reply.completion_tokens = 0;
  reply.is_stream = false;
  reply.body = fmt::format(R"({{"error":{{"message":"status {} was asked for","type":"test"}}}})", status);
}

}  // namespace

Fault fault_of(std::string_view name) {
  constexpr std::pair<std::string_view, Fault> kFaults[] = {{"hang", Fault::hang},
                                                            {"reset", Fault::reset},
                                                            {"reset_in_body", Fault::reset_in_body},
                                                            {"invalid_json", Fault::invalid_json},
                                                            {"truncated_json", Fault::truncated_json},
                                                            {"empty_answer", Fault::empty_answer},
                                                            {"wrong_usage", Fault::wrong_usage},
                                                            {"no_usage", Fault::no_usage},
                                                            {"slow_stream", Fault::slow_stream},
                                                            {"cut_stream", Fault::cut_stream},
                                                            {"fewer_choices", Fault::fewer_choices}};
  for (const auto& [known, fault] : kFaults) {
    if (known == name) return fault;
  }
  throw std::invalid_argument("no fault '" + std::string(name) + "'");
}

bool Behaviour::is_over_rate() {
  if (options_.requests_per_minute == 0) return false;
  const auto now = std::chrono::steady_clock::now();
  if (recent_.size() < options_.requests_per_minute) {
    recent_.push_back(now);
    return false;
  }
  if (recent_[oldest_] + std::chrono::minutes(1) > now) return true;
  recent_[oldest_] = now;
  oldest_ = (oldest_ + 1) % recent_.size();
  return false;
}

Reply Behaviour::answer(std::string_view path, std::string_view authorization, const std::string& body,
                        std::size_t in_flight) {
  Reply reply;
  Request request;
  if (!read(body, request)) return write_error(400, reply), reply;
  reply.model = request.model;
  reply.user = request.user;
  reply.inputs = request.input.size();
  if (!takes(authorization)) {
    write_error(401, reply);
    // Some do so.
    reply.body = fmt::format(R"({{"error":{{"message":"wrong key: {}"}}}})", authorization);
    return reply;
  }
  const auto spread = (options_.latency_max - options_.latency_min).count();
  reply.latency = options_.latency_min;
  if (spread > 0)
    reply.latency += milliseconds(std::uniform_int_distribution<std::int64_t>(0, spread)(chance_));
  reply.prompt_tokens = request.prompt_tokens;
  const bool is_embedding = path.ends_with("/embeddings");
  if (!is_embedding && !path.ends_with("/chat/completions")) return write_error(404, reply), reply;
  const auto fail = [&](int status, int after) {
    write_error(status, reply);
    reply.latency = milliseconds(0);
    reply.retry_after_s = after;
    return reply;
  };
  if (forced_status_ != 200) return fail(forced_status_, -1);
  if (options_.in_flight_max > 0 && in_flight >= options_.in_flight_max)
    return fail(429, options_.retry_after_s);
  if (is_over_rate()) return fail(429, options_.retry_after_s);
  std::uniform_real_distribution<double> share(0, 1);
  if (share(chance_) < options_.error_429) return fail(429, options_.retry_after_s);
  if (share(chance_) < options_.error_500) return fail(500, -1);
  for (const auto& [fault, probability] : options_.faults) {
    if (share(chance_) < probability) reply.fault = fault;
  }
  const auto commands = commands_in(request.user);
  for (const std::string& said : is_embedding ? request.input : std::vector<std::string>{request.user}) {
    for (const Command& command : commands_in(said)) {
      const auto arguments = words(command.rest);
      const auto is_due = [&] {
        return times_[said]++ < (arguments.size() > 1 ? whole(arguments[1], 1) : 1);
      };
      if (command.name == "sleep" && !arguments.empty())
        reply.latency += milliseconds(whole(arguments[0], 0));
      if (command.name == "status" && !arguments.empty() && is_due())
        return fail(whole(arguments[0], 500), arguments.size() > 2 ? whole(arguments[2], -1) : -1);
      if (command.name == "fault" && !arguments.empty() && is_due()) reply.fault = fault_of(arguments[0]);
    }
  }
  if (is_embedding) return write_embeddings(request, reply), reply;
  const std::string text = answer_text(request, commands);
  const std::uint64_t choices = reply.fault == Fault::fewer_choices ? 1 : request.n;
  reply.completion_tokens = reply.fault == Fault::empty_answer ? 0 : choices * (text.size() / 4 + 1);
  reply.is_stream = request.stream;
  if (request.stream) {
    write_stream(text, choices, request.stream_usage && reply.fault != Fault::no_usage, reply);
  } else {
    write_whole(text, choices, reply);
  }
  return reply;
}

}  // namespace datagen::test
