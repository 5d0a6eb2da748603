// ChatCaller's other half: what comes back from endpoints, and what it is worth.
#include <algorithm>

#include "llm/chat_caller.h"
#include "llm/retry_after.h"
#include "runtime/backoff.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{500}, kLongestPause{30'000};
constexpr milliseconds kFirstThrottlePause{200}, kLongestThrottlePause{4000};
constexpr std::size_t kRawBytes = 4096;  // of a raw answer in a dead letter

std::string raw_answer(const Choice& choice) {
  std::string text = choice.text.substr(0, kRawBytes);
  while (text.size() < choice.text.size() && !text.empty() &&
         (static_cast<unsigned char>(choice.text[text.size()]) & 0xC0) == 0x80)
    text.pop_back();
  return text + (text.size() < choice.text.size() ? "…" : "");
}

}  // namespace

// ---- what came back

void ChatCaller::ended(ChatJob& job, HttpResponse response) {
  const Time now = EventLoop::Clock::now();
  Endpoint& endpoint = *job.endpoint;
  using Failure = HttpResponse::Failure;
  if (response.failure != Failure::none || response.status != 200) settle(job, 0, 0);
  if (response.failure != Failure::none) {
    endpoint.failed(job.begun, now, response.failure == Failure::timed_out);
    return failed(job, endpoint.settings().name + ": " + response.error);
  }
  if (const auto hold = rate_limit_pause(response); hold > milliseconds(0) && response.status == 200)
    endpoint.hold_until(now + hold);
  if (response.status == 200) {
    endpoint.succeeded(job.begun, now);
    return answered(job, response);
  }
  // An account without money answers so for ever.
  const bool is_spent = response.body.find("insufficient_quota") != std::string::npos;
  if (response.status == 429 && !is_spent) return throttled(job, response, now);
  if (response.status == 408 || response.status >= 500) {
    endpoint.failed(job.begun, now, response.status == 408 || response.status == 503);
    if (const auto pause = retry_after(response); pause > milliseconds(0)) endpoint.hold_until(now + pause);
    return failed(job, endpoint.settings().name + ": status " + std::to_string(response.status) + ": " +
                           error_message(response.body));
  }
  refused(job, response, now);
}

void ChatCaller::refused(ChatJob& job, const HttpResponse& response, Time now) {
  const std::string why = "status " + std::to_string(response.status) + ": " + error_message(response.body);
  const bool is_for_all =
      response.status == 401 || response.status == 403 || response.status == 404 || response.status == 429;
  if (!is_for_all) {
    job.endpoint->refused_request();
    ++job.failed_calls;
    return give_up(job, "refused_by_server", job.endpoint->settings().name + ": " + why);
  }
  job.endpoint->refused(now, why);
  last_failure_ = job.endpoint->settings().name + ": " + why;
  enqueue(job, true);  // for another endpoint
}

void ChatCaller::throttled(ChatJob& job, const HttpResponse& response, Time now) {
  job.endpoint->throttled(job.begun, now);
  auto pause = std::max(retry_after(response), rate_limit_pause(response));
  if (pause > milliseconds(0)) {
    job.endpoint->hold_until(now + pause);
    if (pool_.endpoints().size() == 1)
      budget_.hold_back(pause);  // the other workers need not find out themselves
  } else {
    pause = backoff(++job.throttles, kFirstThrottlePause, kLongestThrottlePause);
  }
  ++job.failed_calls;
  try_later(job, pause);
}

void ChatCaller::failed(ChatJob& job, const std::string& why) {
  last_failure_ = why;
  ++job.failed_calls;
  if (++job.failures > retries_)
    return give_up(job, "call_failed", "failed " + std::to_string(job.failures) + " times, at last: " + why);
  try_later(job, backoff(job.failures, kFirstPause, kLongestPause));
}

void ChatCaller::try_later(ChatJob& job, milliseconds pause) {
  if (job.group->is_cancelled_ || !stop_reason_.empty()) return abandon(job);
  job.state = ChatJob::State::waiting;
  job.timer = loop_.at(EventLoop::Clock::now() + pause, [this, &job] {
    enqueue(job, true);
    pump();
  });
}

// An answer is there, so it is paid for, whatever it is worth.
void ChatCaller::answered(ChatJob& job, HttpResponse& response) {
  auto answer = requests_.is_streamed() ? parse_stream(response.body) : parse_answer(response.body);
  job.answer = answer ? std::move(answer).value() : ChatAnswer{};
  if (!answer) job.answer.defect = answer.error().message();
  if (job.answer.model.empty()) job.answer.model = job.endpoint->settings().model;
  job.answer.endpoint = job.endpoint->settings().name;
  job.is_found_elsewhere = false;
  store(job);
}

void ChatCaller::store(ChatJob& job) {
  job.state = ChatJob::State::storing;
  const ChatAnswer& answer = job.answer;
  const std::int64_t tokens = answer.prompt_tokens + answer.completion_tokens;
  const double cost = budget_.cost_of(answer.model, answer.prompt_tokens, answer.completion_tokens);
  const auto is_durable = [this, &job](const Result<void>& stored) {
    loop_.post([this, &job, error = stored ? std::string() : stored.error().message()] {
      if (!error.empty()) {
        abandon(job);
        return stop(error);
      }
      use(job);
      pump();
    });
  };
  ledger_.store(job.key, answer.encode(), is_durable, budget_.bill(tokens, cost));
  settle(job, tokens, cost);
}

// ---- what it is worth

// The outcome is in the ledger: from here on nothing depends on how it came there.
void ChatCaller::use(ChatJob& job) {
  ++job.attempt;
  const ChatJob::Question question = std::move(job.questions.front());
  job.questions.pop_front();
  const ChatAnswer answer = std::exchange(job.answer, {});
  CallNote note{answer.model,
                answer.endpoint,
                answer.prompt_tokens,
                answer.completion_tokens,
                budget_.cost_of(answer.model, answer.prompt_tokens, answer.completion_tokens),
                false,
                job.is_found_elsewhere};
  if (note.is_from_elsewhere) note.cost = 0;
  if (!answer.defect.empty()) {
    job.notes.push_back(std::move(note));
    if (++job.defects > retries_) return give_up(job, "bad_answer", answer.defect);
    job.questions.push_front(question);
    return ask(job);
  }
  std::int64_t given = 0;
  for (const Choice& choice : answer.choices) {
    if (given == question.choices) break;  // more than were asked for
    ++given;
    if (!judge(job, question, choice)) continue;
    note.is_used = true;
    job.good.back().model = answer.model;
  }
  job.notes.push_back(std::move(note));
  // A server that gives fewer than `n` is asked for the others.
  if (given < question.choices)
    job.questions.push_front({question.messages, question.choices - given, question.reasks_left});
  if (!job.questions.empty()) return ask(job);
  finish(job);
}

// Takes the choice, or asks for a better one, or notes why there is none.
bool ChatCaller::judge(ChatJob& job, const ChatJob::Question& question, const Choice& choice) {
  auto value = form_.check(choice);
  if (value) {
    job.good.push_back({choice, std::move(value).value(), {}});
    return true;
  }
  const std::string& wrong = value.error().message();
  if (question.reasks_left > 0) {
    job.questions.push_back(
        {ChatRequests::messages_again(question.messages, choice.text, wrong), 1, question.reasks_left - 1});
  } else {
    job.reason = choice.text.empty() ? "empty_answer" : "invalid_answer";
    job.failure = wrong + "; the answer: " + raw_answer(choice);
  }
  return false;
}

void ChatCaller::give_up(ChatJob& job, std::string reason, std::string failure) {
  job.reason = std::move(reason);
  job.failure = std::move(failure);
  finish(job);
}

}  // namespace datagen::llm
