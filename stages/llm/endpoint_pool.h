// The servers that can answer a call, and which of them gets the next. Lives on the loop's thread.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "llm/endpoint.h"

namespace datagen::llm {

class EndpointPool {
 public:
  using Time = Endpoint::Time;

  EndpointPool(std::vector<EndpointSettings> settings, bool least_busy);

  // Of the first group that has an endpoint that is up, whose turn it is among those that can take a call.
  // Null: none can now.
  Endpoint* pick(Time now);
  // When time alone may change that; Time::max(): only the end of a call.
  Time next_chance(Time now) const;
  // No endpoint is up.
  bool is_down() const;
  // All refuse every request, and waiting does not help: why. Empty: not so.
  std::string refusal() const;

  std::int64_t in_flight_max() const;
  // The name under which answers are asked for, whichever endpoint gives them.
  const std::string& model() const { return endpoints_.front().settings().model; }
  std::deque<Endpoint>& endpoints() { return endpoints_; }

 private:
  std::deque<Endpoint> endpoints_;
  std::vector<std::vector<Endpoint*>> groups_;
  bool least_busy_;
};

}  // namespace datagen::llm
