#include "llm/chat_caller.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <stdexcept>

#include "llm/retry_after.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Between being told to stop and being killed a worker has 600 ms.
constexpr milliseconds kLastMoment{400};
constexpr milliseconds kFirstPause{500}, kLongestPause{30'000};
constexpr milliseconds kFirstThrottlePause{200}, kLongestThrottlePause{4000};
constexpr std::size_t kRawBytes = 4096;  // of a raw answer in a dead letter

// Doubled from time to time, less a random part: many that failed together do not come back together.
milliseconds pause_after(int times, milliseconds first, milliseconds longest) {
  thread_local std::minstd_rand chance{std::random_device{}()};
  const auto most = std::min(longest.count(), first.count() << std::min(times - 1, 10));
  return milliseconds(std::uniform_int_distribution<std::int64_t>((most + 1) / 2, most)(chance));
}

std::string raw_answer(const Choice& choice) {
  std::string text = choice.text.substr(0, kRawBytes);
  while (text.size() < choice.text.size() && !text.empty() && (static_cast<unsigned char>(choice.text[text.size()]) & 0xC0) == 0x80)
    text.pop_back();
  return text + (text.size() < choice.text.size() ? "…" : "");
}

}  // namespace

void ChatCaller::describe(Parameters& p) {
  EndpointPool::describe(p);
  CallBudget::describe(p);
  p.number("call_timeout", 120).min(0.05).running().help("seconds for one call; then it is cancelled and tried again");
  p.integer("idle_timeout", 0).min(0).running().help("seconds without a byte of the answer; 0: only call_timeout counts");
  p.integer("call_retries", 8).min(0).running().help("further tries of a call that failed, beside 429s, which wait");
  p.integer("reasks", 1).min(0).help("how often a bad answer is asked for again, with what is wrong with it");
  p.number("patience", 300).min(0).running().help("seconds without any endpoint that answers; then the run stops, resumable");
}

ChatCaller::ChatCaller(Context& c, const ChatRequests& requests, const AnswerForm& form, Ledger& ledger)
    : requests_(requests),
      form_(form),
      ledger_(ledger),
      pool_(c),
      budget_(c),
      call_timeout_(static_cast<std::int64_t>(c.param<double>("call_timeout") * 1000)),
      idle_timeout_(c.param<std::int64_t>("idle_timeout")),
      patience_(static_cast<std::int64_t>(c.param<double>("patience"))),
      retries_(c.param<int>("call_retries")),
      reasks_(c.param<int>("reasks")) {
  const auto in_flight = static_cast<std::size_t>(pool_.in_flight_max());
  if (const auto allowed = allow_open_files(in_flight); !allowed)
    throw std::invalid_argument(allowed.error().message());
  client_ = std::make_unique<HttpClient>(loop_, in_flight);
}

ChatCaller::~ChatCaller() { loop_.stop(); }

void ChatCaller::submit(JobGroup& group) {
  group.left_ = group.unfinished_ = group.jobs.size();
  if (group.left_ == 0) return;
  loop_.post([this, &group] {
    groups_.insert(&group);
    for (ChatJob& job : group.jobs) {
      job.group = &group;
      job.questions.push_back({job.messages, job.wanted, reasks_});
    }
    // A job may be the group's last, which may end the group.
    const std::size_t count = group.jobs.size();
    ChatJob* jobs = group.jobs.data();
    for (std::size_t index = 0; index < count; ++index) ask(jobs[index]);
    pump();
  });
}

void ChatCaller::cancel(JobGroup& group) {
  loop_.post([this, group = &group] {
    if (!groups_.contains(group)) return;
    group->is_cancelled_ = true;
    const auto end = [this, group](bool also_calls) {
      // Ended from the back: the last one may end the group.
      std::vector<ChatJob*> jobs;
      for (ChatJob& job : group->jobs) {
        const bool is_idle = job.state == ChatJob::State::waiting || job.state == ChatJob::State::queued;
        if (is_idle || (also_calls && job.state == ChatJob::State::calling)) jobs.push_back(&job);
      }
      for (ChatJob* job : jobs) abandon(*job);
    };
    end(false);
    if (groups_.contains(group))
      loop_.at(EventLoop::Clock::now() + kLastMoment, [this, group, end] {
        if (groups_.contains(group) && group->is_cancelled_) end(true);
      });
  });
}

// ---- asking

void ChatCaller::ask(ChatJob& job) {
  if (job.group->is_cancelled_ || !stop_reason_.empty()) return abandon(job);
  const ChatJob::Question& question = job.questions.front();
  job.members = requests_.members(question.messages, question.choices);
  const CallKey key{job.record, job.attempt, hash_request(with_model(job.members, pool_.model()))};
  if (const auto paid = ledger_.find(key, &job.is_found_elsewhere)) {
    auto answer = ChatAnswer::decode(*paid);
    if (!answer) {
      stop(answer.error().message());
      return abandon(job);
    }
    job.answer = std::move(answer).value();
    return use(job);
  }
  job.failures = job.throttles = 0;
  enqueue(job, job.attempt > 0);
}

void ChatCaller::enqueue(ChatJob& job, bool first) {
  job.state = ChatJob::State::queued;
  if (first) {
    queue_.push_front(&job);
  } else {
    queue_.push_back(&job);
  }
}

void ChatCaller::wake_at(Time time) {
  if (wake_ && wake_->first <= time && wake_->first > EventLoop::Clock::now()) return;
  if (wake_) loop_.cancel(*wake_);
  wake_ = loop_.at(time, [this] {
    wake_.reset();
    pump();
  });
}

void ChatCaller::pump() {
  const Time now = EventLoop::Clock::now();
  watch_pool(now);
  while (!queue_.empty() && stop_reason_.empty()) {
    Endpoint* endpoint = pool_.pick(now);
    if (endpoint == nullptr) {
      if (const Time next = pool_.next_chance(now); next != Time::max()) wake_at(next);
      return;
    }
    ChatJob& job = *queue_.front();
    job.estimate = budget_.estimate(endpoint->settings().model, job.members.size(),
                                    requests_.completion_tokens_max() * job.questions.front().choices);
    if (const auto wait = budget_.acquire(job.estimate); wait.count() > 0) {
      if (const std::string exhausted = budget_.exhausted(); !exhausted.empty()) return stop(exhausted, true);
      return wake_at(now + wait);
    }
    queue_.pop_front();
    send(job, *endpoint);
  }
}

// Stops the run when no endpoint has answered for too long: each record would only become a dead letter.
void ChatCaller::watch_pool(Time now) {
  if (const std::string refusal = pool_.refusal(); !refusal.empty()) return stop(refusal);
  if (!pool_.is_down()) {
    down_since_ = Time::max();
    return;
  }
  down_since_ = std::min(down_since_, now);
  if (now - down_since_ >= patience_)
    stop("no endpoint has answered for " + std::to_string(patience_.count()) + " s; the last said: " + last_failure_);
}

void ChatCaller::send(ChatJob& job, Endpoint& endpoint) {
  job.state = ChatJob::State::calling;
  job.endpoint = &endpoint;
  job.begun = EventLoop::Clock::now();
  endpoint.begin();
  HttpRequest request;
  request.url = endpoint.settings().url;
  request.headers = endpoint.settings().headers;
  request.ca_file = endpoint.settings().ca_file;
  request.body = with_model(job.members, endpoint.settings().model);
  request.timeout = call_timeout_;
  request.idle_timeout = idle_timeout_;
  job.transfer = client_->start(std::move(request), [this, &job](HttpResponse response) {
    job.transfer = nullptr;
    ended(job, std::move(response));
    pump();
  });
}

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
  const bool is_for_all = response.status == 401 || response.status == 403 || response.status == 404 || response.status == 429;
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
    if (pool_.endpoints().size() == 1) budget_.hold_back(pause);  // the other workers need not find out themselves
  } else {
    pause = pause_after(++job.throttles, kFirstThrottlePause, kLongestThrottlePause);
  }
  ++job.failed_calls;
  try_later(job, pause);
}

void ChatCaller::failed(ChatJob& job, const std::string& why) {
  last_failure_ = why;
  ++job.failed_calls;
  if (++job.failures > retries_)
    return give_up(job, "call_failed", "failed " + std::to_string(job.failures) + " times, at last: " + why);
  try_later(job, pause_after(job.failures, kFirstPause, kLongestPause));
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
  const CallKey key{job.record, job.attempt, hash_request(with_model(job.members, pool_.model()))};
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
  ledger_.store(key, answer.encode(), is_durable, budget_.bill(tokens, cost));
  settle(job, tokens, cost);
}

// ---- what it is worth

// The outcome is in the ledger: from here on nothing depends on how it came there.
void ChatCaller::use(ChatJob& job) {
  ++job.attempt;
  const ChatJob::Question question = std::move(job.questions.front());
  job.questions.pop_front();
  const ChatAnswer answer = std::exchange(job.answer, {});
  CallNote note{answer.model, answer.endpoint, answer.prompt_tokens, answer.completion_tokens,
                budget_.cost_of(answer.model, answer.prompt_tokens, answer.completion_tokens), false,
                job.is_found_elsewhere};
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

// ---- the end of jobs

void ChatCaller::finish(ChatJob& job) {
  job.state = ChatJob::State::done;
  job.questions.clear();
  job.members = {};
  JobGroup& group = *job.group;
  if (--group.unfinished_ == 0) {
    groups_.erase(&group);
    if (group.has_abandoned_) {
      group.stop_reason_ = stop_reason_;
      group.is_at_limit_ = is_at_limit_;
    }
  }
  group.finish_one();
}

void ChatCaller::abandon(ChatJob& job) {
  if (job.state == ChatJob::State::queued) std::erase(queue_, &job);
  if (job.state == ChatJob::State::waiting) loop_.cancel(job.timer);
  if (job.state == ChatJob::State::calling && job.transfer != nullptr) {
    client_->cancel(std::exchange(job.transfer, nullptr));
    job.endpoint->abandoned();
    settle(job, 0, 0);
  }
  job.is_abandoned = true;
  job.group->has_abandoned_ = true;
  finish(job);
}

void ChatCaller::settle(ChatJob& job, std::int64_t tokens, double cost) {
  budget_.settle(std::exchange(job.estimate, {}), tokens, cost);
}

void ChatCaller::stop(const std::string& why, bool is_at_limit) {
  if (!stop_reason_.empty()) return;
  stop_reason_ = why;
  is_at_limit_ = is_at_limit;
  loop_.post([this] {  // not here: whoever found out is at work on a job
    std::vector<ChatJob*> jobs;
    for (JobGroup* group : groups_) {
      for (ChatJob& job : group->jobs) {
        // At a limit the calls on the wire may end: they are within it, and paid for.
        const bool is_idle = job.state == ChatJob::State::waiting || job.state == ChatJob::State::queued;
        if (is_idle || (job.state == ChatJob::State::calling && !is_at_limit_)) jobs.push_back(&job);
      }
    }
    for (ChatJob* job : jobs) abandon(*job);
  });
}

}  // namespace datagen::llm
