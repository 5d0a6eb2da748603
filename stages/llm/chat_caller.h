// Gets answers for jobs: from the ledger when they are paid for already, else from an endpoint, with patience
// and within limits. One for each worker; everything happens on its loop's thread.
//
// A job goes from question to question (one for most; more when completions are missing or an answer is asked
// for again). Each question is one entry of the ledger; it goes: ledger -> queue -> endpoint -> ledger ->
// checked. An outcome that was paid for is stored whatever it is worth, and counts the attempt on; a failure
// that was not paid for is tried again under the same attempt. So after a crash the same questions are asked
// in the same order, and those that were answered cost nothing.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <datagen/context.h>
#include <datagen/ledger.h>

#include "llm/answer_form.h"
#include "llm/chat_job.h"
#include "llm/chat_request.h"
#include "llm/endpoint_pool.h"
#include "llm/event_loop.h"
#include "llm/http_client.h"

namespace datagen::llm {

class ChatCaller {
 public:
  static void describe(Parameters& parameters);
  // Throws std::invalid_argument for parameters that do not go together, and for limits of the system that
  // are too low. What it is given outlives it.
  ChatCaller(Context& context, const ChatRequests& requests, const AnswerForm& form, Ledger& ledger);
  ~ChatCaller();

  // From any thread. The group lives until it is done.
  void submit(JobGroup& group);
  // No new calls for the group. Those on the wire have a moment to end, since they are paid for.
  void cancel(JobGroup& group);

 private:
  using Time = EventLoop::Clock::time_point;

  void ask(ChatJob& job);
  void enqueue(ChatJob& job, bool first);
  void pump();
  void wake_at(Time time);
  void send(ChatJob& job, Endpoint& endpoint);
  void ended(ChatJob& job, HttpResponse response);
  void answered(ChatJob& job, HttpResponse& response);
  void refused(ChatJob& job, const HttpResponse& response, Time now);
  void throttled(ChatJob& job, const HttpResponse& response, Time now);
  void failed(ChatJob& job, const std::string& why);
  void try_later(ChatJob& job, std::chrono::milliseconds pause);
  void store(ChatJob& job);
  void use(ChatJob& job);
  bool judge(ChatJob& job, const ChatJob::Question& question, const Choice& choice);
  void give_up(ChatJob& job, std::string reason, std::string failure);
  void finish(ChatJob& job);
  void abandon(ChatJob& job);
  // All of a group that are not done: those whose call has not begun, and on demand those on the wire.
  static void add_unfinished(JobGroup& group, bool also_calls, std::vector<ChatJob*>& jobs);
  void stop(const std::string& why, bool is_at_limit = false);
  void settle(ChatJob& job, std::int64_t tokens, double cost);
  void watch_pool(Time now);

  const ChatRequests& requests_;
  const AnswerForm& form_;
  Ledger& ledger_;
  EndpointPool pool_;
  CallBudget budget_;
  std::chrono::milliseconds call_timeout_;
  std::chrono::seconds idle_timeout_;
  std::chrono::seconds patience_;
  int retries_;
  int reasks_;

  std::set<JobGroup*> groups_;  // submitted and not done
  std::deque<ChatJob*> queue_;  // wait for an endpoint
  std::optional<EventLoop::Timer> wake_;
  Time down_since_ = Time::max();
  std::string last_failure_;
  std::string stop_reason_;  // once no more calls make sense
  bool is_at_limit_ = false;

  EventLoop loop_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace datagen::llm
