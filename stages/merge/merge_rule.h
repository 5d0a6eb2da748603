// By which rule the records of several inputs become one stream. What it makes depends on the inputs alone,
// so that a resume repeats it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "merge/merged_input.h"

namespace datagen {

using MergedInputs = std::vector<std::unique_ptr<MergedInput>>;

// What of the rule must be known to go on in the middle, beside the places in the inputs.
struct MergeState {
  std::uint64_t turn = 0;
  std::uint32_t ended = 0;  // a bit for each input that has ended
};

class MergeRule {
 public:
  virtual ~MergeRule() = default;
  // The next record, again and again until it is taken; null at the end. Throws what the inputs throw.
  virtual const MergedRecord* peek(MergedInputs& inputs, MergeState& state) = 0;
  // Takes it from the inputs: a bit for each that it was made of.
  virtual std::uint32_t take(MergedInputs& inputs, MergeState& state) = 0;
};

struct MergeSettings {
  std::string rule;                    // concat, interleave, mix or zip
  std::vector<std::uint32_t> weights;  // of mix, by input
  bool until_first = false;            // ends when one input ends
};
std::unique_ptr<MergeRule> make_merge_rule(const MergeSettings& settings, std::size_t inputs);

// Who is next in each round of as many turns as the weights add up to, spread as evenly as they allow
// ("smooth weighted round-robin"). Inputs of `without` (a bit each) get none.
std::vector<std::uint8_t> make_turns(const std::vector<std::uint32_t>& weights, std::uint32_t without);

// Whole numbers in the proportions of `weights`, decimals such as 0.35. Throws std::invalid_argument for what
// is none, not above 0, or adds up to more turns than 100,000.
std::vector<std::uint32_t> whole_weights(const std::vector<std::string>& weights);

}  // namespace datagen
