#include "llm/http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace datagen::llm {

namespace {

// libcurl looks for an idle connection among all to a host, one by one: so no multi handle gets more
// transfers than this.
constexpr std::size_t kTransfersOfShare = 128;
constexpr long kBufferBytes = 8192;   // of each transfer in flight
constexpr std::size_t kPadding = 64;  // as simdjson wants behind its input

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

HttpResponse::Failure failure_of(CURLcode code, bool was_sent) {
  if (code == CURLE_OPERATION_TIMEDOUT) return HttpResponse::Failure::timed_out;
  return was_sent ? HttpResponse::Failure::broken : HttpResponse::Failure::unreachable;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

// One request, and the easy handle that carries it. Handles are used again: each keeps its buffers.
class HttpClient::Transfer {
 public:
  Transfer() : easy_(curl_easy_init()) {
    if (easy_ == nullptr) throw std::bad_alloc();
    set_up();
  }
  ~Transfer() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(easy_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void prepare(HttpRequest request, Done done);
  HttpResponse take_response(CURLcode code);
  CURL* easy() const { return easy_; }
  Done take_done() { return std::exchange(done_, nullptr); }
  Share* share = nullptr;  // it runs in

 private:
  void set_up();
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy_, option, value);
  }
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);

  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::string ca_file_;
  HttpRequest request_;
  HttpResponse response_;
  Done done_;
  char error_[CURL_ERROR_SIZE] = {};
};

std::size_t HttpClient::Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  std::string& body = transfer->response_.body;
  if (body.size() + size * count > transfer->request_.answer_bytes_max) return 0;
  if (body.capacity() < body.size() + size * count + kPadding)
    body.reserve(std::max(body.capacity() * 2, body.size() + size * count + kPadding));
  body.append(bytes, size * count);
  return size * count;
}

std::size_t HttpClient::Transfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  HttpResponse& response = static_cast<Transfer*>(self)->response_;
  const std::string_view line(bytes, size * count);
  if (line.starts_with("HTTP/")) response.headers.clear();  // of another answer before, such as 100
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name = lower_case(line.substr(0, colon));
  if (!name.starts_with("retry-after") && !name.starts_with("x-ratelimit-") && name != "content-type")
    return line.size();
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  response.headers.emplace_back(std::move(name), value);
  return line.size();
}

// What all its requests share: a handle is set up once.
void HttpClient::Transfer::set_up() {
  curl_easy_reset(easy_);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_PIPEWAIT, 1L);  // rather share a connection of HTTP/2 than open one more
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_USERAGENT, "datagen");
  set(CURLOPT_ACCEPT_ENCODING, "");  // what libcurl can unpack
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  if (!ca_file_.empty()) set(CURLOPT_CAINFO, ca_file_.c_str());
}

void HttpClient::Transfer::prepare(HttpRequest request, Done done) {
  request_ = std::move(request);
  done_ = std::move(done);
  response_ = {};
  error_[0] = '\0';
  if (request_.ca_file != ca_file_) {
    ca_file_ = request_.ca_file;
    set_up();  // there is no way back to the system's certificates but this
  }
  curl_slist_free_all(std::exchange(headers_, nullptr));
  for (const std::string& header : request_.headers) headers_ = curl_slist_append(headers_, header.c_str());
  set(CURLOPT_URL, request_.url.c_str());
  if (request_.is_get) {
    set(CURLOPT_HTTPGET, 1L);
  } else {
    headers_ = curl_slist_append(headers_, ("Content-Type: " + request_.content_type).c_str());
    headers_ = curl_slist_append(headers_, "Expect:");  // no round trip before a large body
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  }
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min<std::int64_t>(request_.timeout.count(), 30'000)));
  set(CURLOPT_LOW_SPEED_LIMIT, request_.idle_timeout.count() > 0 ? 1L : 0L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.idle_timeout.count()));
}

HttpResponse HttpClient::Transfer::take_response(CURLcode code) {
  long status = 0;
  curl_off_t total_us = 0, sent_us = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &total_us);
  curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
  response_.status = static_cast<int>(status);
  response_.latency = std::chrono::microseconds(total_us);
  if (code != CURLE_OK) {
    response_.failure = failure_of(code, sent_us > 0);
    response_.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    if (code == CURLE_WRITE_ERROR)
      response_.error =
          "the answer is larger than " + std::to_string(request_.answer_bytes_max >> 20) + " MiB";
  }
  request_ = {};
  return std::exchange(response_, {});
}

// A multi handle with its connections.
class HttpClient::Share final : public SocketWatcher {
 public:
  Share(HttpClient& client, std::size_t connections_max) : client_(client), multi_(curl_multi_init()) {
    if (multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Share::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Share::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
  }
  ~Share() override {
    while (!busy_.empty()) release(busy_.back());
    client_.loop_.cancel(timer_);
    free_.clear();
    curl_multi_cleanup(multi_);
  }

  bool has_room() const { return busy_.size() < kTransfersOfShare; }

  Transfer* start(HttpRequest request, Done done) {
    if (free_.empty()) free_.push_back(std::make_unique<Transfer>());
    Transfer* transfer = free_.back().release();
    free_.pop_back();
    busy_.push_back(transfer);
    transfer->share = this;
    transfer->prepare(std::move(request), std::move(done));
    ++client_.running_;
    curl_multi_add_handle(multi_, transfer->easy());
    return transfer;
  }

  void release(Transfer* transfer) {
    curl_multi_remove_handle(multi_, transfer->easy());
    const auto place = std::ranges::find(busy_, transfer);
    *place = busy_.back();
    busy_.pop_back();
    free_.emplace_back(transfer);
    --client_.running_;
  }

  void on_ready(int socket, std::uint32_t events) override {
    int flags = 0;
    if (events & EPOLLIN) flags |= CURL_CSELECT_IN;
    if (events & EPOLLOUT) flags |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP)) flags |= CURL_CSELECT_ERR;
    act(socket, flags);
  }

 private:
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    std::uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
    auto* share = static_cast<Share*>(self);
    share->client_.loop_.watch(socket, events, share);
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto* share = static_cast<Share*>(self);
    EventLoop& loop = share->client_.loop_;
    loop.cancel(share->timer_);
    share->timer_ = {};
    if (timeout_ms >= 0)
      share->timer_ = loop.at(EventLoop::Clock::now() + std::chrono::milliseconds(timeout_ms),
                              [share] { share->act(CURL_SOCKET_TIMEOUT, 0); });
    return 0;
  }

  void act(curl_socket_t socket, int flags) {
    int running = 0;
    curl_multi_socket_action(multi_, socket, flags, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      HttpResponse response = transfer->take_response(code);
      const Done done = transfer->take_done();
      release(transfer);
      done(std::move(response));
    }
  }

  HttpClient& client_;
  CURLM* multi_;
  EventLoop::Timer timer_{};
  std::vector<Transfer*> busy_;
  std::vector<std::unique_ptr<Transfer>> free_;
};

HttpClient::HttpClient(EventLoop& loop, std::size_t connections_max)
    : loop_(loop), connections_max_(connections_max) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw std::bad_alloc();
}

HttpClient::~HttpClient() = default;

HttpClient::Share& HttpClient::share_with_room() {
  for (const auto& share : shares_) {
    if (share->has_room()) return *share;
  }
  shares_.push_back(std::make_unique<Share>(*this, std::min(connections_max_, kTransfersOfShare)));
  return *shares_.back();
}

HttpClient::Transfer* HttpClient::start(HttpRequest request, Done done) {
  return share_with_room().start(std::move(request), std::move(done));
}

void HttpClient::cancel(Transfer* transfer) { transfer->share->release(transfer); }

Result<void> allow_open_files(std::size_t transfers) {
  constexpr std::size_t kOthers = 128;  // rings, logs, the ledger
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return Error::from_errno("cannot read the limit of open files", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return Error::from_errno("cannot raise the limit of open files", errno);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < transfers + kOthers)
    return Error(std::to_string(transfers) + " calls in flight need " + std::to_string(transfers + kOthers) +
                 " open files, and the hard limit is " + std::to_string(limit.rlim_max) +
                 " (ulimit -Hn): raise it, or lower max_in_flight");
  return success();
}

}  // namespace datagen::llm
