// HTTP requests by the thousand on one thread: libcurl's multi interface on an EventLoop. Connections are
// kept and used again; HTTP/2 where a TLS server offers it; certificates are always verified; redirects are
// not followed, since a key must not travel to another host.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/result.h"
#include "llm/event_loop.h"

namespace datagen::llm {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  bool is_get = false;               // else POST
  std::string body;                  // of a POST
  std::string content_type = "application/json";
  std::size_t answer_bytes_max = std::size_t{64} << 20;
  std::chrono::milliseconds timeout{120'000};  // for all of it
  std::chrono::seconds idle_timeout{0};        // without a byte of the answer; 0: none
  std::string ca_file;                         // certificates to trust instead of the system's; empty: those
};

struct HttpResponse {
  enum class Failure : std::uint8_t {
    none,         // an answer has come, whole, whatever its status
    unreachable,  // nothing was sent
    timed_out,
    broken,  // after the request, or a part of it, was sent: the server may have worked, and may bill
  };
  Failure failure = Failure::none;
  std::string error;  // of a failure, in words
  int status = 0;
  // Those of interest: "retry-after", "x-ratelimit-…", "content-type"; names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // simdjson's padding is reserved behind it
  std::chrono::nanoseconds latency{0};

  // Empty: there is none.
  std::string_view header(std::string_view name) const;
};

class HttpClient {
 public:
  using Done = std::function<void(HttpResponse)>;
  class Transfer;

  // `connections_max`: how many are kept open. The loop outlives the client.
  HttpClient(EventLoop& loop, std::size_t connections_max);
  ~HttpClient();

  // All on the loop's thread. `done` is called once, later, never from within start().
  Transfer* start(HttpRequest request, Done done);
  // Ends a transfer whose `done` has not been called; it will not be.
  void cancel(Transfer* transfer);
  std::size_t running() const { return running_; }

 private:
  class Share;
  Share& share_with_room();

  EventLoop& loop_;
  std::size_t connections_max_;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Share>> shares_;
};

// Raises the limit of open files to the hard limit. Error: it does not allow `transfers` at once, with the
// limit and what to do.
Result<void> allow_open_files(std::size_t transfers);

}  // namespace datagen::llm
