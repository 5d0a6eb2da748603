// A server for tests that speaks the OpenAI API, misbehaves on command (behaviour.h) and logs each request
// that it served with the tokens it would bill, when it came and when it was answered (by the clock that
// Python calls monotonic): the oracle of the tests. One thread. It prints its port, and
// ends with SIGTERM or with its parent.
//   GET  /stats         requests, served, in flight, tokens; writes the log out before
//   /v1/files, /v1/batches: see batches.h
// Below /openai it is Azure: the key comes in the header api-key, and each path has an api-version.
//   POST /status/CODE   answer all chat requests with that status from now on; 200: no more
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llm/batches.h"
#include "llm/behaviour.h"

namespace datagen::test {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Code = boost::system::error_code;

struct Statistics {
  std::uint64_t requests = 0, served = 0, errors = 0, prompt_tokens = 0, completion_tokens = 0;
  std::size_t in_flight = 0, in_flight_max = 0, connections = 0;
};

struct Server {
  Behaviour behaviour;
  std::FILE* log;
  std::chrono::milliseconds latency;
  Batches::Options batch_options;
  Batches batches{batch_options, behaviour, [this](const Reply& reply) {
                    ++statistics.requests;
                    note(reply, std::chrono::steady_clock::now());
                  }};
  Statistics statistics{};

  // `from`: when it came.
  void note(const Reply& reply, std::chrono::steady_clock::time_point from) {
    Statistics& all = statistics;
    const bool is_served = reply.status == 200;
    ++(is_served ? all.served : all.errors);
    all.prompt_tokens += reply.prompt_tokens;
    all.completion_tokens += reply.completion_tokens;
    if (log == nullptr) return;
    std::string user = reply.user.substr(0, 60);
    for (char& c : user) {
      if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    const auto seconds = [](std::chrono::steady_clock::time_point time) {
      return std::chrono::duration<double>(time.time_since_epoch()).count();
    };
    fmt::print(log,
               "{{\"from\":{:.4f},\"at\":{:.4f},\"status\":{},\"fault\":{},\"prompt_tokens\":{},\"completion_"
               "tokens\":{},"
               "\"model\":\"{}\",\"inputs\":{},\"user\":\"{}\"}}\n",
               seconds(from), seconds(std::chrono::steady_clock::now()), reply.status,
               static_cast<int>(reply.fault), reply.prompt_tokens, reply.completion_tokens, reply.model,
               reply.inputs, user);
  }

  std::string show() const {
    if (log != nullptr) std::fflush(log);
    const Statistics& all = statistics;
    return fmt::format(
        "{{\"requests\":{},\"served\":{},\"errors\":{},\"in_flight\":{},\"in_flight_max\":{},\"connections\":"
        "{},\"prompt_tokens\":{},\"completion_tokens\":{},\"batches\":{},\"files\":{}}}",
        all.requests, all.served, all.errors, all.in_flight, all.in_flight_max, all.connections,
        all.prompt_tokens, all.completion_tokens, batches.count(), batches.files());
  }
};

// One connection; it lives as long as an operation of its own is under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Server& server)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), server_(server) {
    ++server_.statistics.connections;
  }
  ~Session() { --server_.statistics.connections; }

  void read() {
    parser_.emplace();
    parser_->body_limit(std::uint64_t{256} << 20);
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](Code error, std::size_t) {
      if (!error) self->handle();
    });
  }

 private:
  void handle() {
    const auto& request = parser_->get();
    const std::string path(request.target().substr(0, request.target().find('?')));
    if (path == "/stats") return write(200, server_.show(), -1, true);
    if (path.starts_with("/status/")) {
      server_.behaviour.set_status(std::atoi(path.c_str() + 8));
      return write(200, "{}", -1, true);
    }
    if (path.starts_with("/openai/") && request.target().find("api-version=20") == std::string::npos)
      return write(404, R"({"error":{"message":"no api-version"}})", -1, true);
    if (Batches::owns(path)) return handle_batch();
    Statistics& all = server_.statistics;
    ++all.requests;
    const std::string_view key = key_of(request);
    from_ = std::chrono::steady_clock::now();
    reply_ = server_.behaviour.answer(path, key, request.body(), all.in_flight);
    all.in_flight_max = std::max(all.in_flight_max, ++all.in_flight);
    timer_.expires_after(reply_.latency);
    timer_.async_wait([self = shared_from_this()](Code) { self->answer(); });
  }

  // Azure has a header of its own for it.
  static std::string_view key_of(const http::request<http::string_body>& request) {
    const bool is_azure = request.target().starts_with("/openai/");
    const auto given = is_azure ? request["api-key"] : request[http::field::authorization];
    const std::string_view key(given.data(), given.size());
    if (is_azure) return key;
    return key.starts_with("Bearer ") ? key.substr(7) : std::string_view();
  }

  // It is done at once, and said later: who dies in between does not know.
  void handle_batch() {
    const auto& request = parser_->get();
    const std::string_view key = key_of(request);
    if (!server_.behaviour.takes(key)) return write(401, R"({"error":{"message":"wrong key"}})", -1, true);
    auto answer =
        server_.batches.answer(request.method() == http::verb::post,
                               {request.target().data(), request.target().size()}, key, request.body());
    timer_.expires_after(server_.latency);
    timer_.async_wait([self = shared_from_this(), answer = std::move(answer)](Code) {
      self->write(answer.status, answer.body, -1, true);
    });
  }

  void answer() {
    --server_.statistics.in_flight;
    if (reply_.fault == Fault::hang) {
      // Until the client ends the connection.
      ++server_.statistics.in_flight;
      return socket_.async_read_some(asio::buffer(scrap_), [self = shared_from_this()](Code, std::size_t) {
        --self->server_.statistics.in_flight;
      });
    }
    server_.note(reply_, from_);
    if (reply_.fault == Fault::reset) return reset();
    if (reply_.is_stream) return begin_stream();
    write(reply_.status, std::move(reply_.body), reply_.retry_after_s, reply_.fault != Fault::reset_in_body);
  }

  void write(int status, std::string body, int retry_after_s, bool whole) {
    head_ = fmt::format("HTTP/1.1 {} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", status,
                        body.size());
    if (retry_after_s >= 0) head_ += fmt::format("Retry-After: {}\r\n", retry_after_s);
    head_ += "\r\n" + (whole ? body : body.substr(0, body.size() / 2));
    asio::async_write(socket_, asio::buffer(head_),
                      [self = shared_from_this(), whole](Code error, std::size_t) {
                        if (!whole) return self->reset();
                        if (!error) self->read();
                      });
  }

  void begin_stream() {
    head_ = "HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    next_chunk_ = 0;
    write_chunk();
  }

  void write_chunk() {
    if (reply_.fault == Fault::slow_stream && next_chunk_ > 0) {
      timer_.expires_after(std::chrono::milliseconds(500));
      return timer_.async_wait([self = shared_from_this()](Code) { self->send_chunk(); });
    }
    send_chunk();
  }

  void send_chunk() {
    const bool is_last = next_chunk_ == reply_.chunks.size();
    if (is_last) {
      head_ += "0\r\n\r\n";
    } else {
      const std::string& chunk = reply_.chunks[next_chunk_++];
      head_ += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    }
    const bool cuts = reply_.fault == Fault::reset_in_body && next_chunk_ > reply_.chunks.size() / 2;
    asio::async_write(socket_, asio::buffer(head_),
                      [self = shared_from_this(), is_last, cuts](Code error, std::size_t) {
                        self->head_.clear();
                        if (error) return;
                        if (cuts) return self->reset();
                        is_last ? self->read() : self->write_chunk();
                      });
  }

  void reset() {
    Code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Server& server_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Reply reply_;
  std::chrono::steady_clock::time_point from_;
  std::string head_;
  std::size_t next_chunk_ = 0;
  char scrap_[16];
};

void accept(tcp::acceptor& acceptor, Server& server) {
  acceptor.async_accept([&](Code error, tcp::socket socket) {
    if (!error) {
      Code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(std::move(socket), server)->read();
    }
    accept(acceptor, server);
  });
}

void raise_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int serve(int argc, char** argv) {
  CLI::App app("A server for tests of the LLM stage");
  BehaviourOptions options;
  std::vector<std::string> faults;
  std::string log;
  std::int64_t latency_min = 0, latency_max = 0;
  unsigned short port = 0;
  app.add_option("--port", port);
  app.add_option("--log", log, "a line for each request");
  app.add_option("--latency", latency_min, "ms");
  app.add_option("--latency-max", latency_max, "ms");
  app.add_option("--in-flight-max", options.in_flight_max);
  app.add_option("--requests-per-minute", options.requests_per_minute);
  app.add_option("--retry-after", options.retry_after_s, "s");
  app.add_option("--key", options.key)->envname("LLM_SERVER_KEY");  // not for all to see
  app.add_option("--fault", faults, "NAME:PROBABILITY");
  app.add_option("--error-500", options.error_500);
  app.add_option("--error-429", options.error_429);
  app.add_option("--seed", options.seed);
  Batches::Options batch_options;
  std::int64_t batch_time = batch_options.time.count(), file_time = 0;
  app.add_option("--batch-time", batch_time, "ms that a batch takes");
  app.add_option("--file-time", file_time, "ms for which an uploaded file is pending");
  app.add_option("--batch-end", batch_options.end, "completed, expired, failed");
  app.add_flag("!--no-batch-list", batch_options.lists, "do not list batches");
  CLI11_PARSE(app, argc, argv);
  options.latency_min = std::chrono::milliseconds(latency_min);
  options.latency_max = std::chrono::milliseconds(std::max(latency_min, latency_max));
  for (const std::string& fault : faults) {
    const std::size_t colon = fault.find(':');
    options.faults.emplace_back(fault_of(fault.substr(0, colon)), std::stod(fault.substr(colon + 1)));
  }
  batch_options.time = std::chrono::milliseconds(batch_time);
  batch_options.file_time = std::chrono::milliseconds(file_time);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  raise_file_limit();
  Server server{Behaviour(options), log.empty() ? nullptr : std::fopen(log.c_str(), "w"), options.latency_min,
                batch_options};
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), port});
  asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&](Code, int) { context.stop(); });
  accept(acceptor, server);
  fmt::print("{}\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  context.run();
  if (server.log != nullptr) std::fclose(server.log);
  return 0;
}

}  // namespace datagen::test

int main(int argc, char** argv) { return datagen::test::serve(argc, argv); }
