// Caller's other half: what comes back from endpoints.
#include <algorithm>
#include <chrono>
#include <string>

#include "llm/caller.h"
#include "llm/chat_answer.h"
#include "llm/retry_after.h"
#include "runtime/backoff.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{500}, kLongestPause{30'000};
constexpr milliseconds kFirstThrottlePause{200}, kLongestThrottlePause{4000};

// "status 400: no such model"
std::string what_it_said(const HttpResponse& response, const Endpoint& endpoint) {
  return "status " + std::to_string(response.status) + ": " +
         endpoint.settings().without_secrets(error_message(response.body));
}

}  // namespace

void Caller::ended(Call& call, HttpResponse response) {
  const Time now = EventLoop::Clock::now();
  Endpoint& endpoint = *call.endpoint_;
  using Failure = HttpResponse::Failure;
  if (response.failure != Failure::none || response.status != 200) settle(call, 0, 0);
  if (response.failure != Failure::none) {
    endpoint.failed(call.begun_, now, response.failure == Failure::timed_out);
    return failed(call, endpoint.settings().name + ": " + response.error);
  }
  if (const auto hold = rate_limit_pause(response); hold > milliseconds(0) && response.status == 200)
    endpoint.hold_until(now + hold);
  if (response.status == 200) {
    endpoint.succeeded(call.begun_, now);
    return store(call, response);
  }
  // An account without money answers so for ever.
  const bool is_spent = response.body.find("insufficient_quota") != std::string::npos;
  if (response.status == 429 && !is_spent) return throttled(call, response, now);
  if (response.status == 408 || response.status >= 500) {
    endpoint.failed(call.begun_, now, response.status == 408 || response.status == 503);
    if (const auto pause = retry_after(response); pause > milliseconds(0)) endpoint.hold_until(now + pause);
    return failed(call, endpoint.settings().name + ": " + what_it_said(response, endpoint));
  }
  refused(call, response, now);
}

void Caller::refused(Call& call, const HttpResponse& response, Time now) {
  const std::string why = what_it_said(response, *call.endpoint_);
  const bool is_for_all =
      response.status == 401 || response.status == 403 || response.status == 404 || response.status == 429;
  if (!is_for_all) {
    call.endpoint_->refused_request();
    ++call.failed_tries_;
    return call.given_up(*this, "refused_by_server", call.endpoint_->settings().name + ": " + why);
  }
  call.endpoint_->refused(now, why);
  last_failure_ = call.endpoint_->settings().name + ": " + why;
  enqueue(call, true);  // for another endpoint
}

void Caller::throttled(Call& call, const HttpResponse& response, Time now) {
  call.endpoint_->throttled(call.begun_, now);
  auto pause = std::max(retry_after(response), rate_limit_pause(response));
  if (pause > milliseconds(0)) {
    call.endpoint_->hold_until(now + pause);
    if (pool_.endpoints().size() == 1)
      budget_.hold_back(pause);  // the other workers need not find out themselves
  } else {
    pause = backoff(++call.throttles_, kFirstThrottlePause, kLongestThrottlePause);
  }
  ++call.failed_tries_;
  try_later(call, pause);
}

void Caller::failed(Call& call, const std::string& why) {
  last_failure_ = why;
  ++call.failed_tries_;
  if (++call.failures_ > retries_)
    return call.given_up(*this, "call_failed",
                         "failed " + std::to_string(call.failures_) + " times, at last: " + why);
  try_later(call, backoff(call.failures_, kFirstPause, kLongestPause));
}

void Caller::try_later(Call& call, milliseconds pause) {
  if (call.group_->is_cancelled_ || !stop_reason_.empty()) return abandon(call);
  call.state_ = Call::State::waiting;
  call.timer_ = loop_.at(EventLoop::Clock::now() + pause, [this, &call] {
    enqueue(call, true);
    pump();
  });
}

// An answer is there, so it is paid for, whatever it is worth.
void Caller::store(Call& call, HttpResponse& response) {
  call.state_ = Call::State::storing;
  const auto outcomes = call.answered(response, *call.endpoint_, budget_);
  const auto is_durable = [this, &call](const Result<void>& stored) {
    loop_.post([this, &call, error = stored ? std::string() : stored.error().message()] {
      if (!error.empty()) {
        abandon(call);
        return stop(error);
      }
      call.stored(*this);
      pump();
    });
  };
  std::int64_t tokens = 0;
  double cost = 0;
  for (const PaidOutcome& outcome : outcomes) {
    tokens += outcome.bill.tokens;
    cost += outcome.bill.cost;
  }
  ledger_.store(outcomes, is_durable);
  settle(call, tokens, cost);
}

}  // namespace datagen::llm
