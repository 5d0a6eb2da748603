// Asks a language model about each record by batches: files of requests that a server works off within hours,
// for less. See docs/llm.md.
#include <datagen/ledger.h>
#include <datagen/stage.h>
#include <simdjson.h>

#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llm/answer_form.h"
#include "llm/batch_file.h"
#include "llm/batch_queue.h"
#include "llm/batch_results.h"
#include "llm/cache.h"
#include "llm/chat_request.h"
#include "llm/conversation.h"
#include "llm/endpoint_settings.h"

namespace {

using datagen::Batch;
using datagen::Context;
using datagen::Item;
using datagen::llm::BatchQuestion;
using datagen::llm::Conversation;

// A path, or a list of them.
std::vector<std::string> read_paths(std::string_view given) {
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  if (parser.parse(given.data(), given.size()).get(list) != simdjson::SUCCESS) return {std::string(given)};
  std::vector<std::string> paths;
  for (const auto entry : list) {
    std::string_view path;
    if (entry.get(path) != simdjson::SUCCESS)
      throw std::invalid_argument("expected a path, or a list of paths");
    paths.emplace_back(path);
  }
  return paths;
}

struct LlmBatch : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe(
        "Asks a language model about each record, many in a file that the server works off later",
        "stages: [{llm_batch: {url: https://api.example.com/v1, api_key: env:KEY, model: large, prompt: "
        "\"Translate into German: {text}\"}}]");
    // A batch is made of all frames in work.
    p.run_with("frames", 64);
    p.run_with("batch_size", 1000);
    p.choice("mode", {"submit", "write", "read"}, "submit")
        .help("submit: to a server; write: records become lines of a request file; read: merge 'results'");
    p.json("results")
        .path()
        .checked_by([](std::string_view text) { read_paths(text); })
        .help("of mode read: a result file, or a list of them");
    datagen::llm::describe_endpoint(p);
    datagen::llm::ChatRequests::describe(p);
    datagen::llm::AnswerForm::describe(p);
    datagen::llm::ConversationRules::describe(p);
    datagen::llm::describe_cache(p, "answers");
    datagen::llm::CallBudget::describe(p);
    datagen::llm::BatchQueue::describe(p);
  }

  void open(Context& context) override {
    const auto mode = context.param<std::string>("mode");
    if (!context.has_param("model")) throw std::invalid_argument("give 'model'");
    is_azure_ = context.param<std::string>("api") == "azure";
    if ((mode == "read") != context.has_param("results"))
      throw std::invalid_argument("'results' goes with mode: read");
    datagen::Ledger& ledger = datagen::llm::open_ledger(context);
    form_.emplace(context);
    requests_.emplace(context, form_->request_members());
    budget_.emplace(context);
    writes_ = mode == "write";
    const bool submits = mode == "submit";
    rules_.emplace(datagen::llm::ConversationRules{
        *requests_, *form_, ledger, *budget_, context.param<std::string>("model"),
        context.param<std::int64_t>("n"), submits ? context.param<int>("reasks") : 0,
        submits ? context.param<int>("call_retries") : 0, submits});
    if (mode == "read") results_.emplace(read_paths(context.param<std::string>("results")));
    if (submits) queue_.emplace(context, ledger, *budget_);
  }

  // Called from several threads at once, each with a batch of its own.
  void process_batch(Batch& batch, Context& context) override {
    std::deque<Conversation> talks;
    std::vector<Item*> items;
    for (Item& item : batch) {
      try {
        talks.emplace_back(*rules_, item);
        items.push_back(&item);
      } catch (const datagen::BadRecord& bad) {
        item.reject(bad.reason(), bad.what());
      }
    }
    for (;;) {
      std::vector<Conversation*> open;
      std::vector<BatchQuestion> questions;
      for (Conversation& talk : talks) {
        const auto is_open = talk.advance();
        if (!is_open) throw datagen::StopRun(is_open.error().message());
        if (!is_open.value()) continue;
        open.push_back(&talk);
        questions.emplace_back(talk.key(), talk.members(), talk.completion_tokens());
      }
      if (writes_) return write_requests(questions, items);
      if (open.empty()) break;
      if (queue_ && !queue_->ask(questions, context)) return;
      if (results_) look_up(questions);
      for (std::size_t index = 0; index < open.size(); ++index) {
        BatchQuestion& question = questions[index];
        if (question.reason.empty()) {
          open[index]->take(std::move(question.answer), false);
        } else {
          open[index]->give_up(question.reason, question.failure);
        }
      }
    }
    for (std::size_t index = 0; index < items.size(); ++index) talks[index].write(*items[index], context);
  }

 private:
  void write_requests(const std::vector<BatchQuestion>& questions, const std::vector<Item*>& items) const {
    for (std::size_t index = 0; index < items.size(); ++index) {
      const BatchQuestion& question = questions[index];
      items[index]->assign_json(datagen::llm::batch_request(datagen::llm::custom_id(question.key),
                                                            question.members, rules_->model, is_azure_));
    }
  }

  void look_up(std::vector<BatchQuestion>& questions) const {
    for (BatchQuestion& question : questions) {
      auto result = results_->find(datagen::llm::custom_id(question.key));
      if (result && result->status == 200) {
        question.answer = datagen::llm::read_paid(result->body, false, rules_->model, "batch");
      } else {
        question.reason = result ? "refused_by_server" : "no_result";
        question.failure = result ? result->error
                                  : "no result file has " + datagen::llm::custom_id(question.key) +
                                        ": another prompt or model, or not in its batch";
      }
    }
  }

  bool writes_ = false, is_azure_ = false;
  std::optional<datagen::llm::AnswerForm> form_;
  std::optional<datagen::llm::ChatRequests> requests_;
  std::optional<datagen::llm::CallBudget> budget_;
  std::optional<datagen::llm::ConversationRules> rules_;
  std::optional<datagen::llm::BatchResults> results_;
  std::optional<datagen::llm::BatchQueue> queue_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<LlmBatch>(argc, argv); }
