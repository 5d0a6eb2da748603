#include "llm/chat_call.h"

#include <utility>

namespace datagen::llm {

void ChatCall::begin(Caller& caller) {
  const auto is_open = talk_.advance();
  if (!is_open) {
    caller.stop(is_open.error().message());
    return caller.abandon(*this);
  }
  if (!is_open.value()) return caller.finish(*this);
  members_ = talk_.members();
  completion_tokens_ = talk_.completion_tokens();
  caller.send(*this, talk_.key().attempt > 0);
}

std::vector<PaidOutcome> ChatCall::answered(HttpResponse& response, const Endpoint& endpoint,
                                            const CallBudget& budget) {
  answer_ = read_paid(response.body, is_streamed_, endpoint.settings().model, endpoint.settings().name);
  return {{talk_.key(), answer_.encode(),
           budget.bill(answer_.model, answer_.prompt_tokens, answer_.completion_tokens)}};
}

void ChatCall::stored(Caller& caller) {
  talk_.take(std::exchange(answer_, {}), false);
  begin(caller);
}

void ChatCall::given_up(Caller& caller, std::string reason, std::string failure) {
  talk_.give_up(std::move(reason), std::move(failure));
  caller.finish(*this);
}

}  // namespace datagen::llm
