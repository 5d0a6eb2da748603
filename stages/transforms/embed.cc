// Embeds a text of each record, at any server that speaks the OpenAI embeddings API. See docs/llm.md.
#include <datagen/ledger.h>
#include <datagen/stage.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "llm/cache.h"
#include "llm/caller.h"
#include "llm/chat_request.h"
#include "llm/embed_call.h"
#include "llm/embedding.h"

namespace {

using datagen::Batch;
using datagen::Context;
using datagen::Item;
using datagen::llm::EmbedCall;
using datagen::llm::Embedding;

struct Embed : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe(
        "Embeds a text of each record by a language model",
        "stages: [{embed: {url: http://localhost:8000/v1, model: bge-m3, input: \"{title}: {text}\"}}]");
    p.run_with("frames", 8);
    p.run_with("batch_size", 64);
    p.text("input", "{text}")
        .checked_by(datagen::llm::check_template)
        .help("what is embedded; {field} is the record's, {{ a brace");
    p.text("output", "embedding").help("field for the embedding");
    p.boolean("keep_input", true).help("false: the record keeps only the embedding");
    p.integer("per_request", 32).min(1).max(2048).running().help("most records that one request asks for");
    p.integer("dimensions").min(1).help("of the embedding, for models that let one choose");
    p.choice("encoding_format", {"float", "base64"}, "float")
        .help("float: a list of numbers; base64: a text, of 4-byte floats");
    p.json("extra")
        .checked_by(datagen::llm::check_members)
        .help("further members of the request, as they are");
    datagen::llm::describe_cache(p, "embeddings");
    datagen::llm::Caller::describe(p);
  }

  void open(Context& context) override {
    datagen::Ledger& ledger = datagen::llm::open_ledger(context);
    caller_ = std::make_unique<datagen::llm::Caller>(context, "/embeddings", ledger);
    std::string members;
    if (context.has_param("dimensions"))
      members += ",\"dimensions\":" + std::to_string(context.param<std::int64_t>("dimensions"));
    if (context.param<std::string>("encoding_format") == "base64")
      members += R"(,"encoding_format":"base64")";
    members += datagen::llm::extra_members(context);
    rules_.emplace(datagen::llm::EmbeddingRules{datagen::llm::Template(context.param<std::string>("input")),
                                                members, context.param<std::string>("output"),
                                                context.param<bool>("keep_input"), ledger, caller_->budget(),
                                                caller_->model(), caller_->retries()});
    per_request_ = context.param<std::size_t>("per_request");
  }

  // Called from several threads at once, each with a batch of its own.
  void process_batch(Batch& batch, Context& context) override {
    std::deque<Embedding> embeddings;
    std::vector<Item*> items;
    std::deque<EmbedCall> calls;
    std::vector<Embedding*> together;
    const auto make_call = [&] {
      if (!together.empty()) calls.emplace_back(std::exchange(together, {}), *rules_, calls);
    };
    for (Item& item : batch) {
      try {
        Embedding& embedding = embeddings.emplace_back(*rules_, item);
        items.push_back(&item);
        const auto is_to_send = embedding.advance();
        if (!is_to_send) throw datagen::StopRun(is_to_send.error().message());
        if (is_to_send.value()) together.push_back(&embedding);
        if (together.size() == per_request_) make_call();
      } catch (const datagen::BadRecord& bad) {
        item.reject(bad.reason(), bad.what());
      }
    }
    make_call();
    datagen::llm::CallGroup group;
    for (EmbedCall& call : calls) group.add(call);
    if (!caller_->run(group, context)) return;
    for (const EmbedCall& call : calls) {
      if (call.failed_tries() > 0) context.count("failed_calls", call.failed_tries());
    }
    for (std::size_t index = 0; index < items.size(); ++index)
      embeddings[index].write(*items[index], context);
  }

 private:
  std::unique_ptr<datagen::llm::Caller> caller_;
  std::optional<datagen::llm::EmbeddingRules> rules_;
  std::size_t per_request_ = 1;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Embed>(argc, argv); }
