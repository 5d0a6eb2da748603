// One server that answers: where it is, and how it does. How many calls it bears is found out by additive
// increase and multiplicative decrease; a server that only fails is left alone for a while (a circuit
// breaker). Lives on the loop's thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace datagen::llm {

struct EndpointSettings {
  std::string name;                  // as usage, metrics and messages call it: never with a query
  std::string url;                   // of chat completions, or the API's base
  std::string query;                 // goes behind each path: "?api-version=…", or nothing
  bool is_azure = false;             // paths and headers as Azure has them
  std::string model;                 // what it calls the model
  std::string group;                 // endpoints of a later group are used when those of the earlier are down
  std::vector<std::string> headers;  // "Name: value"; may hold a key: never shown
  std::string ca_file;
  double weight = 1;
  std::int64_t in_flight_max = 256;
  double slowdown_max = 10;  // times its best latency that it may take before it gets less to do; 0: any
  std::vector<std::string> secrets;  // that stand in headers

  // What a server has said: some repeat the key that they refuse.
  std::string without_secrets(std::string said) const;
};

class Endpoint {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  explicit Endpoint(EndpointSettings settings);

  const EndpointSettings& settings() const { return settings_; }
  // Asked whenever a call waits: so it also finds out whether it could bear more.
  bool can_take(Time now);
  // It is not known to be broken: another call will find its turn here.
  bool is_up() const { return breaker_ == Breaker::closed; }
  // Refused by its last answers in a way that no waiting changes (a wrong key, no such model); empty: not.
  const std::string& refusal() const { return refusal_; }
  // When time alone may make it take a call; now or earlier: it waits for one of its calls.
  Time next_chance() const {
    if (breaker_ == Breaker::open) return std::max(held_until_, open_until_);
    return is_starting_ ? std::max(held_until_, next_step_) : held_until_;
  }
  std::int64_t in_flight() const { return in_flight_; }
  double limit() const { return limit_; }

  void begin();
  // How a call that began at `begun` has ended.
  void succeeded(Time begun, Time now);
  void throttled(Time begun, Time now);                // 429, or overloaded
  void failed(Time begun, Time now, bool is_timeout);  // anything that speaks against the server
  void refused(Time now, std::string why);             // see refusal()
  void refused_request();                              // it is the request's fault: the server is well
  void abandoned() { --in_flight_; }                   // by us
  // Takes no calls before.
  void hold_until(Time time) { held_until_ = std::max(held_until_, time); }

  double turn = 0;  // the pool's, for its weighted round

 private:
  enum class Breaker : std::uint8_t { closed, open };
  void step(Time now);
  void close_breaker();
  void open_breaker(Time now);
  void decrease(Time begun, Time now);

  EndpointSettings settings_;
  std::int64_t in_flight_ = 0;
  double limit_;
  bool is_starting_ = true;  // growing with time, until the first decrease
  Time next_step_{};         // of that; the past: it is at its most
  Time decreased_{};
  Time held_until_{};
  double latency_s_ = 0, best_latency_s_ = 0;  // moving averages
  Breaker breaker_ = Breaker::closed;
  Time open_until_{};
  int failures_ = 0;  // one after the other
  std::chrono::milliseconds open_for_;
  std::string refusal_;
};

}  // namespace datagen::llm
