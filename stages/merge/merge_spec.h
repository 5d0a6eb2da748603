// What source-merge is told of its inputs, by the graph's `inputs` and `merge`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datagen/source.h"

namespace datagen {

constexpr std::size_t kMergedInputsMax = 16;  // a frame's cursor has room for theirs

// An input: [{"name": "web", "uri": "jsonl:///data/web.jsonl", "params": {}}, …].
struct MergeSpec {
  std::string name;
  std::string path;
  ParameterValues parameters;
  std::unique_ptr<Source> source;
};

// Throws std::invalid_argument with what is wrong: no such list, too many, a name twice, a scheme that cannot
// be read together with others, parameters that it does not have.
std::vector<MergeSpec> read_merge_specs(std::string_view json);

// The weight of each name in {"web": 3, "books": 0.5}, as whole numbers; throws std::invalid_argument for
// names that are missing or too many, and as whole_weights() does.
std::vector<std::uint32_t> read_merge_weights(std::string_view json, const std::vector<MergeSpec>& inputs);

}  // namespace datagen
