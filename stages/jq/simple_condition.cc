#include "jq/simple_condition.h"

#include <datagen/errors.h>

#include <algorithm>
#include <cctype>
#include <compare>
#include <cstdlib>
#include <utility>

#include "json_number.h"
#include "json_scan.h"

namespace datagen {

class SimpleCondition::Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<SimpleCondition> condition() {
    SimpleCondition parsed;
    const bool is_bracketed = takes("(");
    do {
      auto& all_of = parsed.any_of_.emplace_back();
      do {
        Comparison comparison;
        if (!path(comparison.path) || !behind_path(comparison)) return std::nullopt;
        all_of.push_back(std::move(comparison));
      } while (takes_word("and"));
    } while (takes_word("or"));
    if (is_bracketed && !takes(")")) return std::nullopt;
    if (takes("|")) {
      if (!takes_word("not")) return std::nullopt;
      parsed.is_negated_ = true;
    }
    skip_space();
    if (!rest_.empty()) return std::nullopt;
    return parsed;
  }

 private:
  static bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  void skip_space() { rest_.remove_prefix(json::skip_space(rest_, 0)); }
  bool takes(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool takes_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && is_name(rest_[word.size()]))) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool path(std::vector<std::string>& steps) {
    skip_space();
    while (rest_.size() > 1 && rest_[0] == '.' && is_name(rest_[1]) && !json::is_digit(rest_[1])) {
      const auto end = std::find_if_not(rest_.begin() + 1, rest_.end(), is_name);
      steps.emplace_back(rest_.begin() + 1, end);
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
    }
    return !steps.empty();
  }

  bool behind_path(Comparison& comparison) {
    static constexpr std::pair<std::string_view, Operation> kOperations[] = {
        {"==", Operation::equal},         {"!=", Operation::unequal},
        {"<=", Operation::less_or_equal}, {">=", Operation::greater_or_equal},
        {"<", Operation::less},           {">", Operation::greater},
    };
    for (const auto& [token, operation] : kOperations) {
      if (!takes(token)) continue;
      comparison.operation = operation;
      return literal(comparison);
    }
    return true;  // its value decides; what stands behind it is seen by condition()
  }

  bool literal(Comparison& comparison) {
    using Rank = Operand::Rank;
    static constexpr std::pair<std::string_view, Rank> kWords[] = {
        {"null", Rank::null}, {"false", Rank::false_}, {"true", Rank::true_}};
    for (const auto& [word, rank] : kWords) {
      if (!takes_word(word)) continue;
      comparison.rank = rank;
      return true;
    }
    if (takes("\"")) {
      const std::size_t end = rest_.find_first_of("\"\\");
      if (end == rest_.npos || rest_[end] != '"') return false;  // escapes and \(…) are left to jq
      comparison.rank = Rank::text;
      comparison.text = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      return true;
    }
    const std::size_t end = rest_.empty() ? 0 : json::number_end(rest_, 0);
    if (end == 0 || (end < rest_.size() && (is_name(rest_[end]) || rest_[end] == '.'))) return false;
    comparison.rank = Rank::number;
    comparison.number = std::strtod(std::string(rest_.substr(0, end)).c_str(), nullptr);
    rest_.remove_prefix(end);
    return true;
  }

  std::string_view rest_;
};

std::optional<SimpleCondition> SimpleCondition::parse(std::string_view expression) {
  return Parser(expression).condition();
}

SimpleCondition::Operand SimpleCondition::read(const Item& item, const std::vector<std::string>& path) {
  if (const auto json = path.size() == 1 ? item.raw(path.front()) : std::nullopt) {
    if (const auto found = operand(*json)) return *found;
  }
  Value value = item.get(path.front());
  for (std::size_t step = 1; step < path.size(); ++step) {
    if (value && !value.is_null()) {
      value = value[path[step]];
    } else {
      return {};
    }
  }
  return operand(value);
}

// Nothing for what is not as easy.
std::optional<SimpleCondition::Operand> SimpleCondition::operand(std::string_view json) {
  using Rank = Operand::Rank;
  switch (json.front()) {
    case 'n':
      return Operand{};
    case 'f':
      return Operand{.rank = Rank::false_, .text = {}};
    case 't':
      return Operand{.rank = Rank::true_, .text = {}};
    case '[':
      return Operand{.rank = Rank::array, .text = {}};
    case '{':
      return Operand{.rank = Rank::object, .text = {}};
    case '"':
      if (!json::is_plain_string(json)) return std::nullopt;
      return Operand{.rank = Rank::text, .text = json.substr(1, json.size() - 2)};
    default:
      if (const auto number = json::to_double(json))
        return Operand{.rank = Rank::number, .number = *number, .text = {}};
      return std::nullopt;
  }
}

SimpleCondition::Operand SimpleCondition::operand(const Value& value) {
  using Rank = Operand::Rank;
  switch (value.type()) {
    case Value::Type::missing:
    case Value::Type::null:
      return {};
    case Value::Type::boolean:
      return {.rank = value.as<bool>() ? Rank::true_ : Rank::false_, .text = {}};
    case Value::Type::integer:
    case Value::Type::number:
      return {.rank = Rank::number, .number = value.as<double>(), .text = {}};
    case Value::Type::text:
      return {.rank = Rank::text, .text = value.as<std::string_view>()};
    case Value::Type::array:
      return {.rank = Rank::array, .text = {}};
    case Value::Type::object:
      break;
  }
  return {.rank = Rank::object, .text = {}};
}

bool SimpleCondition::Comparison::holds_for(const Operand& value) const {
  if (operation == Operation::is_true)
    return value.rank != Operand::Rank::null && value.rank != Operand::Rank::false_;
  std::partial_ordering order = value.rank <=> rank;
  if (order == 0 && rank == Operand::Rank::number) order = value.number <=> number;
  if (order == 0 && rank == Operand::Rank::text) order = value.text.compare(text) <=> 0;
  switch (operation) {
    case Operation::equal:
      return order == 0;
    case Operation::unequal:
      return order != 0;
    case Operation::less:
      return order < 0;
    case Operation::less_or_equal:
      return order <= 0;
    case Operation::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

std::optional<bool> SimpleCondition::holds(const Item& item) const {
  if (item.has_lone_surrogate()) return std::nullopt;  // jq refuses the record
  try {
    const bool any = std::ranges::any_of(any_of_, [&](const auto& all_of) {
      return std::ranges::all_of(all_of, [&](const Comparison& comparison) {
        return comparison.holds_for(read(item, comparison.path));
      });
    });
    return any != is_negated_;
  } catch (const BadRecord&) {
    return std::nullopt;
  }
}

}  // namespace datagen
