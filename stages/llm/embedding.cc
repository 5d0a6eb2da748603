#include "llm/embedding.h"

#include <simdjson.h>

#include <numeric>
#include <utility>

#include "llm/chat_answer.h"
#include "llm/chat_request.h"
#include "runtime/json_fields.h"

namespace datagen::llm {

namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;
using json::text_of;

// The values as they stand in the text, by the index that the server gives, else by their order.
simdjson::error_code read_values(std::string& body, std::vector<EmbeddingAnswer>& answers) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array data;
  if (const auto error = parser.iterate(body).get(document)) return error;
  if (const auto error = document["data"].get_array().get(data)) return error;
  std::size_t count = 0;
  for (auto entry : data) {
    ondemand::object object;
    if (const auto error = entry.get_object().get(object)) return error;
    std::uint64_t index = count++;
    if (std::uint64_t given = 0; object["index"].get_uint64().get(given) == simdjson::SUCCESS) index = given;
    if (index >= answers.size()) return simdjson::INDEX_OUT_OF_BOUNDS;
    ondemand::value value;
    std::string_view text;
    if (const auto error = object["embedding"].get(value)) return error;
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::array) {
      if (const auto error = value.get_array().value().raw_json().get(text)) return error;
      answers[index].value = text;
    } else {
      if (const auto error = value.get_string().get(text)) return error;
      answers[index].value = json_text(text);
    }
  }
  return simdjson::SUCCESS;
}

}  // namespace

std::vector<std::int64_t> shares(std::int64_t total, const std::vector<std::size_t>& weights) {
  const auto all = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::size_t{0}));
  std::vector<std::int64_t> given;
  double sum = 0;
  std::int64_t before = 0;
  for (std::size_t index = 0; index < weights.size(); ++index) {
    sum += static_cast<double>(weights[index]);
    const auto until = index + 1 == weights.size() || all == 0
                           ? total
                           : static_cast<std::int64_t>(static_cast<double>(total) * (sum / all));
    given.push_back(until - before);
    before = until;
  }
  return given;
}

Result<std::vector<EmbeddingAnswer>> parse_embeddings(std::string& body,
                                                      const std::vector<std::size_t>& weights) {
  thread_local dom::parser parser;
  DATAGEN_TRY(const dom::element root, parse_body(parser, body));
  std::vector<EmbeddingAnswer> answers(weights.size());
  const std::string model = text_of(root, "model");
  const auto tokens = shares(usage_tokens(root, "prompt_tokens"), weights);
  if (read_values(body, answers) != simdjson::SUCCESS) return no_answer("holds no list of embeddings", body);
  for (std::size_t index = 0; index < answers.size(); ++index) {
    EmbeddingAnswer& answer = answers[index];
    if (answer.value.empty())
      return no_answer(
          "has no embedding for input " + std::to_string(index) + " of " + std::to_string(answers.size()),
          body);
    answer.model = model;
    answer.prompt_tokens = tokens[index];
  }
  return answers;
}

std::string EmbeddingAnswer::encode() const {
  std::string text = "{\"model\":" + json_text(model) + ",\"endpoint\":" + json_text(endpoint) +
                     ",\"prompt_tokens\":" + std::to_string(prompt_tokens) +
                     ",\"calls\":" + std::to_string(calls);
  if (!defect.empty()) text += ",\"defect\":" + json_text(defect);
  // The value stands behind as it came: it is by far the largest, and its numbers keep their digits.
  return text + "}\n" + value;
}

Result<EmbeddingAnswer> EmbeddingAnswer::decode(std::string_view bytes) {
  dom::parser parser;
  dom::element root;
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos || parser.parse(bytes.data(), end).get(root) != simdjson::SUCCESS)
    return Error("a result in the ledger is damaged");
  return EmbeddingAnswer{text_of(root, "model"),
                         text_of(root, "endpoint"),
                         static_cast<std::int64_t>(json::number(root, "prompt_tokens")),
                         static_cast<std::int64_t>(json::number(root, "calls")),
                         std::string(bytes.substr(end + 1)),
                         text_of(root, "defect")};
}

Embedding::Embedding(const EmbeddingRules& rules, const Item& item)
    : rules_(rules),
      record_(item.identity()),
      input_(json_text(rules.input.fill(item))),
      request_(hash_request(with_model("\"input\":" + input_ + rules.further_members, rules.model))) {}

Result<bool> Embedding::advance() {
  while (!is_over()) {
    bool is_from_elsewhere = false;
    const auto paid = rules_.ledger.find(key(), &is_from_elsewhere);
    if (!paid) return true;
    DATAGEN_TRY(auto answer, EmbeddingAnswer::decode(*paid));
    take(std::move(answer), is_from_elsewhere);
  }
  return false;
}

void Embedding::take(EmbeddingAnswer answer, bool is_from_elsewhere) {
  ++attempt_;
  CallNote note{answer.model, answer.endpoint, answer.prompt_tokens, 0,
                rules_.budget.cost_of(answer.model, answer.prompt_tokens, 0)};
  note.calls = answer.calls;
  note.is_from_elsewhere = is_from_elsewhere;
  note.is_used = answer.defect.empty();
  notes_.push_back(std::move(note));
  value_ = std::move(answer.value);
  if (!answer.defect.empty() && static_cast<int>(attempt_) > rules_.useless_max)
    give_up("bad_answer", answer.defect);
}

void Embedding::give_up(std::string reason, std::string failure) {
  reason_ = std::move(reason);
  failure_ = std::move(failure);
}

void Embedding::write(Item& item, Context& context) const {
  for (const CallNote& note : notes_) note.report(!value_.empty(), context);
  if (value_.empty()) return item.reject(reason_, failure_);
  if (rules_.keeps_input) return item.set_json(rules_.output, value_);
  item.assign_json("{" + json_text(rules_.output) + ":" + value_ + "}");
}

}  // namespace datagen::llm
