// The embedding of one record: what is asked for, and what came of it.
//
// Each is an entry of the ledger of its own, although several travel in one request: so a redo finds them,
// however its requests are made up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <datagen/context.h>
#include <datagen/item.h>
#include <datagen/ledger.h>

#include "ipc/result.h"
#include "llm/call_budget.h"
#include "llm/call_note.h"
#include "llm/template.h"

namespace datagen::llm {

// One record's part of an answer, as the ledger keeps it.
struct EmbeddingAnswer {
  std::string model, endpoint;
  std::int64_t prompt_tokens = 0;  // its share of the request's
  std::int64_t calls = 0;          // 1 for one record of each request
  std::string value;               // JSON: a list of numbers, or base64 as a text
  std::string defect;              // why it cannot be used although it was paid for; empty: it can

  std::string encode() const;
  // Error: not what encode() wrote.
  static Result<EmbeddingAnswer> decode(std::string_view bytes);
};

// Of a body with status 200, for so many inputs, in their order; shares of tokens by `weights`. Error: it is
// no answer of this API. `body` is only changed in the capacity behind its end.
Result<std::vector<EmbeddingAnswer>> parse_embeddings(std::string& body,
                                                      const std::vector<std::size_t>& weights);

// So much of the total for each, in proportion to its weight; together exactly the total.
std::vector<std::int64_t> shares(std::int64_t total, const std::vector<std::size_t>& weights);

// What all embeddings of a worker go by. What it refers to outlives it.
struct EmbeddingRules {
  Template input;
  std::string further_members;  // of the request, each with a comma before
  std::string output;           // field
  bool keeps_input;
  Ledger& ledger;
  const CallBudget& budget;
  std::string model;
  int useless_max;  // outcomes of no use, then the record is given up
};

class Embedding {
 public:
  // Throws BadRecord for a record that lacks what the input asks for.
  Embedding(const EmbeddingRules& rules, const Item& item);

  // Takes from the ledger what is paid for. True: its input is to be sent, and the outcome to be kept under
  // key(); false: it is over. Error: the ledger is damaged.
  Result<bool> advance();
  const std::string& input() const { return input_; }  // JSON
  CallKey key() const { return {record_, attempt_, request_}; }
  // The outcome, once it is durable.
  void take(EmbeddingAnswer answer, bool is_from_elsewhere);
  void give_up(std::string reason, std::string failure);
  bool is_over() const { return !value_.empty() || !reason_.empty(); }

  // When it is over: reports what was paid, and writes the record, or gives it up.
  void write(Item& item, Context& context) const;

 private:
  const EmbeddingRules& rules_;
  std::string record_;  // Item::identity()
  std::string input_;
  std::array<std::uint64_t, 2> request_;
  std::uint32_t attempt_ = 0;  // outcomes so far
  std::string value_;
  std::string reason_, failure_;
  std::vector<CallNote> notes_;
};

}  // namespace datagen::llm
