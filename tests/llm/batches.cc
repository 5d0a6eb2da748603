#include "llm/batches.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/json_fields.h"

namespace datagen::test {

namespace {

namespace dom = simdjson::dom;

Batches::Answer refuse(int status, std::string_view why) {
  return {status, fmt::format(R"({{"error":{{"message":"{}"}}}})", why)};
}

// The number in "file-7"; of anything else one that none has.
std::size_t number_of(std::string_view id) {
  std::size_t number = SIZE_MAX;
  const std::size_t dash = std::min(id.find('-') + 1, id.size());
  std::from_chars(id.data() + dash, id.data() + id.size(), number);
  return number;
}

constexpr std::string_view kOpenAi = "/v1", kAzure = "/openai";

}  // namespace

bool Batches::owns(std::string_view path) {
  for (const std::string_view base : {kOpenAi, kAzure}) {
    const std::string_view rest = path.substr(std::min(base.size(), path.size()));
    if (path.starts_with(base) && (rest.starts_with("/files") || rest.starts_with("/batches"))) return true;
  }
  return false;
}

std::string Batches::add_file(std::string content, std::chrono::milliseconds pending) {
  files_.push_back({std::move(content), std::chrono::steady_clock::now() + pending});
  return fmt::format("file-{}", files_.size() - 1);
}

const Batches::File* Batches::file(std::string_view id) const {
  const std::size_t number = number_of(id);
  return number < files_.size() ? &files_[number] : nullptr;
}

std::string Batches::show_file(std::string_view id) const {
  const bool is_ready = std::chrono::steady_clock::now() >= file(id)->ready;
  return fmt::format(R"({{"id":"{}","object":"file","status":"{}","status_details":null}})", id,
                     is_ready ? "processed" : "pending");
}

// Of the form's parts only the one with a file name is looked at.
Batches::Answer Batches::upload(const std::string& body) {
  const std::string boundary = body.substr(0, body.find("\r\n"));
  const std::size_t name = body.find("filename=");
  const std::size_t begin = body.find("\r\n\r\n", name);
  const std::size_t end = body.find("\r\n" + boundary, begin);
  if (name == std::string::npos || begin == std::string::npos || end == std::string::npos)
    return refuse(400, "no file in the form");
  return {200, show_file(add_file(body.substr(begin + 4, end - begin - 4), options_.file_time))};
}

void Batches::run(const std::string& requests, std::string_view url, std::string_view key, Batch& batch) {
  std::string output, errors;
  dom::parser parser;
  for (std::size_t at = 0; at < requests.size();) {
    const std::size_t end = std::min(requests.find('\n', at), requests.size());
    const dom::element request = parser.parse(requests.substr(at, end - at));
    at = end + 1;
    const std::string id = simdjson::minify(request["custom_id"]), body = simdjson::minify(request["body"]);
    const bool is_left_out = options_.end == "expired" && at >= requests.size();
    const bool is_for_chat = json::text_of(request, "url") == url;
    const Reply reply = behaviour_.answer(is_for_chat ? url : "elsewhere", key, body, 0);
    if (is_left_out || (reply.status == 200 && reply.fault != Fault::none)) {
      errors +=
          fmt::format(
              R"({{"id":"r","custom_id":{},"response":null,"error":{{"code":"batch_expired","message":"too late"}}}})",
              id) +
          "\n";
      continue;
    }
    note_(reply);
    (reply.status == 200 ? output : errors) +=
        fmt::format(
            R"({{"id":"r","custom_id":{},"response":{{"status_code":{},"request_id":"x","body":{}}},"error":null}})",
            id, reply.status, reply.body) +
        "\n";
  }
  // The order of results means nothing.
  if (!output.empty()) batch.output = add_file(std::move(output), {});
  if (!errors.empty()) batch.errors = add_file(std::move(errors), {});
}

Batches::Answer Batches::begin(const std::string& body, std::string_view url, std::string_view key) {
  dom::parser parser;
  dom::element root, metadata;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return refuse(400, "no JSON");
  const std::string input = json::text_of(root, "input_file_id");
  const File* requests = file(input);
  if (requests == nullptr) return refuse(400, "no such file");
  if (std::chrono::steady_clock::now() < requests->ready)
    return refuse(400, "the file is in 'pending' state");
  if (json::text_of(root, "endpoint") != url) return refuse(400, "no such endpoint");
  Batch batch;
  batch.id = fmt::format("batch-{}", batches_.size());
  batch.input = input;
  batch.metadata = root["metadata"].get(metadata) == simdjson::SUCCESS ? simdjson::minify(metadata) : "null";
  batch.ends = std::chrono::steady_clock::now() + options_.time;
  if (options_.end != "failed") run(std::string(requests->content), url, key, batch);
  batches_.push_back(batch);
  return {200, show(batch)};
}

std::string Batches::show(const Batch& batch) const {
  const bool is_over = std::chrono::steady_clock::now() >= batch.ends;
  const auto id_json = [&](const std::string& id) {
    return is_over && !id.empty() ? '"' + id + '"' : std::string("null");
  };
  return fmt::format(
      R"({{"id":"{}","object":"batch","status":"{}","input_file_id":"{}","output_file_id":{},"error_file_id":{},"metadata":{},"errors":{}}})",
      batch.id, is_over ? options_.end : "in_progress", batch.input, id_json(batch.output),
      id_json(batch.errors), batch.metadata,
      options_.end == "failed" ? R"({"data":[{"message":"the test wants it so"}]})" : "null");
}

// The newest first.
Batches::Answer Batches::list(std::string_view query) const {
  if (!options_.lists) return refuse(404, "no such path");
  const auto value = [&](std::string_view key) {
    std::size_t number = SIZE_MAX;
    if (const std::size_t at = query.find(key); at != std::string_view::npos)
      std::from_chars(query.data() + at + key.size(), query.data() + query.size(), number);
    return number;
  };
  const std::size_t limit = std::min<std::size_t>(value("limit="), 100), after = value("after=batch-");
  std::string shown;
  std::size_t count = 0, at = std::min(after, batches_.size());
  for (; at > 0 && count < limit; --at, ++count) shown += (count > 0 ? "," : "") + show(batches_[at - 1]);
  return {200, fmt::format(R"({{"object":"list","data":[{}],"has_more":{}}})", shown, at > 0)};
}

Batches::Answer Batches::answer(bool is_post, std::string_view target, std::string_view key,
                                const std::string& body) {
  const bool is_azure = target.starts_with(kAzure);
  const std::string_view rest = target.substr(is_azure ? kAzure.size() : kOpenAi.size());
  const std::string_view path = rest.substr(0, rest.find('?'));
  if (path == "/files") return is_post ? upload(body) : refuse(405, "post a file");
  if (path == "/batches" && is_post)
    return begin(body, is_azure ? "/chat/completions" : "/v1/chat/completions", key);
  if (path == "/batches") return list(rest.substr(path.size()));
  const std::string_view thing = path.substr(std::min(path.find('/', 1) + 1, path.size()));
  const std::string_view id = thing.substr(0, thing.find('/'));
  if (path.starts_with("/files/") && file(id) != nullptr)
    return {200, path.ends_with("/content") ? file(id)->content : show_file(id)};
  if (const std::size_t number = number_of(id); path.starts_with("/batches/") && number < batches_.size())
    return {200, show(batches_[number])};
  return refuse(404, "no such thing");
}

}  // namespace datagen::test
