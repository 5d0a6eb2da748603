#include "merge/merge_spec.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "json_fields.h"
#include "merge/merge_rule.h"
#include "sources/csv_source.h"
#include "sources/jsonl_source.h"

namespace datagen {

namespace {

namespace dom = simdjson::dom;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// The text as it was given: of a number its digits.
std::string value_text(dom::element value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text) : std::string(simdjson::minify(value));
}

template <class S>
void fill(MergeSpec& spec, dom::element entry) {
  Parameters declared;
  S::describe(declared);
  ParameterValues given;
  dom::object fields;
  if (entry["params"].get(fields) == simdjson::SUCCESS) {
    for (const auto field : fields) {
      const Parameter* parameter = declared.find(field.key);
      if (parameter == nullptr)
        refuse(spec.name + ": there is no parameter '" + std::string(field.key) + "'");
      given.emplace(field.key, parse_parameter(*parameter, value_text(field.value)));
    }
  }
  spec.parameters = complete_parameters(declared, std::move(given));
  spec.source = std::make_unique<S>();
}

}  // namespace

std::vector<MergeSpec> read_merge_specs(std::string_view json) {
  dom::parser parser;
  dom::array entries;
  if (parser.parse(json.data(), json.size()).get(entries) != simdjson::SUCCESS || entries.size() == 0)
    refuse("expected a list of inputs, each with name and uri");
  if (entries.size() > kMergedInputsMax)
    refuse(std::to_string(entries.size()) + " inputs; " + std::to_string(kMergedInputsMax) +
           " is the most (each may be many files)");
  std::vector<MergeSpec> specs;
  for (const dom::element entry : entries) {
    MergeSpec& spec = specs.emplace_back();
    spec.name = json::text_of(entry, "name");
    const std::string uri = json::text_of(entry, "uri");
    const std::size_t scheme_end = uri.find("://");
    const std::string scheme = uri.substr(0, scheme_end);
    if (spec.name.empty() || scheme_end == std::string::npos) refuse("each input needs a name and a uri");
    if (std::ranges::count(specs, spec.name, &MergeSpec::name) > 1)
      refuse("there are two inputs " + spec.name);
    spec.path = uri.substr(scheme_end + 3);
    if (scheme == "jsonl") {
      fill<JsonlSource>(spec, entry);
    } else if (scheme == "csv") {
      fill<CsvSource>(spec, entry);
    } else {
      refuse(spec.name + ": " + scheme +
             ":// cannot be read together with other inputs; jsonl:// and csv:// can");
    }
  }
  return specs;
}

std::vector<std::uint32_t> read_merge_weights(std::string_view json, const std::vector<MergeSpec>& inputs) {
  dom::parser parser;
  dom::object given;
  if (parser.parse(json.data(), json.size()).get(given) != simdjson::SUCCESS)
    refuse("expected a map, such as {web: 3, books: 1}");
  std::vector<std::string> weights;
  for (const MergeSpec& input : inputs) {
    dom::element weight;
    if (given[input.name].get(weight) != simdjson::SUCCESS) refuse("'" + input.name + "' has no weight");
    weights.push_back(value_text(weight));
  }
  for (const auto field : given) {
    if (std::ranges::find(inputs, field.key, &MergeSpec::name) == inputs.end())
      refuse("there is no input '" + std::string(field.key) + "'");
  }
  return whole_weights(weights);
}

}  // namespace datagen
