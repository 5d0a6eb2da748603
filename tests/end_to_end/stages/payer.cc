// Pays for calls that no server gets: a line in the file `paid` (row, attempt, time in ns) is a call that was
// served and billed, appended before the answer is known here. Keeps to what docs/paid_calls.md asks of such
// a stage.
//
// Every `again_every`-th row gives a useless answer first, and is asked again.
#include <datagen/ledger.h>
#include <datagen/limits.h>
#include <datagen/prices.h>
#include <datagen/stage.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

constexpr std::int64_t kPromptTokens = 100, kCompletionTokens = 20;

struct Payer : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.text("paid").required().help("the file that counts calls");
    p.integer("pause_us", 1000).min(0).help("how long a call takes");
    p.integer("again_every", 0).min(0).help("rows whose first answer is useless; 0: none");
    p.text("question", "what?").help("a part of the request");
    p.text("prices", "").running().help("price table");
    p.text("cache", "").running().help("folder to share answers in");
    p.number("budget", 0).running().min(0).help("cost of the run; 0: no limit");
    p.integer("requests_per_minute", 0).running().min(0).help("0: no limit");
  }

  void open(datagen::Context& c) override {
    paid_ = ::open(c.param<std::string>("paid").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (paid_ < 0) throw std::runtime_error("cannot open the file of calls");
    pause_ = std::chrono::microseconds(c.param<std::int64_t>("pause_us"));
    again_every_ = c.param<std::uint64_t>("again_every");
    question_ = c.param<std::string>("question");
    prices_ = datagen::Prices::parse(c.param<std::string>("prices"));
    cost_ = prices_.cost_of("payed", kPromptTokens, kCompletionTokens);
    ledger_ = &c.ledger(c.param<std::string>("cache"));
    datagen::CallLimits limits;
    limits.cost_per_run = c.param<double>("budget");
    limits.requests_per_minute = c.param<std::int64_t>("requests_per_minute");
    limits_ = &c.limits("payer", limits);
  }

  void process_item(datagen::Item& item, datagen::Context& c) override {
    const std::uint64_t row = std::stoull(item.id());
    const bool asks_again = again_every_ != 0 && row % again_every_ == 0;
    const std::string request = question_ + std::string(item.get("n").raw());
    if (asks_again) ask(item, c, request, 0, "retry");
    if (c.cancelled()) return;
    item.set("answer", ask(item, c, request, asks_again ? 1 : 0, "kept"));
  }

  std::string ask(datagen::Item& item, datagen::Context& c, const std::string& request, std::uint32_t attempt,
                  const std::string& what) {
    const datagen::CallKey key{item.identity(), attempt, datagen::hash_request(request)};
    bool is_reused = false;
    auto answer = ledger_->find(key, &is_reused);
    if (!answer) {
      if (!wait_for_turn(c)) return {};
      answer = call(item.id(), attempt);
      if (!store(key, *answer)) return {};
      limits_->settle(kPromptTokens + kCompletionTokens, cost_);
    }
    c.report_usage({.model = "payed",
                    .endpoint = "file",
                    .prompt_tokens = kPromptTokens,
                    .completion_tokens = kCompletionTokens,
                    .cost = is_reused ? 0 : cost_,
                    .kind = is_reused        ? datagen::UsageKind::reused
                            : what == "kept" ? datagen::UsageKind::kept
                                             : datagen::UsageKind::retry});
    return *answer;
  }

  // False: it will not come.
  bool wait_for_turn(datagen::Context& c) {
    for (;;) {
      if (c.cancelled()) return false;
      const auto wait = limits_->acquire(kPromptTokens + kCompletionTokens, cost_);
      if (wait.count() == 0) return true;
      if (limits_->is_exhausted()) {
        c.stop_at_limit("the budget of the stage is used up (budget)");
        return false;
      }
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(20)));
    }
  }

  std::string call(const std::string& id, std::uint32_t attempt) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::string line = id + " " + std::to_string(attempt) + " " +
                             std::to_string(now.tv_sec * 1'000'000'000 + now.tv_nsec) + "\n";
    if (write(paid_, line.data(), line.size()) < 0) throw std::runtime_error("cannot count a call");
    std::this_thread::sleep_for(pause_);
    return "answer " + std::to_string(attempt) + " to " + id;
  }

  bool store(const datagen::CallKey& key, const std::string& answer) {
    std::promise<bool> stored;
    ledger_->store(key, answer, [&](datagen::Result<void> done) { stored.set_value(done.has_value()); },
                   {"payer", kPromptTokens + kCompletionTokens, cost_});
    return stored.get_future().get();
  }

  int paid_ = -1;
  std::chrono::microseconds pause_{0};
  std::uint64_t again_every_ = 0;
  std::string question_;
  datagen::Prices prices_;
  double cost_ = 0;
  datagen::Ledger* ledger_ = nullptr;
  datagen::SharedLimits* limits_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Payer>(argc, argv); }
