// Answers GET /metrics over HTTP. The only file that knows Boost.Asio and Boost.Beast.
//
// Owner: the launcher, in its one thread: it must not have a second (PR_SET_PDEATHSIG follows the thread that
// forks), and a helper process would be one more thing to start, watch and end. So nothing here blocks: the
// launcher polls a few times a second, which is soon enough for whoever scrapes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ipc/result.h"

namespace datagen::launcher {

class MetricsServer {
 public:
  // "9100" and ":9100" are on the loopback; "0.0.0.0:9100", "[::1]:9100". Port 0: any that is free.
  // Errors: no such address; the port is in use.
  static Result<std::unique_ptr<MetricsServer>> listen(const std::string& host_and_port);
  ~MetricsServer();

  // "http://127.0.0.1:9100/metrics"
  std::string url() const;
  // Answers who has asked; `text` is called for each.
  void poll(const std::function<std::string()>& text);

 private:
  struct Listener;
  explicit MetricsServer(std::unique_ptr<Listener> listener);
  std::unique_ptr<Listener> listener_;
};

}  // namespace datagen::launcher
