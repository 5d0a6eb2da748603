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

}  // namespace

std::string Batches::add_file(std::string content) {
  files_.push_back(std::move(content));
  return fmt::format("file-{}", files_.size() - 1);
}

const std::string* Batches::file(std::string_view id) const {
  const std::size_t number = number_of(id);
  return number < files_.size() ? &files_[number] : nullptr;
}

// Of the form's parts only the one with a file name is looked at.
Batches::Answer Batches::upload(const std::string& body) {
  const std::string boundary = body.substr(0, body.find("\r\n"));
  const std::size_t name = body.find("filename=");
  const std::size_t begin = body.find("\r\n\r\n", name);
  const std::size_t end = body.find("\r\n" + boundary, begin);
  if (name == std::string::npos || begin == std::string::npos || end == std::string::npos)
    return refuse(400, "no file in the form");
  return {200,
          fmt::format(R"({{"id":"{}","object":"file"}})", add_file(body.substr(begin + 4, end - begin - 4)))};
}

void Batches::run(const std::string& requests, Batch& batch) {
  std::string output, errors;
  dom::parser parser;
  for (std::size_t at = 0; at < requests.size();) {
    const std::size_t end = std::min(requests.find('\n', at), requests.size());
    const dom::element request = parser.parse(requests.substr(at, end - at));
    at = end + 1;
    const std::string id = simdjson::minify(request["custom_id"]), body = simdjson::minify(request["body"]);
    const bool is_left_out = options_.end == "expired" && at >= requests.size();
    const Reply reply = behaviour_.answer(json::text_of(request, "url"), {}, body, 0);
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
  if (!output.empty()) batch.output = add_file(std::move(output));
  if (!errors.empty()) batch.errors = add_file(std::move(errors));
}

Batches::Answer Batches::begin(const std::string& body) {
  dom::parser parser;
  dom::element root, metadata;
  if (parser.parse(body).get(root) != simdjson::SUCCESS) return refuse(400, "no JSON");
  const std::string input = json::text_of(root, "input_file_id");
  const std::string* requests = file(input);
  if (requests == nullptr) return refuse(400, "no such file");
  Batch batch;
  batch.id = fmt::format("batch-{}", batches_.size());
  batch.input = input;
  batch.metadata = root["metadata"].get(metadata) == simdjson::SUCCESS ? simdjson::minify(metadata) : "null";
  batch.ends = std::chrono::steady_clock::now() + options_.time;
  if (options_.end != "failed") run(std::string(*requests), batch);
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

Batches::Answer Batches::answer(bool is_post, std::string_view target, const std::string& body) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/v1/files") return is_post ? upload(body) : refuse(405, "post a file");
  if (path == "/v1/batches") return is_post ? begin(body) : list(target.substr(path.size()));
  const std::string_view id = path.substr(std::min(path.find('/', 4) + 1, path.size()));
  if (path.starts_with("/v1/files/") && path.ends_with("/content")) {
    if (const std::string* content = file(id.substr(0, id.find('/')))) return {200, *content};
  }
  if (const std::size_t number = number_of(id); path.starts_with("/v1/batches/") && number < batches_.size())
    return {200, show(batches_[number])};
  return refuse(404, "no such thing");
}

}  // namespace datagen::test
