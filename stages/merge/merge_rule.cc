#include "merge/merge_rule.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "json_document.h"
#include "json_scan.h"
#include "json_write.h"

namespace datagen {

namespace {

constexpr std::uint64_t kTurnsMax = 100'000;
constexpr std::size_t kDecimalsMax = 6;

std::uint32_t bit(std::size_t input) { return std::uint32_t{1} << input; }

// One record after the other, each from the input whose turn it is.
class TakeTurns final : public MergeRule {
 public:
  TakeTurns(std::vector<std::uint32_t> weights, bool is_concat, bool until_first)
      : weights_(std::move(weights)), is_concat_(is_concat), until_first_(until_first) {}

  const MergedRecord* peek(MergedInputs& inputs, MergeState& state) override {
    for (;;) {
      if (state.ended == bit(inputs.size()) - 1 || (until_first_ && state.ended != 0)) return nullptr;
      current_ = whose_turn(inputs.size(), state);
      if (const MergedRecord* record = inputs[current_]->peek()) return record;
      state.ended |= bit(current_);  // the others go on in a round of their own
      state.turn = 0;
    }
  }

  std::uint32_t take(MergedInputs& inputs, MergeState& state) override {
    inputs[current_]->take();
    if (!is_concat_) state.turn = (state.turn + 1) % turns_.size();
    return bit(current_);
  }

 private:
  std::size_t whose_turn(std::size_t inputs, const MergeState& state) {
    if (is_concat_) {
      std::size_t first = 0;
      while (first + 1 < inputs && (state.ended & bit(first)) != 0) ++first;
      return first;
    }
    if (turns_.empty() || turns_without_ != state.ended) turns_ = make_turns(weights_, state.ended);
    turns_without_ = state.ended;
    return turns_.at(state.turn);
  }

  std::vector<std::uint32_t> weights_;
  bool is_concat_, until_first_;
  std::size_t current_ = 0;
  std::vector<std::uint8_t> turns_;
  std::uint32_t turns_without_ = 0;
};

// The n-th records of all inputs become one, each under the name of its input.
class Zip final : public MergeRule {
 public:
  explicit Zip(bool until_first) : until_first_(until_first) {}

  const MergedRecord* peek(MergedInputs& inputs, MergeState&) override {
    if (taken_from_ != 0) return &record_;
    std::uint32_t present = 0;
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      if (inputs[index]->peek() != nullptr) present |= bit(index);
    }
    const bool all_are_there = present == bit(inputs.size()) - 1;
    if (present == 0 || (until_first_ && !all_are_there)) return nullptr;
    combine(inputs, present);
    if (record_.reason.empty() && !all_are_there) {
      record_.reason = "unpaired";
      record_.message = message_ = "there is no such record in " + missing(inputs, present);
    }
    taken_from_ = present;
    return &record_;
  }

  std::uint32_t take(MergedInputs& inputs, MergeState&) override {
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      if ((taken_from_ & bit(index)) != 0) inputs[index]->take();
    }
    return std::exchange(taken_from_, 0);
  }

 private:
  // Each part is validated: pieces that are no objects could make one together.
  void combine(MergedInputs& inputs, std::uint32_t present) {
    text_.clear();
    record_ = {};
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      if ((present & bit(index)) == 0) continue;
      const MergedRecord& part = *inputs[index]->peek();
      if (text_.empty()) record_.position = part.position;
      text_.append(text_.empty() ? "{" : ",");
      append_json_string(text_, inputs[index]->name());
      text_.push_back(':');
      text_.append(trimmed(part.bytes));
      if (!record_.reason.empty()) continue;
      const std::string_view wrong = part.reason.empty() ? refused(part.bytes) : part.reason;
      if (wrong.empty()) continue;
      message_ = inputs[index]->place_text(part.position) + ": " +
                 std::string(part.reason.empty() ? "not a JSON object" : part.message);
      record_.position = part.position;
      record_.reason = wrong;
      record_.message = message_;
    }
    text_.push_back('}');
    record_.bytes = text_.view();
  }

  static std::string_view trimmed(std::string_view bytes) {
    const std::size_t begin = bytes.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos
               ? std::string_view()
               : bytes.substr(begin, bytes.find_last_not_of(" \t\r\n") + 1 - begin);
  }

  // Empty, or why it is no record.
  std::string_view refused(std::string_view bytes) {
    padded_.assign(bytes);
    padded_.append(simdjson::SIMDJSON_PADDING, '\0');
    const JsonError error = document_.parse(parser_, std::string_view(padded_).substr(0, bytes.size()));
    if (error != JsonError::none) return reason_name(error);
    return document_.root().is_object() ? std::string_view() : reason_name(JsonError::not_an_object);
  }

  static std::string missing(const MergedInputs& inputs, std::uint32_t present) {
    std::string names;
    for (std::size_t index = 0; index < inputs.size(); ++index) {
      if ((present & bit(index)) == 0) names += (names.empty() ? "'" : ", '") + inputs[index]->name() + "'";
    }
    return names;
  }

  bool until_first_;
  std::uint32_t taken_from_ = 0;  // of the record that is shown
  MergedRecord record_;
  ByteBuffer text_;
  std::string message_, padded_;
  simdjson::dom::parser parser_;
  JsonDocument document_;
};

}  // namespace

std::unique_ptr<MergeRule> make_merge_rule(const MergeSettings& settings, std::size_t inputs) {
  if (settings.rule == "zip") return std::make_unique<Zip>(settings.until_first);
  std::vector<std::uint32_t> weights = settings.weights;
  if (settings.rule != "mix") weights.assign(inputs, 1);
  return std::make_unique<TakeTurns>(std::move(weights), settings.rule == "concat", settings.until_first);
}

std::vector<std::uint8_t> make_turns(const std::vector<std::uint32_t>& weights, std::uint32_t without) {
  std::int64_t sum = 0;
  std::vector<std::int64_t> shares(weights.size());
  for (std::size_t index = 0; index < weights.size(); ++index) {
    if ((without & bit(index)) == 0) sum += shares[index] = weights[index];
  }
  std::vector<std::uint8_t> turns(static_cast<std::size_t>(sum));
  std::vector<std::int64_t> credit(weights.size(), 0);
  for (std::uint8_t& turn : turns) {
    for (std::size_t index = 0; index < credit.size(); ++index) credit[index] += shares[index];
    std::size_t next = 0;
    while (shares[next] == 0) ++next;
    for (std::size_t index = next; index < credit.size(); ++index) {
      if (shares[index] > 0 && credit[index] > credit[next]) next = index;
    }
    credit[next] -= sum;
    turn = static_cast<std::uint8_t>(next);
  }
  return turns;
}

std::vector<std::uint32_t> whole_weights(const std::vector<std::string>& weights) {
  std::vector<std::uint64_t> whole;
  std::uint64_t divisor = 0, sum = 0;
  for (const std::string& weight : weights) {
    const std::size_t point = std::min(weight.find('.'), weight.size());
    std::string digits = weight.substr(0, point);
    std::string decimals = point < weight.size() ? weight.substr(point + 1) : "";
    const bool fits = !digits.empty() && digits.size() <= 6 && decimals.size() <= kDecimalsMax &&
                      (digits + decimals).find_first_not_of("0123456789") == std::string::npos;
    decimals.resize(std::min(std::max(decimals.size(), kDecimalsMax), kDecimalsMax), '0');
    whole.push_back(fits ? std::stoull(digits + decimals) : 0);
    if (whole.back() == 0)
      throw std::invalid_argument("'" + weight +
                                  "' is no weight; write a number above 0 such as 3 or 0.25, with " +
                                  std::to_string(kDecimalsMax) + " decimals at most");
    divisor = std::gcd(divisor, whole.back());
  }
  std::vector<std::uint32_t> reduced;
  for (const std::uint64_t weight : whole) {
    sum += weight / divisor;
    reduced.push_back(static_cast<std::uint32_t>(std::min(weight / divisor, kTurnsMax + 1)));
  }
  if (sum > kTurnsMax)
    throw std::invalid_argument("the weights come round only every " + std::to_string(sum) +
                                " records; write them with fewer digits (the most is " +
                                std::to_string(kTurnsMax) + ")");
  return reduced;
}

}  // namespace datagen
