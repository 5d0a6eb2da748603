// What is wanted for one record, and what came of it. Filled by the thread that works on the record's frame,
// then in the hands of the loop's thread until its group is done.
#pragma once

#include <datagen/ledger.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "llm/call_budget.h"
#include "llm/chat_answer.h"
#include "llm/endpoint.h"
#include "llm/event_loop.h"
#include "llm/http_client.h"

namespace datagen::llm {

class JobGroup;

// One answer of the model that can be used.
struct GoodAnswer {
  Choice choice;
  std::string value;  // the text, or the JSON that was found in it
  std::string model;
};

// A call that was paid for, for the accounts.
struct CallNote {
  std::string model, endpoint;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  double cost = 0;
  bool is_used = false;            // some of its answer is
  bool is_from_elsewhere = false;  // another run has paid
};

struct ChatJob {
  std::string record;    // Item::identity()
  std::string messages;  // see ChatRequests
  std::int64_t wanted = 1;

  std::vector<GoodAnswer> good;
  std::string reason, failure;  // why nothing more comes; empty: all that was wanted is there
  std::vector<CallNote> notes;
  std::int64_t failed_calls = 0;  // without an answer, so without a note
  bool is_abandoned = false;      // the run is being stopped

 private:
  friend class ChatCaller;
  // A conversation that is to be answered.
  struct Question {
    std::string messages;
    std::int64_t choices = 1;
    int reasks_left = 0;
  };
  enum class State : std::uint8_t { waiting, queued, calling, storing, done };

  JobGroup* group = nullptr;
  State state = State::waiting;
  std::uint32_t attempt = 0;  // outcomes in the ledger so far
  int failures = 0;           // since the last of them
  int throttles = 0;
  int defects = 0;                 // outcomes of no use at all
  std::deque<Question> questions;  // the first is being asked
  std::string members;             // of the request for it
  CallKey key;                     // under which its outcome stands in the ledger
  CallBudget::Estimate estimate;
  ChatAnswer answer;  // while it is stored
  bool is_found_elsewhere = false;
  EventLoop::Timer timer{};
  HttpClient::Transfer* transfer = nullptr;
  Endpoint* endpoint = nullptr;
  EventLoop::Clock::time_point begun{};
};

// The jobs of one batch, and who waits for them.
class JobGroup {
 public:
  std::vector<ChatJob> jobs;

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
  friend class ChatCaller;
  void finish_one() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) done_.notify_all();  // under the lock: the waiting thread may end this object
  }
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_ = 0;
  std::size_t unfinished_ = 0;  // this and what follows: the loop's thread's
  bool is_cancelled_ = false;
  bool has_abandoned_ = false;
  bool is_at_limit_ = false;
  std::string stop_reason_;
};

}  // namespace datagen::llm
