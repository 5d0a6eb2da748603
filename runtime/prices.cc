#include "datagen/prices.h"

#include <simdjson.h>

#include <stdexcept>

#include "durable_file.h"

namespace datagen {

namespace {

namespace dom = simdjson::dom;

double price_of(dom::object entry, const char* name, const std::string& model) {
  double price = 0;
  dom::element given;
  if (entry[name].get(given) != simdjson::SUCCESS) return 0;
  if (given.get(price) != simdjson::SUCCESS || price < 0)
    throw std::invalid_argument("prices: '" + std::string(name) + "' of " + model +
                                " is no price (a number, for a million tokens)");
  return price;
}

}  // namespace

Prices Prices::parse(std::string_view table_or_path) {
  Prices prices;
  std::string text(table_or_path);
  if (text.empty()) return prices;
  std::string where = "prices";
  if (text.find_first_not_of(" \t\r\n") == std::string::npos ||
      text[text.find_first_not_of(" \t\r\n")] != '{') {
    where = text;
    const auto content = read_file(text);
    if (!content) throw std::invalid_argument(content.error().message());
    if (content.value().empty()) throw std::invalid_argument("there are no prices in " + where);
    text = content.value();
  }
  dom::parser parser;
  dom::object table;
  if (parser.parse(text).get(table) != simdjson::SUCCESS)
    throw std::invalid_argument(where + R"(: expected {"MODEL": {"prompt": 2.5, "completion": 10}, …})");
  for (const auto field : table) {
    const std::string model(field.key);
    dom::object entry;
    if (field.value.get(entry) != simdjson::SUCCESS)
      throw std::invalid_argument(where + ": expected {\"prompt\": …, \"completion\": …} for " + model);
    for (const auto member : entry) {
      if (member.key != "prompt" && member.key != "completion")
        throw std::invalid_argument(where + ": unknown key '" + std::string(member.key) + "' of " + model +
                                    " (there are prompt and completion)");
    }
    prices.prices_[model] = {price_of(entry, "prompt", model), price_of(entry, "completion", model)};
  }
  return prices;
}

const Price* Prices::find(std::string_view model) const {
  if (const auto found = prices_.find(model); found != prices_.end()) return &found->second;
  const Price* longest = nullptr;
  std::size_t length = 0;
  for (const auto& [name, price] : prices_) {
    if (!name.ends_with('*') || name.size() < length || !model.starts_with(name.substr(0, name.size() - 1)))
      continue;
    longest = &price;
    length = name.size();
  }
  return longest;
}

double Prices::cost_of(std::string_view model, std::int64_t prompt_tokens,
                       std::int64_t completion_tokens) const {
  const Price* price = find(model);
  if (price == nullptr) return 0;
  return (price->prompt * static_cast<double>(prompt_tokens) +
          price->completion * static_cast<double>(completion_tokens)) /
         1e6;
}

}  // namespace datagen
