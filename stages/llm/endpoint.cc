#include "llm/endpoint.h"

#include <algorithm>
#include <utility>

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;

constexpr double kFirstLimit = 256;
// While nothing speaks against it, it gets so many more in each of these times: not with each answer, which
// may take long. A server that has enough says so at once.
constexpr milliseconds kStep{50};
constexpr double kDecrease = 0.7;
constexpr double kStepsToFull = 32;  // times that all its calls succeed, from nothing to in_flight_max
constexpr int kFailuresToOpen = 5;
constexpr milliseconds kFirstOpen{1000};
constexpr milliseconds kLongestOpen{30'000};
constexpr double kNewest = 0.05;        // weight of one latency in the average
constexpr double kForgetting = 1.0005;  // of the best latency, at each call

}  // namespace

std::string EndpointSettings::without_secrets(std::string said) const {
  for (const std::string& secret : secrets) {
    for (std::size_t at = said.find(secret); !secret.empty() && at != std::string::npos;
         at = said.find(secret, at + 3))
      said.replace(at, secret.size(), "***");
  }
  return said;
}

Endpoint::Endpoint(EndpointSettings settings)
    : settings_(std::move(settings)),
      limit_(std::min(kFirstLimit, static_cast<double>(settings_.in_flight_max))),
      open_for_(kFirstOpen) {}

bool Endpoint::can_take(Time now) {
  if (held_until_ > now) return false;
  // One call tries whether an open breaker can be closed.
  if (breaker_ == Breaker::open) return open_until_ <= now && in_flight_ == 0;
  if (is_starting_) step(now);
  return static_cast<double>(in_flight_) < std::max(1.0, limit_);
}

void Endpoint::step(Time now) {
  const auto most = static_cast<double>(settings_.in_flight_max);
  const bool is_full = static_cast<double>(in_flight_) >= limit_ && limit_ < most;
  if (is_full && next_step_ == Time{}) next_step_ = now + kStep;
  if (!is_full || now < next_step_) return;
  limit_ = std::min(most, limit_ + kFirstLimit);
  next_step_ = limit_ < most ? now + kStep : Time{};
}

void Endpoint::begin() { ++in_flight_; }

void Endpoint::close_breaker() {
  breaker_ = Breaker::closed;
  failures_ = 0;
  open_for_ = kFirstOpen;
  refusal_.clear();
}

void Endpoint::open_breaker(Time now) {
  open_until_ = now + open_for_;
  if (breaker_ == Breaker::open) open_for_ = std::min(open_for_ * 2, kLongestOpen);
  breaker_ = Breaker::open;
}

// Calls that were on their way when it was decreased say nothing new.
void Endpoint::decrease(Time begun, Time now) {
  is_starting_ = false;
  if (begun < decreased_) return;
  limit_ = std::max(1.0, limit_ * kDecrease);
  decreased_ = now;
}

void Endpoint::succeeded(Time begun, Time now) {
  --in_flight_;
  close_breaker();
  const double latency = std::chrono::duration<double>(now - begun).count();
  latency_s_ = latency_s_ == 0 ? latency : latency_s_ + kNewest * (latency - latency_s_);
  best_latency_s_ = best_latency_s_ == 0 ? latency_s_ : std::min(best_latency_s_ * kForgetting, latency_s_);
  if (settings_.slowdown_max > 0 && latency_s_ > settings_.slowdown_max * best_latency_s_)
    return decrease(begun, now);
  const auto most = static_cast<double>(settings_.in_flight_max);
  limit_ = std::min(most, limit_ + (is_starting_ ? 1 : std::max(1.0, most / kStepsToFull) / limit_));
}

void Endpoint::throttled(Time begun, Time now) {
  --in_flight_;
  if (breaker_ == Breaker::open) close_breaker();  // it answers
  failures_ = 0;
  decrease(begun, now);
}

void Endpoint::failed(Time begun, Time now, bool is_timeout) {
  --in_flight_;
  if (is_timeout) decrease(begun, now);
  if (++failures_ >= kFailuresToOpen || breaker_ == Breaker::open) open_breaker(now);
}

void Endpoint::refused(Time now, std::string why) {
  --in_flight_;
  refusal_ = std::move(why);
  open_breaker(now);
}

void Endpoint::refused_request() {
  --in_flight_;
  close_breaker();
}

}  // namespace datagen::llm
