#include "program/command.h"

#include <simdjson.h>
#include <unistd.h>

#include <stdexcept>
#include <string_view>

namespace datagen {

namespace {

std::vector<std::string> read_arguments(std::string_view json) {
  std::vector<std::string> arguments;
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  if (parser.parse(json.data(), json.size()).get(list) != simdjson::SUCCESS)
    throw std::invalid_argument("expected a JSON array of texts");
  for (const simdjson::dom::element argument : list) {
    std::string_view text;
    if (argument.get(text) != simdjson::SUCCESS)
      throw std::invalid_argument("expected a JSON array of texts");
    arguments.emplace_back(text);
  }
  return arguments;
}

void check_program(std::string_view path) {
  if (access(std::string(path).c_str(), X_OK) != 0)
    throw std::invalid_argument(std::string(path) + " is not an executable file");
}

}  // namespace

void declare_command(Parameters& parameters) {
  parameters.text("program").required().checked_by(check_program).help("path of the program");
  parameters.text("arguments", "[]")
      .checked_by(read_arguments)
      .help("its arguments, as a JSON array of texts");
}

std::vector<std::string> read_command(const Context& context) {
  std::vector<std::string> command = read_arguments(context.param<std::string>("arguments"));
  command.insert(command.begin(), context.param<std::string>("program"));
  return command;
}

}  // namespace datagen
