#include "llm/conversation.h"

#include <utility>

namespace datagen::llm {

namespace {

constexpr std::size_t kRawBytes = 4096;  // of a raw answer in a dead letter

std::string raw_answer(const Choice& choice) {
  std::string text = choice.text.substr(0, kRawBytes);
  while (text.size() < choice.text.size() && !text.empty() &&
         (static_cast<unsigned char>(choice.text[text.size()]) & 0xC0) == 0x80)
    text.pop_back();
  return text + (text.size() < choice.text.size() ? "…" : "");
}

}  // namespace

void ConversationRules::describe(Parameters& p) {
  p.integer("n", 1).min(1).max(128).help("completions of each record; with more than one each is a child");
  p.integer("reasks", 1).min(0).help("how often a bad answer is asked for again, with what is wrong with it");
}

Conversation::Conversation(const ConversationRules& rules, const Item& item)
    : rules_(rules), record_(item.identity()) {
  questions_.push_back({rules_.requests.messages(item), rules_.wanted, rules_.reasks});
}

std::int64_t Conversation::completion_tokens() const {
  return rules_.requests.completion_tokens() * questions_.front().choices;
}

Result<bool> Conversation::advance() {
  while (!questions_.empty()) {
    const Question& question = questions_.front();
    members_ = rules_.requests.members(question.messages, question.choices);
    key_ = {record_, attempt_, hash_request(with_model(members_, rules_.model))};
    if (!rules_.reads_ledger) return true;
    bool is_from_elsewhere = false;
    const auto paid = rules_.ledger.find(key_, &is_from_elsewhere);
    if (!paid) return true;
    DATAGEN_TRY(auto answer, ChatAnswer::decode(*paid));
    take(std::move(answer), is_from_elsewhere);
  }
  members_ = {};
  return false;
}

// The outcome is in the ledger: from here on nothing depends on how it came there.
void Conversation::take(ChatAnswer answer, bool is_from_elsewhere) {
  ++attempt_;
  const Question question = std::move(questions_.front());
  questions_.pop_front();
  CallNote note{answer.model, answer.endpoint, answer.prompt_tokens, answer.completion_tokens,
                rules_.budget.cost_of(answer.model, answer.prompt_tokens, answer.completion_tokens)};
  note.is_from_elsewhere = is_from_elsewhere;
  if (!answer.defect.empty()) {
    notes_.push_back(std::move(note));
    if (++useless_ > rules_.useless_max) return give_up("bad_answer", answer.defect);
    questions_.push_front(question);
    return;
  }
  std::int64_t given = 0;
  for (const Choice& choice : answer.choices) {
    if (given == question.choices) break;  // more than were asked for
    ++given;
    if (!judge(question, choice)) continue;
    note.is_used = true;
    good_.back().model = answer.model;
  }
  notes_.push_back(std::move(note));
  // A server that gives fewer than `n` is asked for the others.
  if (given < question.choices)
    questions_.push_front({question.messages, question.choices - given, question.reasks_left});
}

// Takes the choice, or asks for a better one, or notes why there is none.
bool Conversation::judge(const Question& question, const Choice& choice) {
  auto value = rules_.form.check(choice);
  if (value) {
    good_.push_back({choice, std::move(value).value(), {}});
    return true;
  }
  const std::string& wrong = value.error().message();
  if (question.reasks_left > 0) {
    questions_.push_back(
        {ChatRequests::messages_again(question.messages, choice.text, wrong), 1, question.reasks_left - 1});
  } else {
    reason_ = choice.text.empty() ? "empty_answer" : "invalid_answer";
    failure_ = wrong + "; the answer: " + raw_answer(choice);
  }
  return false;
}

void Conversation::give_up(std::string reason, std::string failure) {
  reason_ = std::move(reason);
  failure_ = std::move(failure);
  questions_.clear();
}

void Conversation::write(Item& item, Context& context) const {
  for (const CallNote& note : notes_) note.report(!good_.empty(), context);
  if (good_.empty()) return item.reject(reason_, failure_);
  if (!reason_.empty())
    context.count("missing_completions", rules_.wanted - static_cast<std::int64_t>(good_.size()));
  rules_.form.write(good_, rules_.wanted == 1, item);
}

}  // namespace datagen::llm
