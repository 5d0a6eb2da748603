// One request to a model on its way, and the group of them that a thread waits for. Filled by the thread that
// works on the record's frame, then in the hands of the loop's thread until its group is done.
#pragma once

#include <datagen/ledger.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "llm/call_budget.h"
#include "llm/endpoint.h"
#include "llm/event_loop.h"
#include "llm/http_client.h"

namespace datagen::llm {

class Caller;
class CallGroup;

// Each kind of call says what becomes of it. Its functions are called on the loop's thread, and each ends
// with send() or finish() of the caller, but for answered().
class Call {
 public:
  Call() = default;
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  virtual void begin(Caller& caller) = 0;
  // An answer with status 200 has come, so it is paid for, whatever it is worth.
  virtual std::vector<PaidOutcome> answered(HttpResponse& response, const Endpoint& endpoint,
                                            const CallBudget& budget) = 0;
  // What answered() gave is durable.
  virtual void stored(Caller& caller) = 0;
  // No answer will come: the server refuses the request, or all tries have failed.
  virtual void given_up(Caller& caller, std::string reason, std::string failure) = 0;

  // The run is being stopped: nothing has come of it, and its frame is not published.
  bool is_abandoned() const { return is_abandoned_; }
  // Tries that brought nothing to pay for.
  std::int64_t failed_tries() const { return failed_tries_; }

 protected:
  std::string members_;                 // of the request's body, but for its model
  std::int64_t completion_tokens_ = 0;  // that the answer may have

 private:
  friend class Caller;
  enum class State : std::uint8_t { waiting, queued, calling, storing, done };

  CallGroup* group_ = nullptr;
  State state_ = State::waiting;
  bool is_abandoned_ = false;
  std::int64_t failed_tries_ = 0;
  int failures_ = 0;  // since it was sent first
  int throttles_ = 0;
  CallBudget::Estimate estimate_;
  EventLoop::Timer timer_{};
  HttpClient::Transfer* transfer_ = nullptr;
  Endpoint* endpoint_ = nullptr;
  EventLoop::Clock::time_point begun_{};
};

// The calls of one batch of records, and who waits for them.
class CallGroup {
 public:
  // Before it is submitted. The call outlives the group.
  void add(Call& call) { calls_.push_back(&call); }

  // Waits until all are done; asks `is_cancelled` meanwhile, and calls `cancel` once when it says so.
  template <class IsCancelled, class Cancel>
  void wait(IsCancelled is_cancelled, Cancel cancel) {
    constexpr std::chrono::milliseconds kLook{100};
    bool was_told = false;
    std::unique_lock lock(mutex_);
    while (!done_.wait_for(lock, kLook, [this] { return left_ == 0; })) {
      if (was_told || !is_cancelled()) continue;
      was_told = true;
      lock.unlock();
      cancel();
      lock.lock();
    }
  }
  // Why no more calls make sense; empty: they do. After wait().
  const std::string& stop_reason() const { return stop_reason_; }
  // It is a limit that the user has set.
  bool is_at_limit() const { return is_at_limit_; }

 private:
  friend class Caller;
  void add_one() {
    const std::lock_guard lock(mutex_);
    ++left_;
  }
  void finish_one() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) done_.notify_all();  // under the lock: the waiting thread may end this object
  }
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_ = 0;
  std::vector<Call*> calls_;  // this and what follows: the loop's thread's, once it is submitted
  std::size_t unfinished_ = 0;
  bool is_cancelled_ = false;
  bool has_abandoned_ = false;
  bool is_at_limit_ = false;
  std::string stop_reason_;
};

}  // namespace datagen::llm
