// The questions of one record's conversation, sent one after the other.
#pragma once

#include <string>
#include <vector>

#include "llm/call.h"
#include "llm/caller.h"
#include "llm/conversation.h"

namespace datagen::llm {

class ChatCall final : public Call {
 public:
  // `is_streamed`: answers are streams of events.
  ChatCall(const ConversationRules& rules, const Item& item, bool is_streamed)
      : talk_(rules, item), is_streamed_(is_streamed) {}

  const Conversation& conversation() const { return talk_; }

  // Before it is submitted, and after each answer: true when something is to be asked. Error: the ledger is
  // damaged.
  Result<bool> prepare();
  void begin(Caller& caller) override;
  std::vector<PaidOutcome> answered(HttpResponse& response, const Endpoint& endpoint,
                                    const CallBudget& budget) override;
  void stored(Caller& caller) override;
  void given_up(Caller& caller, std::string reason, std::string failure) override;

 private:
  Conversation talk_;
  ChatAnswer answer_;  // while it is stored
  bool is_streamed_;
};

}  // namespace datagen::llm
