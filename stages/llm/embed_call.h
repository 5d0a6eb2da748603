// One request for the embeddings of several records. When it fails for good it is split: a text that a server
// refuses does not fail its neighbours.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "llm/call.h"
#include "llm/caller.h"
#include "llm/embedding.h"

namespace datagen::llm {

class EmbedCall final : public Call {
 public:
  // `all`: where the calls of the group live; halves are added to it.
  EmbedCall(std::vector<Embedding*> embeddings, const EmbeddingRules& rules, std::deque<EmbedCall>& all)
      : embeddings_(std::move(embeddings)), rules_(rules), all_(all) {}

  void begin(Caller& caller) override;
  std::vector<PaidOutcome> answered(HttpResponse& response, const Endpoint& endpoint,
                                    const CallBudget& budget) override;
  void stored(Caller& caller) override;
  void given_up(Caller& caller, std::string reason, std::string failure) override;

 private:
  std::vector<Embedding*> embeddings_;
  const EmbeddingRules& rules_;
  std::deque<EmbedCall>& all_;
  std::vector<EmbeddingAnswer> answers_;  // while they are stored
};

}  // namespace datagen::llm
