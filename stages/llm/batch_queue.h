// Gathers the questions of many frames into batches, submits them, and hands back what they brought. One for
// each worker, with a thread of its own. What is on its way stands in the ledger (batch_notes.h): when the
// worker dies, or the run is stopped, the batches go on at the server, and whoever takes the frames over
// waits for the same ones.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <datagen/context.h>
#include <datagen/ledger.h>

#include "llm/batch_api.h"
#include "llm/batch_file.h"
#include "llm/batch_notes.h"
#include "llm/call_budget.h"
#include "llm/chat_answer.h"

namespace spdlog {
class logger;
}

namespace datagen::llm {

// One question, and what came of it.
struct BatchQuestion {
  BatchQuestion(CallKey call_key, std::string request_members, std::int64_t completion)
      : key(std::move(call_key)), members(std::move(request_members)), completion_tokens(completion) {}

  CallKey key;  // under which its answer is kept
  std::string members;
  std::int64_t completion_tokens;  // that the answer may have

  // Afterwards: an answer, or why there is none.
  ChatAnswer answer;
  std::string reason, failure;  // empty: there is an answer

 private:
  friend class BatchQueue;
  QuestionTrail trail;
  CallBudget::Estimate estimate;
  std::size_t* left = nullptr;  // of those that its thread waits for
};

class BatchQueue {
 public:
  static void describe(Parameters& parameters);
  // Throws std::invalid_argument for parameters that do not go together.
  // What it is given outlives it.
  BatchQueue(Context& context, Ledger& ledger, CallBudget& budget);
  ~BatchQueue();

  // Waits until all have an answer, or none will come. False: the frame must not be published. From any
  // thread. Throws StopRun.
  bool ask(std::vector<BatchQuestion>& questions, Context& context);

 private:
  using Clock = std::chrono::steady_clock;
  using Questions = std::vector<BatchQuestion*>;
  struct OpenBatch {
    std::string file, id;  // no id: it is not known whether it was begun
    int looks = 0;         // whether it was
    Clock::time_point next_look{};
    Questions questions;
  };

  void run();
  void work(const Questions& arrived);
  void sort_in(BatchQuestion& question);
  Questions take_due();
  void upload(Questions questions);
  bool is_ready(const std::string& name, OpenBatch& batch);
  // A batch of what was uploaded.
  void begin(const std::string& name, OpenBatch batch);
  bool look(const std::string& name, OpenBatch& batch);
  bool was_begun(const std::string& name, OpenBatch& batch);
  bool collect(const OpenBatch& batch, const BatchState& state);
  void keep_answer(BatchQuestion& question, BatchResult& result);
  // A batch had nothing for it: it gets another, or is given up.
  void miss(BatchQuestion& question, int status, const std::string& why);
  void settle(BatchQuestion& question, std::int64_t tokens, double cost);
  void give_up(BatchQuestion& question);
  void hand_back();
  void trouble(const BatchApi::Failure& failure);
  void stop(const std::string& why, bool is_at_limit = false);

  spdlog::logger& log_;
  Ledger& ledger_;
  BatchNotes notes_;
  CallBudget& budget_;
  EndpointSettings endpoint_;
  std::chrono::milliseconds gather_, poll_;
  std::chrono::seconds patience_;
  std::size_t questions_max_;
  int retries_;
  bool submits_again_;
  std::unique_ptr<BatchApi> api_;

  // The thread's own, with all questions that have arrived.
  Questions pending_;  // in no batch
  Clock::time_point last_arrival_{}, next_submit_{}, last_success_ = Clock::now();
  // By name. Those whose file the server still looks at stand in no ledger, and die with their worker.
  std::map<std::string, OpenBatch> uploaded_, open_;
  Questions finished_;  // and not handed back yet

  std::atomic<bool> is_ending_{false}, is_cancelled_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_, done_;
  Questions arrivals_;
  bool is_stopped_ = false;  // the thread touches no question any more
  std::string stop_reason_;
  bool is_at_limit_ = false;
  std::thread thread_;
};

}  // namespace datagen::llm
