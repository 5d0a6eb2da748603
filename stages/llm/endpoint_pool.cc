#include "llm/endpoint_pool.h"

#include <algorithm>
#include <utility>

namespace datagen::llm {

EndpointPool::EndpointPool(std::vector<EndpointSettings> all, bool least_busy) : least_busy_(least_busy) {
  std::vector<std::string> groups;
  for (EndpointSettings& settings : all) {
    const auto place = static_cast<std::size_t>(std::ranges::find(groups, settings.group) - groups.begin());
    if (place == groups.size()) {
      groups.push_back(settings.group);
      groups_.emplace_back();
    }
    groups_[place].push_back(&endpoints_.emplace_back(std::move(settings)));
  }
}

Endpoint* EndpointPool::pick(Time now) {
  for (const auto& group : groups_) {
    Endpoint* chosen = nullptr;
    double all_weights = 0;
    for (Endpoint* endpoint : group) {
      if (!endpoint->can_take(now)) continue;
      const double weight = endpoint->settings().weight;
      if (least_busy_) {
        const auto load = [](const Endpoint& of) {
          return static_cast<double>(of.in_flight()) / of.settings().weight;
        };
        if (chosen == nullptr || load(*endpoint) < load(*chosen)) chosen = endpoint;
        continue;
      }
      // Each gains its weight at each turn, and pays for a turn the weights of all: turns are spread evenly.
      endpoint->turn += weight;
      all_weights += weight;
      if (chosen == nullptr || endpoint->turn > chosen->turn) chosen = endpoint;
    }
    if (chosen != nullptr) {
      chosen->turn -= all_weights;
      return chosen;
    }
    // It is only busy, or told to wait: the next group is for those whose servers are down.
    if (std::ranges::any_of(group, &Endpoint::is_up)) return nullptr;
  }
  return nullptr;
}

EndpointPool::Time EndpointPool::next_chance(Time now) const {
  Time next = Time::max();
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.next_chance() > now) next = std::min(next, endpoint.next_chance());
  }
  return next;
}

bool EndpointPool::is_down() const { return std::ranges::none_of(endpoints_, &Endpoint::is_up); }

std::string EndpointPool::refusal() const {
  std::string all;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.refusal().empty()) return {};
    all += (all.empty() ? "" : "; ") + endpoint.settings().name + ": " + endpoint.refusal();
  }
  return all;
}

std::int64_t EndpointPool::in_flight_max() const {
  std::int64_t sum = 0;
  for (const Endpoint& endpoint : endpoints_) sum += endpoint.settings().in_flight_max;
  return sum;
}

}  // namespace datagen::llm
