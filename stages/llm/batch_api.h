// The files and batches of a server, one request at a time: each function waits for its answer. Every answer
// may be asked for again but that of create(), which begins what is paid for.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <datagen/context.h>

#include "ipc/result.h"
#include "llm/endpoint.h"
#include "llm/event_loop.h"
#include "llm/http_client.h"

namespace datagen::llm {

// What a server says of one of its batches.
struct BatchState {
  std::string id, input_file, output_file, error_file;
  std::string status;   // "validating", "in_progress", "completed", "failed", "expired", "cancelled", …
  std::string name;     // that create() gave it
  std::string failure;  // of one that has failed
  bool is_over() const;
};

class BatchApi {
 public:
  // `endpoint`: its url is the API's base. `is_cancelled` ends waiting.
  BatchApi(EndpointSettings endpoint, std::chrono::milliseconds timeout, std::function<bool()> is_cancelled);
  ~BatchApi();

  // How a request has ended that brought nothing.
  struct Failure {
    enum class Kind : std::uint8_t {
      again,    // no answer, 429 or 5xx: it may be tried again, and may have been obeyed
      refused,  // what waiting does not change
      missing,  // 404, 405: no such thing, or the server does not offer this
      cancelled
    };
    Kind kind;
    std::string why;
  };
  template <class T>
  using Answer = boost::outcome_v2::basic_result<T, Failure, boost::outcome_v2::policy::terminate>;

  // What is uploaded may be looked at by the server before a batch can be made of it.
  struct File {
    std::string id;
    bool is_ready = true;
  };
  Answer<File> upload(std::string_view name, std::string_view content);
  Answer<File> look_at_file(std::string_view file);
  Answer<BatchState> create(std::string_view file, std::string_view name);
  Answer<BatchState> look(std::string_view batch);
  // The batch that create() made of the file. Nothing: there is none.
  Answer<std::optional<BatchState>> find(std::string_view file, std::string_view name);
  Answer<std::string> content(std::string_view file);

 private:
  // `arguments`: what stands behind the path, "limit=100".
  Answer<std::string> ask(std::string_view path, std::string body, std::string content_type,
                          const std::string& arguments = {});
  Answer<File> file_of(const std::string& answer);

  EndpointSettings endpoint_;
  std::chrono::milliseconds timeout_;
  std::function<bool()> is_cancelled_;
  EventLoop loop_;
  HttpClient client_;
};

}  // namespace datagen::llm
