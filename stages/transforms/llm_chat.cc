// Asks a language model about each record, at any server that speaks the OpenAI chat API. See docs/llm.md.
#include <datagen/ledger.h>
#include <datagen/stage.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "llm/answer_form.h"
#include "llm/cache.h"
#include "llm/caller.h"
#include "llm/chat_call.h"
#include "llm/chat_request.h"
#include "llm/conversation.h"

namespace {

using datagen::Batch;
using datagen::Context;
using datagen::Item;
using datagen::llm::ChatCall;

struct LlmChat : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Asks a language model about each record",
               "stages: [{llm_chat: {url: http://localhost:8000/v1, model: qwen3, prompt: \"Translate into "
               "German: {text}\"}}]");
    // In flight are the records of all frames in work: as many as max_in_flight.
    p.run_with("frames", 16);
    p.run_with("batch_size", 16);
    datagen::llm::ChatRequests::describe(p);
    datagen::llm::AnswerForm::describe(p);
    datagen::llm::ConversationRules::describe(p);
    datagen::llm::describe_cache(p, "answers");
    p.boolean("stream", false).help("let answers come as a stream");
    datagen::llm::Caller::describe(p);
  }

  void open(Context& context) override {
    datagen::Ledger& ledger = datagen::llm::open_ledger(context);
    form_ = std::make_unique<datagen::llm::AnswerForm>(context);
    requests_ = std::make_unique<datagen::llm::ChatRequests>(context, form_->request_members());
    caller_ = std::make_unique<datagen::llm::Caller>(context, "/chat/completions", ledger);
    rules_.emplace(datagen::llm::ConversationRules{*requests_, *form_, ledger, caller_->budget(),
                                                   caller_->model(), context.param<std::int64_t>("n"),
                                                   context.param<int>("reasks"), caller_->retries()});
  }

  // Called from several threads at once, each with a batch of its own.
  void process_batch(Batch& batch, Context& context) override {
    datagen::llm::CallGroup group;
    std::deque<ChatCall> calls;
    std::deque<Item*> items;
    for (Item& item : batch) {
      try {
        ChatCall& call = calls.emplace_back(*rules_, item, requests_->is_streamed());
        items.push_back(&item);
        const auto is_open = call.prepare();
        if (!is_open) throw datagen::StopRun(is_open.error().message());
        if (is_open.value()) group.add(call);
      } catch (const datagen::BadRecord& bad) {
        item.reject(bad.reason(), bad.what());
      }
    }
    if (!caller_->run(group, context)) return;
    for (std::size_t index = 0; index < items.size(); ++index) {
      if (const auto failed = calls[index].failed_tries(); failed > 0) context.count("failed_calls", failed);
      calls[index].conversation().write(*items[index], context);
    }
  }

 private:
  std::unique_ptr<datagen::llm::AnswerForm> form_;
  std::unique_ptr<datagen::llm::ChatRequests> requests_;
  std::unique_ptr<datagen::llm::Caller> caller_;
  std::optional<datagen::llm::ConversationRules> rules_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<LlmChat>(argc, argv); }
