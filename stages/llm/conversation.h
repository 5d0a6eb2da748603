// What is asked of a model for one record, question after question, and what its answers are worth. Knows
// nothing of how questions travel: llm_chat sends them one by one, llm_batch many in a file.
//
// Most records are one question; there are more when completions are missing or an answer is asked for again.
// Each question is one entry of the ledger, under the record and an attempt that counts outcomes. So after a
// crash the same questions are asked in the same order, and those that were answered cost nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <datagen/context.h>
#include <datagen/item.h>
#include <datagen/ledger.h>

#include "llm/answer_form.h"
#include "llm/call_budget.h"
#include "llm/call_note.h"
#include "llm/chat_answer.h"
#include "llm/chat_request.h"

namespace datagen::llm {

// What all conversations of a worker go by. What it refers to outlives it.
struct ConversationRules {
  const ChatRequests& requests;
  const AnswerForm& form;
  Ledger& ledger;
  const CallBudget& budget;
  std::string model;    // the name under which answers are asked for
  std::int64_t wanted;  // completions of each record
  int reasks;           // of a bad answer
  int useless_max;      // outcomes of no use at all, then the record is given up
  bool reads_ledger = true;

  // The parameters `n` and `reasks`.
  static void describe(Parameters& parameters);
};

class Conversation {
 public:
  // Throws BadRecord for a record that lacks what the prompt asks for.
  Conversation(const ConversationRules& rules, const Item& item);

  // Takes from the ledger what is paid for. True: then members() is to be asked, and its outcome to be kept
  // under key(); false: it is over. Error: the ledger is damaged.
  Result<bool> advance();
  const std::string& members() const { return members_; }
  const CallKey& key() const { return key_; }
  std::int64_t completion_tokens() const;
  // The outcome, once it is durable.
  void take(ChatAnswer answer, bool is_from_elsewhere);
  void give_up(std::string reason, std::string failure);

  // When it is over: reports what was paid, and writes the answers into the record, or gives it up.
  void write(Item& item, Context& context) const;

 private:
  struct Question {
    std::string messages;
    std::int64_t choices = 1;
    int reasks_left = 0;
  };
  bool judge(const Question& question, const Choice& choice);

  const ConversationRules& rules_;
  std::string record_;              // Item::identity()
  std::uint32_t attempt_ = 0;       // outcomes so far
  int useless_ = 0;                 // of them
  std::deque<Question> questions_;  // the first is being asked
  std::string members_;
  CallKey key_;
  std::vector<GoodAnswer> good_;
  std::string reason_, failure_;  // why nothing more comes; empty: all that was wanted is there
  std::vector<CallNote> notes_;
};

}  // namespace datagen::llm
