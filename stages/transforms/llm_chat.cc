// Asks a language model about each record, at any server that speaks the OpenAI chat API. See docs/llm.md.
#include <datagen/ledger.h>
#include <datagen/stage.h>

#include <memory>
#include <optional>

#include "llm/answer_form.h"
#include "llm/chat_caller.h"
#include "llm/chat_request.h"

namespace {

using datagen::Batch;
using datagen::Context;
using datagen::Item;
using datagen::llm::CallNote;
using datagen::llm::ChatJob;

struct LlmChat : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Asks a language model about each record",
               "stages: [{llm_chat: {url: http://localhost:8000/v1, model: qwen3, prompt: \"Translate into "
               "German: {text}\"}}]");
    // In flight are the records of all frames in work: as many as max_in_flight.
    p.run_with("frames", 16);
    p.run_with("batch_size", 16);
    datagen::llm::ChatRequests::describe(p);
    p.integer("n", 1).min(1).max(128).help("completions of each record; with more than one each is a child");
    datagen::llm::AnswerForm::describe(p);
    p.text("cache").running().help("folder that runs share answers in, by what was asked");
    datagen::llm::ChatCaller::describe(p);
  }

  void open(Context& context) override {
    form_ = std::make_unique<datagen::llm::AnswerForm>(context);
    requests_ = std::make_unique<datagen::llm::ChatRequests>(context, form_->request_members());
    wanted_ = context.param<std::int64_t>("n");
    const std::string cache =
        context.has_param("cache") ? context.param<std::string>("cache") : std::string();
    caller_ = std::make_unique<datagen::llm::ChatCaller>(context, *requests_, *form_, context.ledger(cache));
  }

  // Called from several threads at once, each with a batch of its own.
  void process_batch(Batch& batch, Context& context) override {
    datagen::llm::JobGroup group;
    std::vector<Item*> items;
    group.jobs.reserve(batch.size());
    for (Item& item : batch) {
      try {
        ChatJob job;
        job.record = item.identity();
        job.messages = requests_->messages(item);
        job.wanted = wanted_;
        group.jobs.push_back(std::move(job));
        items.push_back(&item);
      } catch (const datagen::BadRecord& bad) {
        item.reject(bad.reason(), bad.what());
      }
    }
    caller_->submit(group);
    group.wait([&] { return context.cancelled(); }, [&] { caller_->cancel(group); });
    if (group.is_at_limit()) return context.stop_at_limit(group.stop_reason());
    if (!group.stop_reason().empty()) throw datagen::StopRun(group.stop_reason());
    for (std::size_t index = 0; index < items.size(); ++index)
      take(group.jobs[index], *items[index], context);
  }

 private:
  void take(const ChatJob& job, Item& item, Context& context) const {
    if (job.is_abandoned) return;  // of a frame that is not published
    for (const CallNote& note : job.notes) report(note, !job.good.empty(), context);
    if (job.failed_calls > 0) context.count("failed_calls", job.failed_calls);
    if (job.good.empty()) return item.reject(job.reason, job.failure);
    if (!job.reason.empty())
      context.count("missing_completions", wanted_ - static_cast<std::int64_t>(job.good.size()));
    form_->write(job.good, wanted_ == 1, item);
  }

  static void report(const CallNote& note, bool is_answered, Context& context) {
    using datagen::UsageKind;
    const UsageKind kind = note.is_from_elsewhere ? UsageKind::reused
                           : note.is_used         ? UsageKind::kept
                           : is_answered          ? UsageKind::retry
                                                  : UsageKind::waste;
    context.report_usage(
        {note.model, note.endpoint, note.prompt_tokens, note.completion_tokens, note.cost, kind});
  }

  std::unique_ptr<datagen::llm::AnswerForm> form_;
  std::unique_ptr<datagen::llm::ChatRequests> requests_;
  std::int64_t wanted_ = 1;
  std::unique_ptr<datagen::llm::ChatCaller> caller_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<LlmChat>(argc, argv); }
