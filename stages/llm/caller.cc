#include "llm/caller.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <datagen/errors.h>

#include "llm/chat_request.h"
#include "llm/endpoint_settings.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Between being told to stop and being killed a worker with a ledger has 30 s.
constexpr milliseconds kLastMoment{25'000};

}  // namespace

void Caller::describe(Parameters& p) {
  describe_endpoints(p);
  CallBudget::describe(p);
  p.number("call_timeout", 120)
      .min(0.05)
      .running()
      .help("seconds for one call; then it is cancelled and tried again");
  p.integer("idle_timeout", 0)
      .min(0)
      .running()
      .help("seconds without a byte of the answer; 0: only call_timeout counts");
  p.integer("call_retries", 8)
      .min(0)
      .running()
      .help("further tries of a call that failed, beside 429s, which wait");
  p.number("patience", 300)
      .min(0)
      .running()
      .help("seconds without any endpoint that answers; then the run stops, resumable");
}

Caller::Caller(Context& c, std::string_view api, Ledger& ledger)
    : ledger_(ledger),
      pool_(read_endpoints(c, api), c.param<std::string>("balance") == "least_busy"),
      budget_(c),
      call_timeout_(static_cast<std::int64_t>(c.param<double>("call_timeout") * 1000)),
      idle_timeout_(c.param<std::int64_t>("idle_timeout")),
      patience_(static_cast<std::int64_t>(c.param<double>("patience"))),
      retries_(c.param<int>("call_retries")) {
  const auto in_flight = static_cast<std::size_t>(pool_.in_flight_max());
  if (const auto allowed = allow_open_files(in_flight); !allowed)
    throw std::invalid_argument(allowed.error().message());
  client_ = std::make_unique<HttpClient>(loop_, in_flight);
}

// The worker ends. To close a thousand connections one after the other takes longer than all else that it has
// to do then, and the run waits for it; the kernel closes them at once. So the client is left as it is.
Caller::~Caller() {
  static auto* const left = new std::vector<std::unique_ptr<HttpClient>>;
  loop_.stop();
  left->push_back(std::move(client_));
}

bool Caller::run(CallGroup& group, Context& context) {
  submit(group);
  group.wait([&] { return context.cancelled(); }, [&] { cancel(group); });
  if (group.is_at_limit()) {
    context.stop_at_limit(group.stop_reason());
    return false;
  }
  if (!group.stop_reason().empty()) throw StopRun(group.stop_reason());
  return !group.has_abandoned_;
}

void Caller::submit(CallGroup& group) {
  group.left_ = group.unfinished_ = group.calls_.size();
  if (group.left_ == 0) return;
  loop_.post([this, &group] {
    groups_.insert(&group);
    // A call may be the group's last, which may end the group; calls are added to its list meanwhile.
    const std::vector<Call*> calls = group.calls_;
    for (Call* call : calls) call->group_ = &group;
    for (Call* call : calls) call->begin(*this);
    pump();
  });
}

void Caller::add(CallGroup& group, Call& call) {
  call.group_ = &group;
  group.calls_.push_back(&call);
  ++group.unfinished_;
  group.add_one();
}

void Caller::cancel(CallGroup& group) {
  loop_.post([this, group = &group] {
    if (!groups_.contains(group)) return;
    group->is_cancelled_ = true;
    const auto end = [this, group](bool also_sent) {
      // Ended from the back: the last one may end the group.
      std::vector<Call*> calls;
      add_unfinished(*group, also_sent, calls);
      for (Call* call : calls) abandon(*call);
    };
    end(false);
    if (groups_.contains(group))
      loop_.at(EventLoop::Clock::now() + kLastMoment, [this, group, end] {
        if (groups_.contains(group) && group->is_cancelled_) end(true);
      });
  });
}

// ---- sending

void Caller::send(Call& call, bool first) {
  if (call.group_->is_cancelled_ || !stop_reason_.empty()) return abandon(call);
  call.failures_ = call.throttles_ = 0;
  enqueue(call, first);
}

void Caller::enqueue(Call& call, bool first) {
  call.state_ = Call::State::queued;
  if (first) {
    queue_.push_front(&call);
  } else {
    queue_.push_back(&call);
  }
}

void Caller::wake_at(Time time) {
  if (wake_ && wake_->first <= time && wake_->first > EventLoop::Clock::now()) return;
  if (wake_) loop_.cancel(*wake_);
  wake_ = loop_.at(time, [this] {
    wake_.reset();
    pump();
  });
}

void Caller::pump() {
  const Time now = EventLoop::Clock::now();
  watch_pool(now);
  while (!queue_.empty() && stop_reason_.empty()) {
    Endpoint* endpoint = pool_.pick(now);
    if (endpoint == nullptr) {
      if (const Time next = pool_.next_chance(now); next != Time::max()) wake_at(next);
      return;
    }
    Call& call = *queue_.front();
    call.estimate_ =
        budget_.estimate(endpoint->settings().model, call.members_.size(), call.completion_tokens_);
    if (const auto wait = budget_.acquire(call.estimate_); wait.count() > 0) {
      if (const std::string exhausted = budget_.exhausted(); !exhausted.empty()) return stop(exhausted, true);
      return wake_at(now + wait);
    }
    queue_.pop_front();
    transmit(call, *endpoint);
  }
}

// Stops the run when no endpoint has answered for too long: each record would only become a dead letter.
void Caller::watch_pool(Time now) {
  if (const std::string refusal = pool_.refusal(); !refusal.empty()) return stop(refusal);
  if (!pool_.is_down()) {
    down_since_ = Time::max();
    return;
  }
  down_since_ = std::min(down_since_, now);
  if (now - down_since_ >= patience_)
    stop("no endpoint has answered for " + std::to_string(patience_.count()) +
         " s; the last said: " + last_failure_);
}

void Caller::transmit(Call& call, Endpoint& endpoint) {
  call.state_ = Call::State::calling;
  call.endpoint_ = &endpoint;
  call.begun_ = EventLoop::Clock::now();
  endpoint.begin();
  HttpRequest request;
  request.url = endpoint.settings().url + endpoint.settings().query;
  request.headers = endpoint.settings().headers;
  request.ca_file = endpoint.settings().ca_file;
  request.body = with_model(call.members_, endpoint.settings().model);
  request.timeout = call_timeout_;
  request.idle_timeout = idle_timeout_;
  call.transfer_ = client_->start(std::move(request), [this, &call](HttpResponse response) {
    call.transfer_ = nullptr;
    ended(call, std::move(response));
    pump();
  });
}

// ---- the end of calls

void Caller::finish(Call& call) {
  call.state_ = Call::State::done;
  call.members_ = {};
  CallGroup& group = *call.group_;
  if (--group.unfinished_ == 0) {
    groups_.erase(&group);
    if (group.has_abandoned_) {
      group.stop_reason_ = stop_reason_;
      group.is_at_limit_ = is_at_limit_;
    }
  }
  group.finish_one();
}

void Caller::abandon(Call& call) {
  if (call.state_ == Call::State::queued) std::erase(queue_, &call);
  if (call.state_ == Call::State::waiting) loop_.cancel(call.timer_);
  if (call.state_ == Call::State::calling && call.transfer_ != nullptr) {
    client_->cancel(std::exchange(call.transfer_, nullptr));
    call.endpoint_->abandoned();
    settle(call, 0, 0);
  }
  call.is_abandoned_ = true;
  call.group_->has_abandoned_ = true;
  finish(call);
}

void Caller::add_unfinished(CallGroup& group, bool also_sent, std::vector<Call*>& calls) {
  using State = Call::State;
  for (Call* call : group.calls_) {
    const bool has_no_request = call->state_ == State::waiting || call->state_ == State::queued;
    if (has_no_request || (also_sent && call->state_ == State::calling)) calls.push_back(call);
  }
}

void Caller::settle(Call& call, std::int64_t tokens, double cost) {
  budget_.settle(std::exchange(call.estimate_, {}), tokens, cost);
}

void Caller::stop(const std::string& why, bool is_at_limit) {
  if (!stop_reason_.empty()) return;
  stop_reason_ = why;
  is_at_limit_ = is_at_limit;
  loop_.post([this] {  // not here: whoever found out is at work on a call
    std::vector<Call*> calls;
    // At a limit the calls on the wire may end: they are within it, and paid for.
    for (CallGroup* group : groups_) add_unfinished(*group, !is_at_limit_, calls);
    for (Call* call : calls) abandon(*call);
  });
}

}  // namespace datagen::llm
