#include "llm/embed_call.h"

#include <utility>

namespace datagen::llm {

// Which of its embeddings are paid for was asked before: all that it has are to be sent.
void EmbedCall::begin(Caller& caller) {
  members_ = "\"input\":[";
  for (const Embedding* embedding : embeddings_) {
    if (embedding != embeddings_.front()) members_ += ',';
    members_ += embedding->input();
  }
  members_ += "]" + rules_.further_members;
  caller.send(*this, embeddings_.front()->key().attempt > 0);
}

std::vector<PaidOutcome> EmbedCall::answered(HttpResponse& response, const Endpoint& endpoint,
                                             const CallBudget& budget) {
  std::vector<std::size_t> weights;
  for (const Embedding* embedding : embeddings_) weights.push_back(embedding->input().size());
  auto answers = parse_embeddings(response.body, weights);
  answers_ = answers ? std::move(answers).value() : std::vector<EmbeddingAnswer>(weights.size());
  std::int64_t tokens = 0;
  for (EmbeddingAnswer& answer : answers_) {
    if (!answers) answer.defect = answers.error().message();
    if (answer.model.empty()) answer.model = endpoint.settings().model;
    answer.endpoint = endpoint.settings().name;
    tokens += answer.prompt_tokens;
  }
  answers_.front().calls = 1;
  std::vector<PaidOutcome> outcomes;
  for (std::size_t index = 0; index < answers_.size(); ++index)
    outcomes.push_back({embeddings_[index]->key(), answers_[index].encode(), {}});
  // Limits count requests: the first entry is billed for all.
  outcomes.front().bill = budget.bill(answers_.front().model, tokens, 0);
  return outcomes;
}

void EmbedCall::stored(Caller& caller) {
  for (std::size_t index = 0; index < answers_.size(); ++index)
    embeddings_[index]->take(std::move(answers_[index]), false);
  answers_.clear();
  if (embeddings_.front()->is_over()) return caller.finish(*this);  // of all: they came together
  begin(caller);
}

void EmbedCall::given_up(Caller& caller, std::string reason, std::string failure) {
  if (embeddings_.size() > 1) {
    const auto middle = embeddings_.begin() + static_cast<std::ptrdiff_t>(embeddings_.size() / 2);
    for (const auto& half : {std::vector<Embedding*>(embeddings_.begin(), middle),
                             std::vector<Embedding*>(middle, embeddings_.end())}) {
      EmbedCall& call = all_.emplace_back(half, rules_, all_);
      caller.add(caller.group_of(*this), call);
      call.begin(caller);
    }
  } else {
    embeddings_.front()->give_up(std::move(reason), std::move(failure));
  }
  caller.finish(*this);
}

}  // namespace datagen::llm
