// Gets answers for calls: from an endpoint, with patience and within limits, and into the ledger. One for
// each worker; everything happens on its loop's thread.
//
// A call goes: begin -> queue -> endpoint -> ledger -> stored, and then perhaps begins again with another
// question. An outcome that was paid for is stored whatever it is worth; a failure that was not paid for is
// tried again as the same question. So after a crash the same questions are asked in the same order, and
// those that were answered cost nothing.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/context.h>
#include <datagen/ledger.h>

#include "llm/call.h"
#include "llm/endpoint_pool.h"
#include "llm/event_loop.h"
#include "llm/http_client.h"

namespace datagen::llm {

class Caller {
 public:
  static void describe(Parameters& parameters);
  // `api`: what stands behind an endpoint's url, such as "/chat/completions". Throws std::invalid_argument
  // for parameters that do not go together, and for limits of the system that are too low. What it is given
  // outlives it.
  Caller(Context& context, std::string_view api, Ledger& ledger);
  ~Caller();

  // Submits the group's calls and waits for them; when the run is being stopped, no new ones are sent, and
  // those on the wire have a moment to end, since they are paid for. False: the frame must not be published,
  // and the run is told why. From any thread but the loop's. Throws StopRun.
  bool run(CallGroup& group, Context& context);

  // The name under which answers are asked for, whichever endpoint gives them.
  const std::string& model() const { return pool_.model(); }
  const CallBudget& budget() const { return budget_; }
  int retries() const { return retries_; }

  // On the loop's thread, for calls:
  // Sends what the call has as its members; before all others when it has had an answer already.
  void send(Call& call, bool first);
  void finish(Call& call);
  // One more call of a group that is not done.
  void add(CallGroup& group, Call& call);
  CallGroup& group_of(Call& call) const { return *call.group_; }
  // Ends the run: no call makes sense any more.
  void stop(const std::string& why, bool is_at_limit = false);
  void abandon(Call& call);

 private:
  using Time = EventLoop::Clock::time_point;

  void submit(CallGroup& group);
  void cancel(CallGroup& group);
  void enqueue(Call& call, bool first);
  void pump();
  void wake_at(Time time);
  void transmit(Call& call, Endpoint& endpoint);
  void ended(Call& call, HttpResponse response);
  void refused(Call& call, const HttpResponse& response, Time now);
  void throttled(Call& call, const HttpResponse& response, Time now);
  void failed(Call& call, const std::string& why);
  void try_later(Call& call, std::chrono::milliseconds pause);
  void store(Call& call, HttpResponse& response);
  // All of a group that are not done: those whose request has not begun, and on demand those on the wire.
  static void add_unfinished(CallGroup& group, bool also_sent, std::vector<Call*>& calls);
  void settle(Call& call, std::int64_t tokens, double cost);
  void watch_pool(Time now);

  Ledger& ledger_;
  EndpointPool pool_;
  CallBudget budget_;
  std::chrono::milliseconds call_timeout_;
  std::chrono::seconds idle_timeout_;
  std::chrono::seconds patience_;
  int retries_;

  std::set<CallGroup*> groups_;  // submitted and not done
  std::deque<Call*> queue_;      // wait for an endpoint
  std::optional<EventLoop::Timer> wake_;
  Time down_since_ = Time::max();
  std::string last_failure_;
  std::string stop_reason_;  // once no more calls make sense
  bool is_at_limit_ = false;

  EventLoop loop_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace datagen::llm
