#include "llm/batch_api.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include "llm/batch_file.h"
#include "llm/chat_answer.h"
#include "llm/chat_request.h"
#include "runtime/json_fields.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;
using Kind = BatchApi::Failure::Kind;
using json::text_of;

constexpr std::size_t kFileBytesMax = std::size_t{2} << 30;
constexpr int kPagesMax = 50;  // of the list of batches, of 100 each, the newest first

Result<BatchState> read_state(dom::element root) {
  BatchState state{text_of(root, "id"),
                   text_of(root, "input_file_id"),
                   text_of(root, "output_file_id"),
                   text_of(root, "error_file_id"),
                   text_of(root, "status"),
                   {},
                   {}};
  if (state.id.empty() || state.status.empty()) return Error("it has no id or status");
  dom::element inner;
  if (root["metadata"].get(inner) == simdjson::SUCCESS && inner.is_object())
    state.name = text_of(inner, "datagen");
  if (root["errors"].get(inner) == simdjson::SUCCESS && inner.is_object()) {
    for (const dom::element error : json::list(inner, "data"))
      state.failure += (state.failure.empty() ? "" : "; ") + text_of(error, "message");
  }
  return state;
}

BatchApi::Failure no_sense(std::string_view what, const std::string& body) {
  return {Kind::again,
          "the server's answer about " + std::string(what) + " makes no sense: " + error_message(body)};
}

BatchApi::Answer<BatchState> state_of(const std::string& body) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(body).get(root) != simdjson::SUCCESS || !root.is_object())
    return no_sense("a batch", body);
  auto state = read_state(root);
  if (!state) return no_sense("a batch", body);
  return std::move(state).value();
}

}  // namespace

bool BatchState::is_over() const {
  constexpr std::array<std::string_view, 4> kOver{"completed", "failed", "expired", "cancelled"};
  return std::ranges::find(kOver, status) != kOver.end();
}

BatchApi::BatchApi(EndpointSettings endpoint, std::chrono::milliseconds timeout,
                   std::function<bool()> is_cancelled)
    : endpoint_(std::move(endpoint)),
      timeout_(timeout),
      is_cancelled_(std::move(is_cancelled)),
      client_(loop_, 4) {}

BatchApi::~BatchApi() { loop_.stop(); }

BatchApi::Answer<std::string> BatchApi::ask(std::string_view path, std::string body, std::string content_type,
                                            const std::string& arguments) {
  HttpRequest request;
  request.url = endpoint_.url + std::string(path) + endpoint_.query;
  if (!arguments.empty()) request.url += (endpoint_.query.empty() ? "?" : "&") + arguments;
  request.headers = endpoint_.headers;
  request.ca_file = endpoint_.ca_file;
  request.is_get = content_type.empty();
  request.body = std::move(body);
  request.content_type = std::move(content_type);
  request.timeout = timeout_;
  request.answer_bytes_max = kFileBytesMax;
  std::promise<HttpResponse> answered;
  auto answer = answered.get_future();
  HttpClient::Transfer* transfer = nullptr;
  loop_.post([&] {
    transfer = client_.start(std::move(request), [&](HttpResponse response) {
      transfer = nullptr;
      answered.set_value(std::move(response));
    });
  });
  while (answer.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
    if (!is_cancelled_()) continue;
    std::promise<void> ended;
    loop_.post([&] {
      if (transfer != nullptr) client_.cancel(transfer);
      ended.set_value();
    });
    ended.get_future().wait();
    return Failure{Kind::cancelled, "the run is being stopped"};
  }
  HttpResponse response = answer.get();
  if (response.failure != HttpResponse::Failure::none)
    return Failure{Kind::again, endpoint_.name + ": " + response.error};
  if (response.status >= 200 && response.status < 300) return std::move(response.body);
  const bool is_missing = response.status == 404 || response.status == 405;
  const bool is_busy = response.status == 408 || response.status == 429 || response.status >= 500;
  return Failure{is_missing ? Kind::missing
                 : is_busy  ? Kind::again
                            : Kind::refused,
                 endpoint_.name + ": status " + std::to_string(response.status) + ": " +
                     endpoint_.without_secrets(error_message(response.body))};
}

BatchApi::Answer<BatchApi::File> BatchApi::upload(std::string_view name, std::string_view content) {
  const std::string boundary = "----" + std::string(name);  // random, so no record holds it
  std::string body;
  body.reserve(content.size() + 512);
  body += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--" +
          boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
          ".jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n";
  body += content;
  body += "\r\n--" + boundary + "--\r\n";
  DATAGEN_TRY(const std::string answer,
              ask("/files", std::move(body), "multipart/form-data; boundary=" + boundary));
  return file_of(answer);
}

BatchApi::Answer<BatchApi::File> BatchApi::look_at_file(std::string_view file) {
  DATAGEN_TRY(const std::string answer, ask("/files/" + std::string(file), {}, {}));
  return file_of(answer);
}

// Azure looks through a file for a while, and refuses batches of it meanwhile.
BatchApi::Answer<BatchApi::File> BatchApi::file_of(const std::string& answer) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(answer).get(root) != simdjson::SUCCESS || text_of(root, "id").empty())
    return no_sense("a file", answer);
  const std::string status = text_of(root, "status");
  if (status == "error")
    return Failure{Kind::refused, endpoint_.name + " refuses the file of requests: " +
                                      text_of(root, "status_details", "it does not say why")};
  return File{text_of(root, "id"), status != "pending" && status != "running"};
}

BatchApi::Answer<BatchState> BatchApi::create(std::string_view file, std::string_view name) {
  DATAGEN_TRY(const std::string answer,
              ask("/batches",
                  "{\"input_file_id\":" + json_text(file) +
                      ",\"endpoint\":" + json_text(chat_path(endpoint_.is_azure)) +
                      R"(,"completion_window":"24h","metadata":{"datagen":)" + json_text(name) + "}}",
                  "application/json"));
  return state_of(answer);
}

BatchApi::Answer<BatchState> BatchApi::look(std::string_view batch) {
  DATAGEN_TRY(const std::string answer, ask("/batches/" + std::string(batch), {}, {}));
  return state_of(answer);
}

BatchApi::Answer<std::optional<BatchState>> BatchApi::find(std::string_view file, std::string_view name) {
  std::string after;
  for (int page = 0; page < kPagesMax; ++page) {
    DATAGEN_TRY(const std::string answer, ask("/batches", {}, {}, "limit=100" + after));
    dom::parser parser;
    dom::element root;
    if (parser.parse(answer).get(root) != simdjson::SUCCESS || !root.is_object())
      return no_sense("its batches", answer);
    for (const dom::element entry : json::list(root, "data")) {
      auto state = read_state(entry);
      if (!state) return no_sense("its batches", answer);
      if (state.value().name == name || state.value().input_file == file) return std::move(state).value();
      after = "&after=" + state.value().id;
    }
    if (!json::flag(root, "has_more")) break;
  }
  return std::optional<BatchState>();
}

BatchApi::Answer<std::string> BatchApi::content(std::string_view file) {
  return ask("/files/" + std::string(file) + "/content", {}, {});
}

}  // namespace datagen::llm
