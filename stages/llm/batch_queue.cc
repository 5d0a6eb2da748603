#include "llm/batch_queue.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <string_view>

#include <datagen/errors.h>

#include "llm/endpoint_settings.h"

namespace datagen::llm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{100};
// A request to begin a batch may still be on its way when its sender has died.
constexpr milliseconds kOnItsWay{3000};
constexpr int kLooks = 2;
constexpr milliseconds kFileLook{2000};  // between two, at a file that is not ready
constexpr std::size_t kFileBytesMax = std::size_t{100} << 20;

milliseconds in_ms(double seconds) { return milliseconds(static_cast<std::int64_t>(seconds * 1000)); }

std::string random_name() {
  std::random_device device;
  return fmt::format("datagen-{:08x}{:08x}", device(), device());
}

}  // namespace

void BatchQueue::describe(Parameters& p) {
  p.integer("requests_per_batch", 10'000).min(1).max(50'000).running().help("most requests in one file");
  p.number("gather", 5).min(0).running().help("seconds without a further record, then a batch is submitted");
  p.number("poll", 30).min(0.01).running().help("seconds between two looks at a batch");
  p.number("call_timeout", 600).min(0.05).running().help("seconds for one request, such as a file's upload");
  p.integer("call_retries", 8)
      .min(0)
      .running()
      .help("further batches for a record that got no answer from one");
  p.number("patience", 300)
      .min(0)
      .running()
      .help("seconds without an answer of the server; then the run stops, resumable");
  p.boolean("submit_again", false)
      .running()
      .help("after a crash, at a server that does not list its batches: submit what may have been submitted");
}

BatchQueue::BatchQueue(Context& c, Ledger& ledger, CallBudget& budget)
    : log_(c.log()),
      ledger_(ledger),
      notes_(ledger),
      budget_(budget),
      endpoint_(read_endpoint(c)),
      gather_(in_ms(c.param<double>("gather"))),
      poll_(in_ms(c.param<double>("poll"))),
      patience_(static_cast<std::int64_t>(c.param<double>("patience"))),
      questions_max_(c.param<std::size_t>("requests_per_batch")),
      retries_(c.param<int>("call_retries")),
      submits_again_(c.param<bool>("submit_again")),
      api_(std::make_unique<BatchApi>(endpoint_, in_ms(c.param<double>("call_timeout")),
                                      [this] { return is_ending_ || is_cancelled_; })) {
  thread_ = std::thread([this] { run(); });
}

BatchQueue::~BatchQueue() {
  is_ending_ = true;
  arrived_.notify_all();
  thread_.join();
}

bool BatchQueue::ask(std::vector<BatchQuestion>& questions, Context& context) {
  std::unique_lock lock(mutex_);
  std::size_t left = questions.size();
  if (left == 0) return true;
  for (BatchQuestion& question : questions) {
    question.left = &left;
    arrivals_.push_back(&question);
  }
  arrived_.notify_all();
  // Only who waits can tell: the queue's thread may outlive all contexts.
  while (!done_.wait_for(lock, kTick, [&] { return left == 0 || is_stopped_; })) {
    if (context.cancelled()) is_cancelled_ = true;
  }
  if (left == 0) return true;
  if (is_at_limit_) {
    context.stop_at_limit(stop_reason_);
    return false;
  }
  if (!stop_reason_.empty()) throw StopRun(stop_reason_);
  return false;
}

void BatchQueue::run() {
  for (;;) {
    Questions arrived;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait_for(lock, kTick, [&] { return !arrivals_.empty() || is_ending_.load(); });
      if (is_ending_ || is_cancelled_ || !stop_reason_.empty()) {
        is_stopped_ = true;
        done_.notify_all();
        if (is_ending_) return;
        arrivals_.clear();
        continue;
      }
      arrived.swap(arrivals_);
    }
    work(arrived);
    hand_back();
  }
}

void BatchQueue::work(const Questions& arrived) {
  if (!arrived.empty()) last_arrival_ = Clock::now();
  for (BatchQuestion* question : arrived) sort_in(*question);
  while (stop_reason_.empty()) {
    Questions due = take_due();
    if (due.empty()) break;
    upload(std::move(due));
  }
  for (auto entry = uploaded_.begin(); entry != uploaded_.end() && stop_reason_.empty();) {
    const bool is_due = entry->second.next_look <= Clock::now();
    entry = is_due && is_ready(entry->first, entry->second) ? uploaded_.erase(entry) : std::next(entry);
  }
  for (auto entry = open_.begin(); entry != open_.end() && stop_reason_.empty();) {
    const bool is_over = entry->second.next_look <= Clock::now() && look(entry->first, entry->second);
    entry = is_over ? open_.erase(entry) : std::next(entry);
  }
}

// What was noted of it decides where it goes.
void BatchQueue::sort_in(BatchQuestion& question) {
  question.trail = notes_.trail(question.key);
  const QuestionTrail& trail = question.trail;
  if (trail.batch.empty()) {
    if (trail.gives_up(retries_)) return give_up(question);
    return pending_.push_back(&question);
  }
  OpenBatch& batch = open_[trail.batch];
  batch.questions.push_back(&question);
  if (batch.questions.size() > 1) return;
  batch.file = notes_.file(trail.batch).value_or("");
  batch.id = notes_.id(trail.batch).value_or("");
  log_.info("batch {} was begun before", trail.batch);
}

void BatchQueue::give_up(BatchQuestion& question) {
  const QuestionTrail& trail = question.trail;
  question.reason = trail.is_refused() ? "refused_by_server" : "call_failed";
  question.failure = trail.is_refused()
                         ? trail.last_miss
                         : fmt::format("no answer in {} batches, at last: {}", trail.misses, trail.last_miss);
  finished_.push_back(&question);
}

// Of the questions that wait, those that the limits allow; nothing: it is not time yet.
BatchQueue::Questions BatchQueue::take_due() {
  const auto now = Clock::now();
  const bool is_time = pending_.size() >= questions_max_ || now - last_arrival_ >= gather_;
  Questions due;
  if (!is_time || now < next_submit_) return due;
  std::size_t bytes = 0, count = 0;
  for (BatchQuestion* question : pending_) {
    bytes += question->members.size() + 200;
    if (count == questions_max_ || (count > 0 && bytes > kFileBytesMax)) break;
    question->estimate =
        budget_.estimate(endpoint_.model, question->members.size(), question->completion_tokens);
    if (const auto wait = budget_.acquire(question->estimate); wait.count() > 0) {
      question->estimate = {};
      const std::string exhausted = budget_.exhausted();
      if (!exhausted.empty() && due.empty() && open_.empty() && uploaded_.empty()) stop(exhausted, true);
      next_submit_ = now + std::max<Clock::duration>(wait, kTick);
      break;
    }
    due.push_back(question);
    ++count;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  return due;
}

void BatchQueue::upload(Questions questions) {
  const std::string name = random_name();
  std::string content;
  for (const BatchQuestion* question : questions)
    content +=
        batch_request(custom_id(question->key), question->members, endpoint_.model, endpoint_.is_azure) +
        "\n";
  const auto file = api_->upload(name, content);
  if (!file) {
    for (BatchQuestion* question : questions) settle(*question, 0, 0);
    pending_.insert(pending_.begin(), questions.begin(), questions.end());
    next_submit_ = Clock::now() + poll_;
    return trouble(file.error());
  }
  last_success_ = Clock::now();
  OpenBatch batch;
  batch.file = file.value().id;
  batch.questions = std::move(questions);
  if (file.value().is_ready) return begin(name, std::move(batch));
  batch.next_look = Clock::now() + std::min(poll_, kFileLook);
  uploaded_.emplace(name, std::move(batch));
}

// True: its batch was begun.
bool BatchQueue::is_ready(const std::string& name, OpenBatch& batch) {
  batch.next_look = Clock::now() + std::min(poll_, kFileLook);
  const auto file = api_->look_at_file(batch.file);
  if (!file) {
    trouble(file.error());
    return false;
  }
  last_success_ = Clock::now();
  if (!file.value().is_ready) return false;
  begin(name, std::move(batch));
  return true;
}

void BatchQueue::begin(const std::string& name, OpenBatch uploaded) {
  for (BatchQuestion* question : uploaded.questions)
    notes_.note_batch(question->key, question->trail, name, custom_id(question->key));
  notes_.note_file(name, uploaded.file);
  OpenBatch& batch = open_[name] = std::move(uploaded);
  if (const auto noted = notes_.wait(); !noted) return stop(noted.error().message());
  const auto begun = api_->create(batch.file, name);
  if (!begun) {
    // It may have been obeyed: look() finds out.
    batch.next_look = Clock::now() + std::min(poll_, kOnItsWay);
    return trouble(begun.error());
  }
  batch.id = begun.value().id;
  batch.next_look = Clock::now() + poll_;
  notes_.note_id(name, batch.id);
  if (const auto noted = notes_.wait(); !noted) return stop(noted.error().message());
  log_.info("batch {} ({}): {} requests submitted", name, batch.id, batch.questions.size());
}

// Whether the batch is known to have begun; when it is known that it has not, its questions get another.
bool BatchQueue::was_begun(const std::string& name, OpenBatch& batch) {
  if (!batch.id.empty()) return true;
  const auto found = api_->find(batch.file, name);
  if (!found && found.error().kind == BatchApi::Failure::Kind::missing && !submits_again_) {
    stop(fmt::format(
        "batch {} may have been submitted before the last stop, and the server does not list its "
        "batches ({}): if it shows none of that name in its own pages, go on with submit_again: true",
        name, found.error().why));
    return false;
  }
  if (!found && found.error().kind != BatchApi::Failure::Kind::missing) {
    batch.next_look = Clock::now() + poll_;
    trouble(found.error());
    return false;
  }
  if (found && found.value()) {
    batch.id = found.value()->id;
    notes_.note_id(name, batch.id);
    return true;
  }
  batch.next_look = Clock::now() + kOnItsWay;
  if (++batch.looks < kLooks) return false;
  log_.warn("batch {} was never begun", name);
  for (BatchQuestion* question : batch.questions) miss(*question, kNeverBegun, "it was never begun");
  batch.questions.clear();
  return false;
}

// True: nothing of it is waited for any more.
bool BatchQueue::look(const std::string& name, OpenBatch& batch) {
  if (!was_begun(name, batch)) return batch.questions.empty();
  batch.next_look = Clock::now() + poll_;
  const auto state = api_->look(batch.id);
  if (!state && state.error().kind == BatchApi::Failure::Kind::missing) {
    for (BatchQuestion* question : batch.questions) miss(*question, 0, state.error().why);
    return true;
  }
  if (!state) {
    trouble(state.error());
    return false;
  }
  last_success_ = Clock::now();
  return state.value().is_over() && collect(batch, state.value());
}

bool BatchQueue::collect(const OpenBatch& batch, const BatchState& state) {
  // Several have one: of a batch of another run, which asked once what this one asks twice.
  std::multimap<std::string_view, BatchQuestion*> by_id;
  for (BatchQuestion* question : batch.questions) by_id.emplace(question->trail.custom_id, question);
  for (const std::string& file : {state.output_file, state.error_file}) {
    if (file.empty()) continue;
    const auto content = api_->content(file);
    if (!content) {
      trouble(content.error());
      return false;
    }
    for_each_line(content.value(), [&](std::string_view line) {
      auto result = parse_batch_result(line);
      if (!result) return log_.warn("batch {}: {}", batch.id, result.error().message());
      // None: of another frame, or a line that is given twice.
      for (auto found = by_id.find(result.value().custom_id); found != by_id.end();
           found = by_id.find(result.value().custom_id)) {
        BatchQuestion& question = *found->second;
        by_id.erase(found);
        if (result.value().status == 200) {
          keep_answer(question, result.value());
        } else {
          miss(question, result.value().status, result.value().error);
        }
      }
    });
  }
  const std::string why =
      "batch " + batch.id + " is " + state.status + (state.failure.empty() ? "" : ": " + state.failure);
  for (const auto& [id, question] : by_id) miss(*question, 0, why);
  if (state.status == "failed") stop(why);
  log_.info("batch {} is {}: {} requests, {} without a result", batch.id, state.status,
            batch.questions.size(), by_id.size());
  return true;
}

void BatchQueue::keep_answer(BatchQuestion& question, BatchResult& result) {
  question.answer = read_paid(result.body, false, endpoint_.model, endpoint_.name);
  const ChatAnswer& answer = question.answer;
  const Bill bill = budget_.bill(answer.model, answer.prompt_tokens, answer.completion_tokens);
  ledger_.store(question.key, answer.encode(), {}, bill);
  settle(question, bill.tokens, bill.cost);
  finished_.push_back(&question);
}

void BatchQueue::miss(BatchQuestion& question, int status, const std::string& why) {
  settle(question, 0, 0);
  notes_.note_miss(question.key, question.trail, status, why);
  if (question.trail.gives_up(retries_)) return give_up(question);
  pending_.push_back(&question);
}

void BatchQueue::settle(BatchQuestion& question, std::int64_t tokens, double cost) {
  budget_.settle(std::exchange(question.estimate, {}), tokens, cost);
}

// Once what they stand on is durable.
void BatchQueue::hand_back() {
  if (finished_.empty()) return;
  if (const auto noted = notes_.wait(); !noted) return stop(noted.error().message());
  const std::lock_guard lock(mutex_);
  for (BatchQuestion* question : std::exchange(finished_, {})) --*question->left;
  done_.notify_all();
}

void BatchQueue::trouble(const BatchApi::Failure& failure) {
  using Kind = BatchApi::Failure::Kind;
  if (failure.kind == Kind::cancelled) return;
  if (failure.kind != Kind::again) return stop(failure.why);
  log_.warn("{}", failure.why);
  if (Clock::now() - last_success_ > patience_)
    stop(fmt::format("the server has not answered for {} s; at last: {}", patience_.count(), failure.why));
}

void BatchQueue::stop(const std::string& why, bool is_at_limit) {
  const std::lock_guard lock(mutex_);
  if (!stop_reason_.empty()) return;
  stop_reason_ = why;
  is_at_limit_ = is_at_limit;
}

}  // namespace datagen::llm
