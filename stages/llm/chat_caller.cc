#include "llm/chat_caller.h"

#include <algorithm>
#include <stdexcept>

#include "llm/endpoint_settings.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Between being told to stop and being killed a worker with a ledger has 30 s.
constexpr milliseconds kLastMoment{25'000};

}  // namespace

void ChatCaller::describe(Parameters& p) {
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
  p.integer("reasks", 1).min(0).help("how often a bad answer is asked for again, with what is wrong with it");
  p.number("patience", 300)
      .min(0)
      .running()
      .help("seconds without any endpoint that answers; then the run stops, resumable");
}

ChatCaller::ChatCaller(Context& c, const ChatRequests& requests, const AnswerForm& form, Ledger& ledger)
    : requests_(requests),
      form_(form),
      ledger_(ledger),
      pool_(read_endpoints(c), c.param<std::string>("balance") == "least_busy"),
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
      add_unfinished(*group, also_calls, jobs);
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
  job.key = {job.record, job.attempt, hash_request(with_model(job.members, pool_.model()))};
  if (const auto paid = ledger_.find(job.key, &job.is_found_elsewhere)) {
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
    stop("no endpoint has answered for " + std::to_string(patience_.count()) +
         " s; the last said: " + last_failure_);
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

void ChatCaller::add_unfinished(JobGroup& group, bool also_calls, std::vector<ChatJob*>& jobs) {
  using State = ChatJob::State;
  for (ChatJob& job : group.jobs) {
    const bool has_no_call = job.state == State::waiting || job.state == State::queued;
    if (has_no_call || (also_calls && job.state == State::calling)) jobs.push_back(&job);
  }
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
    // At a limit the calls on the wire may end: they are within it, and paid for.
    for (JobGroup* group : groups_) add_unfinished(*group, !is_at_limit_, jobs);
    for (ChatJob* job : jobs) abandon(*job);
  });
}

}  // namespace datagen::llm
