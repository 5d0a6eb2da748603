// The parameters that a stage declares: what `--describe`, `datagen stages` and the check of a graph show.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace datagen {

using ParameterValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Parameter {
  enum class Type : std::uint8_t { text, integer, number, boolean, choice, json };
  std::string name;
  Type type = Type::text;
  ParameterValue default_value;  // monostate: none
  std::optional<double> min, max;
  std::vector<std::string> choices;
  bool required = false;
  bool secret = false;   // given only as env:NAME or file:PATH, and never shown
  bool running = false;  // may change when the run goes on, since it does not change what the stage writes
  bool path = false;     // of a file: see ParameterDeclaration::path
  std::string help;
  // See ParameterDeclaration::checked_by; empty: none.
  std::function<void(std::string_view text)> check;
};

// Returned by the declaring calls, to say more: p.integer("max", 100).min(1).help("records per domain").
class ParameterDeclaration {
 public:
  explicit ParameterDeclaration(Parameter& parameter) : parameter_(&parameter) {}
  ParameterDeclaration& min(double value) {
    parameter_->min = value;
    return *this;
  }
  ParameterDeclaration& max(double value) {
    parameter_->max = value;
    return *this;
  }
  ParameterDeclaration& required() {
    parameter_->required = true;
    return *this;
  }
  ParameterDeclaration& secret() {
    parameter_->secret = true;
    return *this;
  }
  // As workers and timeout do: `datagen resume --set STAGE.NAME=VALUE`.
  ParameterDeclaration& running() {
    parameter_->running = true;
    return *this;
  }
  // A relative path begins at the graph's folder, from wherever the run is started and gone on with. Of a
  // list (json) each text is one; of a map, or maps in a list, the members whose names end in "_file".
  // References of secrets, "file:PATH", are made so in any parameter that is a secret or has path().
  ParameterDeclaration& path() {
    parameter_->path = true;
    return *this;
  }
  ParameterDeclaration& help(std::string text) {
    parameter_->help = std::move(text);
    return *this;
  }
  // What else a value must be, such as an expression that compiles: `check` throws std::invalid_argument with
  // what is wrong with it. The launcher asks for it before anything starts; of a secret it does not.
  ParameterDeclaration& checked_by(std::function<void(std::string_view text)> check) {
    parameter_->check = std::move(check);
    return *this;
  }

 private:
  Parameter* parameter_;
};

class Parameters {
 public:
  ParameterDeclaration text(std::string name, std::optional<std::string> default_value = {});
  ParameterDeclaration integer(std::string name, std::optional<std::int64_t> default_value = {});
  ParameterDeclaration number(std::string name, std::optional<double> default_value = {});
  ParameterDeclaration boolean(std::string name, std::optional<bool> default_value = {});
  ParameterDeclaration choice(std::string name, std::initializer_list<const char*> choices,
                              std::optional<std::string> default_value = {});
  // A list or a map of the graph, as JSON text; a single value comes as it is written.
  ParameterDeclaration json(std::string name, std::optional<std::string> default_value = {});
  // One line on what the stage does, and a piece of a graph that uses it.
  void describe(std::string help, std::string example = "") {
    help_ = std::move(help), example_ = std::move(example);
  }

  // What a key of the graph that says how a stage runs (batch_size, frames, …) is where the graph does not
  // say it.
  void run_with(std::string key, std::int64_t value) { running_defaults_[std::move(key)] = value; }

  const std::vector<Parameter>& all() const { return parameters_; }
  const std::map<std::string, std::int64_t>& running_defaults() const { return running_defaults_; }
  const Parameter* find(std::string_view name) const;
  const std::string& help() const { return help_; }
  const std::string& example() const { return example_; }

 private:
  Parameter& add(std::string name, Parameter::Type type, ParameterValue default_value);
  std::vector<Parameter> parameters_;
  std::map<std::string, std::int64_t> running_defaults_;
  std::string help_, example_;
};

// Values by name, checked against their declaration.
using ParameterValues = std::map<std::string, ParameterValue, std::less<>>;

// The value of `text` for a parameter, or throws std::invalid_argument with what is wrong and what fits.
ParameterValue parse_parameter(const Parameter& parameter, std::string_view text);

// Defaults filled in; throws std::invalid_argument for a required parameter that is not there.
ParameterValues complete_parameters(const Parameters& declared, ParameterValues given);

}  // namespace datagen
