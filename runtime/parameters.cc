#include "datagen/parameters.h"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace datagen {

Parameter& Parameters::add(std::string name, Parameter::Type type, ParameterValue default_value) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.type = type;
  parameter.default_value = std::move(default_value);
  parameters_.push_back(std::move(parameter));
  return parameters_.back();
}

namespace {
template <class T>
ParameterValue to_value(const std::optional<T>& value) {
  return value ? ParameterValue(*value) : ParameterValue();
}
}  // namespace

ParameterDeclaration Parameters::text(std::string name, std::optional<std::string> default_value) {
  return ParameterDeclaration(add(std::move(name), Parameter::Type::text, to_value(default_value)));
}
ParameterDeclaration Parameters::integer(std::string name, std::optional<std::int64_t> default_value) {
  return ParameterDeclaration(add(std::move(name), Parameter::Type::integer, to_value(default_value)));
}
ParameterDeclaration Parameters::number(std::string name, std::optional<double> default_value) {
  return ParameterDeclaration(add(std::move(name), Parameter::Type::number, to_value(default_value)));
}
ParameterDeclaration Parameters::boolean(std::string name, std::optional<bool> default_value) {
  return ParameterDeclaration(add(std::move(name), Parameter::Type::boolean, to_value(default_value)));
}
ParameterDeclaration Parameters::choice(std::string name, std::initializer_list<const char*> choices,
                                        std::optional<std::string> default_value) {
  Parameter& parameter = add(std::move(name), Parameter::Type::choice, to_value(default_value));
  parameter.choices.assign(choices.begin(), choices.end());
  return ParameterDeclaration(parameter);
}
ParameterDeclaration Parameters::json(std::string name, std::optional<std::string> default_value) {
  return ParameterDeclaration(add(std::move(name), Parameter::Type::json, to_value(default_value)));
}

const Parameter* Parameters::find(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

namespace {

[[noreturn]] void refuse(const Parameter& parameter, std::string_view text, const std::string& expected) {
  throw std::invalid_argument("parameter '" + parameter.name + "': expected " + expected + ", got '" +
                              std::string(text) + "'");
}

void check_range(const Parameter& parameter, std::string_view text, double value) {
  const auto shown = [](double bound) {
    char digits[32];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, bound).ptr);
  };
  if (parameter.min && value < *parameter.min) refuse(parameter, text, "at least " + shown(*parameter.min));
  if (parameter.max && value > *parameter.max) refuse(parameter, text, "at most " + shown(*parameter.max));
}

template <class Number>
Number parse_number(const Parameter& parameter, std::string_view text, const char* expected) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || !std::isfinite(static_cast<double>(value))) refuse(parameter, text, expected);
  check_range(parameter, text, static_cast<double>(value));
  return value;
}

}  // namespace

ParameterValue parse_parameter(const Parameter& parameter, std::string_view text) {
  if (parameter.check) {
    try {
      parameter.check(text);
    } catch (const std::invalid_argument& wrong) {
      throw std::invalid_argument("parameter '" + parameter.name + "': " + wrong.what());
    }
  }
  switch (parameter.type) {
    case Parameter::Type::text:
    case Parameter::Type::json:
      return std::string(text);
    case Parameter::Type::integer:
      return parse_number<std::int64_t>(parameter, text, "an integer");
    case Parameter::Type::number:
      return parse_number<double>(parameter, text, "a number");
    case Parameter::Type::boolean:
      if (text == "true") return true;
      if (text == "false") return false;
      refuse(parameter, text, "true or false");
    case Parameter::Type::choice: {
      std::string known;
      for (const std::string& choice : parameter.choices) {
        if (choice == text) return choice;
        known += (known.empty() ? "" : ", ") + choice;
      }
      refuse(parameter, text, "one of " + known);
    }
  }
  refuse(parameter, text, "a value");
}

ParameterValues complete_parameters(const Parameters& declared, ParameterValues given) {
  for (const auto& [name, value] : given) {
    if (declared.find(name) == nullptr) throw std::invalid_argument("parameter '" + name + "' is not known");
  }
  for (const Parameter& parameter : declared.all()) {
    if (given.contains(parameter.name)) continue;
    if (parameter.required) {
      throw std::invalid_argument("parameter '" + parameter.name + "' is required (" + parameter.help + ")");
    }
    if (!std::holds_alternative<std::monostate>(parameter.default_value)) {
      given.emplace(parameter.name, parameter.default_value);
    }
  }
  return given;
}

}  // namespace datagen
