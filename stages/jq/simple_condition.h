// Conditions that need no jq: fields compared with literals, joined by `and` and `or`.
//
//   .lang == "en"     .meta.score > 0.5 and .n != null     (.keep or .n >= 10) | not
//
// The answer is jq's: null < false < true < numbers < texts < arrays < objects, numbers compared as doubles,
// texts by their bytes. One difference is left: a record nested more than 256 levels deep, which jq refuses
// to read.
#pragma once

#include <datagen/item.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace datagen {

class SimpleCondition {
 public:
  // Nothing for an expression of another form, which only jq knows to be right or wrong.
  static std::optional<SimpleCondition> parse(std::string_view expression);

  // Nothing where only jq can tell: a step into a value that is no object, a number or text without an exact
  // form. Throws BadRecord when the record is not valid JSON.
  std::optional<bool> holds(const Item& item) const;

 private:
  enum class Operation : std::uint8_t {
    is_true,
    equal,
    unequal,
    less,
    less_or_equal,
    greater,
    greater_or_equal
  };

  // What jq compares by; the order of ranks is its order of types.
  struct Operand {
    enum class Rank : std::uint8_t { null, false_, true_, number, text, array, object };
    Rank rank = Rank::null;
    double number = 0;
    std::string_view text;
  };

  struct Comparison {
    std::vector<std::string> path;
    Operation operation = Operation::is_true;
    Operand::Rank rank = Operand::Rank::null;  // of the literal
    double number = 0;
    std::string text;

    bool holds_for(const Operand& value) const;
  };

  class Parser;

  static Operand read(const Item& item, const std::vector<std::string>& path);
  static Operand operand(const Value& value);
  static std::optional<Operand> operand(std::string_view json);

  std::vector<std::vector<Comparison>> any_of_;  // each: all of
  bool is_negated_ = false;
};

}  // namespace datagen
