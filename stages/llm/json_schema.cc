#include "llm/json_schema.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace datagen::llm {

struct JsonSchema::Inside {
  valijson::Schema schema;
};

JsonSchema::JsonSchema(std::string_view json) : inside_(std::make_unique<Inside>()) {
  try {
    const auto document = nlohmann::json::parse(json);
    if (!document.is_object()) throw std::invalid_argument("expected a map");
    const valijson::adapters::NlohmannJsonAdapter adapter(document);
    valijson::SchemaParser().populateSchema(adapter, inside_->schema);
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const std::exception& error) {
    throw std::invalid_argument(std::string("not a JSON Schema: ") + error.what());
  }
}

JsonSchema::~JsonSchema() = default;

Result<void> JsonSchema::check(std::string_view json) const {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded()) return Error("is no JSON");
  const valijson::adapters::NlohmannJsonAdapter adapter(document);
  valijson::ValidationResults results;
  try {
    if (valijson::Validator().validate(inside_->schema, adapter, &results)) return success();
  } catch (const std::exception& error) {  // of a pattern that is too deep for the text
    return Error(error.what());
  }
  // The first is the outermost; what lies deepest says most.
  valijson::ValidationResults::Error error, deepest;
  while (results.popError(error)) {
    if (error.context.size() >= deepest.context.size()) deepest = error;
  }
  std::string place;
  for (const std::string& step : deepest.context) {
    std::string key = step == "<root>" ? "" : step;
    std::erase_if(key, [](char c) { return c == '[' || c == ']' || c == '"'; });
    if (!key.empty()) place += (place.empty() ? "" : ".") + key;
  }
  return Error((place.empty() ? "the answer" : "'" + place + "'") + ": " + deepest.description);
}

}  // namespace datagen::llm
