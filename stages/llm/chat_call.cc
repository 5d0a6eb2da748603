#include "llm/chat_call.h"

#include <utility>

namespace datagen::llm {

Result<bool> ChatCall::prepare() {
  DATAGEN_TRY(const bool is_open, talk_.advance());
  if (is_open) {
    members_ = talk_.members();
    completion_tokens_ = talk_.completion_tokens();
  }
  return is_open;
}

void ChatCall::begin(Caller& caller) { caller.send(*this, talk_.key().attempt > 0); }

std::vector<PaidOutcome> ChatCall::answered(HttpResponse& response, const Endpoint& endpoint,
                                            const CallBudget& budget) {
  answer_ = read_paid(response.body, is_streamed_, endpoint.settings().model, endpoint.settings().name);
  return {{talk_.key(), answer_.encode(),
           budget.bill(answer_.model, answer_.prompt_tokens, answer_.completion_tokens)}};
}

void ChatCall::stored(Caller& caller) {
  talk_.take(std::exchange(answer_, {}), false);
  const auto is_open = prepare();
  if (!is_open) {
    caller.stop(is_open.error().message());
    return caller.abandon(*this);
  }
  is_open.value() ? begin(caller) : caller.finish(*this);
}

void ChatCall::given_up(Caller& caller, std::string reason, std::string failure) {
  talk_.give_up(std::move(reason), std::move(failure));
  caller.finish(*this);
}

}  // namespace datagen::llm
