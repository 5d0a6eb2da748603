#include "launcher/metrics_server.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <utility>

namespace datagen::launcher {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

using Text = std::function<std::string()>;

// One request and its answer; lives as long as something of it is under way.
struct Connection : std::enable_shared_from_this<Connection> {
  Connection(tcp::socket socket, const Text& made_by) : stream(std::move(socket)), text(made_by) {}

  void start() {
    constexpr std::chrono::seconds kPatience{5};
    stream.expires_after(kPatience);
    http::async_read(stream, buffer, request,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->answer();
                     });
  }

  void answer() {
    const bool is_known = request.target() == "/metrics" || request.target() == "/";
    response.result(is_known ? http::status::ok : http::status::not_found);
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    response.body() = is_known ? text() : "there is only /metrics\n";
    response.keep_alive(false);
    response.prepare_payload();
    http::async_write(stream, response, [self = shared_from_this()](beast::error_code, std::size_t) {
      beast::error_code ignored;
      self->stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
    });
  }

  beast::tcp_stream stream;
  const Text& text;
  beast::flat_buffer buffer{16 << 10};  // no request of a scraper is longer
  http::request<http::empty_body> request;
  http::response<http::string_body> response;
};

Result<tcp::endpoint> parse_endpoint(const std::string& given) {
  const std::size_t colon = given.rfind(':');
  std::string host = colon == std::string::npos ? "" : given.substr(0, colon);
  const std::string port = given.substr(colon == std::string::npos ? 0 : colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  beast::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size())
    return Error(fmt::format(
        "--metrics: expected HOST:PORT with an IP address, such as 127.0.0.1:9100, got '{}'", given));
  return tcp::endpoint(address, number);
}

}  // namespace

struct MetricsServer::Listener {
  void accept() {
    acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), text)->start();
      if (acceptor.is_open()) accept();
    });
  }

  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  Text text;
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::listen(const std::string& host_and_port) {
  DATAGEN_TRY(const tcp::endpoint endpoint, parse_endpoint(host_and_port));
  auto listener = std::make_unique<Listener>();
  beast::error_code error;
  listener->acceptor.open(endpoint.protocol(), error);
  if (!error) listener->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) listener->acceptor.bind(endpoint, error);
  if (!error) listener->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error(fmt::format("--metrics: cannot listen at {}: {}", host_and_port, error.message()));
  listener->accept();
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(listener)));
}

MetricsServer::MetricsServer(std::unique_ptr<Listener> listener) : listener_(std::move(listener)) {}
MetricsServer::~MetricsServer() = default;

std::string MetricsServer::url() const {
  const tcp::endpoint at = listener_->acceptor.local_endpoint();
  const std::string host = at.address().to_string();
  return fmt::format("http://{}:{}/metrics", at.address().is_v6() ? "[" + host + "]" : host, at.port());
}

void MetricsServer::poll(const Text& text) {
  listener_->text = text;
  listener_->context.poll();
}

}  // namespace datagen::launcher
