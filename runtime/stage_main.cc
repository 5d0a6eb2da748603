#include "stage_main.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

#include "byte_buffer.h"
#include "json_write.h"
#include "secret.h"

namespace datagen {

namespace {

void append_text(ByteBuffer& out, std::string_view key, std::string_view value) {
  append_json_string(out, key);
  out.push_back(':');
  append_json_string(out, value);
}

struct DefaultWriter {
  ByteBuffer& out;
  void operator()(std::monostate) const { out.append("null"); }
  void operator()(bool value) const { out.append(value ? "true" : "false"); }
  void operator()(std::int64_t value) const { out.append(std::to_string(value)); }
  void operator()(double value) const { append_json_number(out, value); }
  void operator()(const std::string& value) const { append_json_string(out, value); }
};

void append_bound(ByteBuffer& out, const char* name, const std::optional<double>& bound) {
  if (!bound) return;
  out.append(std::string(",\"") + name + "\":");
  append_json_number(out, *bound);
}

void append_parameter(ByteBuffer& out, const Parameter& parameter) {
  static constexpr const char* kTypes[] = {"text", "integer", "number", "boolean", "choice", "json"};
  out.push_back('{');
  append_text(out, "name", parameter.name);
  out.push_back(',');
  append_text(out, "type", kTypes[static_cast<int>(parameter.type)]);
  if (!std::holds_alternative<std::monostate>(parameter.default_value)) {
    out.append(",\"default\":");
    std::visit(DefaultWriter{out}, parameter.default_value);
  }
  append_bound(out, "min", parameter.min);
  append_bound(out, "max", parameter.max);
  if (!parameter.choices.empty()) {
    out.append(",\"choices\":[");
    for (const std::string& choice : parameter.choices) {
      if (&choice != &parameter.choices.front()) out.push_back(',');
      append_json_string(out, choice);
    }
    out.push_back(']');
  }
  if (parameter.required) out.append(",\"required\":true");
  if (parameter.secret) out.append(",\"secret\":true");
  if (parameter.running) out.append(",\"running\":true");
  if (parameter.path) out.append(",\"path\":true");
  if (parameter.check) out.append(",\"checked\":true");
  out.push_back(',');
  append_text(out, "help", parameter.help);
  out.push_back('}');
}

std::string parameter_help(const Parameters& declared) {
  std::string text = declared.all().empty() ? "" : "Parameters (--set NAME=VALUE):\n";
  for (const Parameter& parameter : declared.all()) {
    ByteBuffer shown;
    std::visit(DefaultWriter{shown}, parameter.default_value);
    const bool has_default = !std::holds_alternative<std::monostate>(parameter.default_value);
    text += "  " + parameter.name +
            (has_default          ? "=" + std::string(shown.view())
             : parameter.required ? " (required)"
                                  : "") +
            "  " + parameter.help + "\n";
  }
  return text;
}

// What a parameter's own check says of NAME=VALUE: nothing if the value is good.
std::string check_setting(const std::string& setting, const Parameters& declared) {
  const std::size_t equals = setting.find('=');
  const Parameter* parameter = declared.find(setting.substr(0, equals));
  if (equals == std::string::npos || parameter == nullptr || !parameter->check) return {};
  try {
    parameter->check(std::string_view(setting).substr(equals + 1));
  } catch (const std::invalid_argument& wrong) {
    return wrong.what();
  }
  return {};
}

// NAME=VALUE against the declarations; throws CLI::ValidationError.
ParameterValues parse_settings(const std::vector<std::string>& settings, const Parameters& declared) {
  ParameterValues values;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    const Parameter* parameter = declared.find(name);
    if (equals == std::string::npos)
      throw CLI::ValidationError("--set", "'" + setting + "' is not NAME=VALUE");
    if (parameter == nullptr) throw CLI::ValidationError("--set", "parameter '" + name + "' is not known");
    std::string value = setting.substr(equals + 1);
    if (parameter->secret) {
      auto secret = read_secret(value);
      if (!secret)
        throw CLI::ValidationError("--set", "parameter '" + name + "': " + secret.error().message());
      value = std::move(secret).value();
    }
    try {
      values[name] = parse_parameter(*parameter, value);
    } catch (const std::invalid_argument& error) {
      throw CLI::ValidationError("--set", error.what());
    }
  }
  return values;
}

}  // namespace

std::string describe_stage(const std::string& name, const Parameters& declared,
                           const StageIdentity& identity) {
  ByteBuffer out;
  out.append("{\"datagen\":1,");
  append_text(out, "name", name);
  out.push_back(',');
  append_text(out, "kind", identity.kind);
  out.push_back(',');
  append_text(out, "help", declared.help());
  out.append(identity.stateful ? ",\"stateful\":true" : ",\"stateful\":false");
  out.append(identity.batch ? ",\"batch\":true" : ",\"batch\":false");
  out.append(",\"running\":{");
  for (const auto& [key, value] : declared.running_defaults()) {
    if (out.view().back() != '{') out.push_back(',');
    append_json_string(out, key);
    out.append(":" + std::to_string(value));
  }
  out.push_back('}');
  out.append(",\"parameters\":[");
  for (const Parameter& parameter : declared.all()) {
    if (&parameter != &declared.all().front()) out.push_back(',');
    append_parameter(out, parameter);
  }
  out.append("],");
  append_text(out, "example", declared.example());
  out.append("}\n");
  return std::string(out.view());
}

StageCommand parse_stage_command(int argc, char** argv, const Parameters& declared,
                                 const StageIdentity& identity) {
  StageCommand command;
  command.name = std::filesystem::path(argv[0]).filename();
  CLI::App app(declared.help().empty() ? "A stage of a datagen pipeline" : declared.help(), command.name);
  std::vector<std::string> settings;
  std::string epoch, checked;
  bool describe = false;
  CLI::Option* find_rows = nullptr;
  CLI::Option* list = nullptr;
  app.set_version_flag("--version", std::string(DATAGEN_VERSION));
  app.add_flag("--describe", describe, "print the stage's parameters as JSON");
  CLI::Option* check =
      app.add_option("--check", checked, "print what is wrong with NAME=VALUE; nothing if it is good");
  app.add_option("--set", settings, "give a parameter a value, as NAME=VALUE")->take_all();
  const std::string internal = "Started by the launcher with";
  app.add_option("--worker", command.worker.run_directory, "the run directory")->group(internal);
  app.add_option("--stage", command.worker.stage, "the stage's id in the plan")->group(internal);
  app.add_option("--index", command.worker.index, "the worker's number in its stage")->group(internal);
  app.add_option("--epoch", epoch, "the epoch of the rings, in hex")->group(internal);
  app.add_option("--launcher", command.worker.launcher_pid, "the launcher's process id")->group(internal);
  app.add_flag("--stand-by", command.worker.stands_by, "first of all: be forked when stdin says so")
      ->group(internal);
  if (identity.list_flag != nullptr) {
    list = app.add_option(identity.list_flag, command.list_path, "list the files behind a URI as JSON");
    if (identity.kind == std::string_view("source"))
      find_rows = app.add_option("--find-rows", command.rows,
                                 "with --worker and --stage: print where rows of the run stand");
  } else {
    app.add_option("--in", command.in, "JSON Lines to read; - is stdin");
    app.add_option("--out", command.out, "JSON Lines to write; - is stdout");
    app.add_option("--threads", command.threads, "threads for item operators")->check(CLI::Range(1, 4096));
    app.add_option("--batch-size", command.batch_size, "records in a batch; 0: as many as there are");
    app.add_option("--retries", command.retries, "further attempts after an exception");
  }
  std::string footer = parameter_help(declared);
  if (identity.list_flag == nullptr) {
    footer +=
        "Run by hand, a stage is a filter:\n  " + command.name + " < in.jsonl > out.jsonl\n  gdb --args " +
        command.name +
        " --in bad.jsonl\nDead letters go to stderr as JSON; exit 1 if there were any, 2 for a wrong call.";
  }
  app.footer(footer);
  try {
    app.parse(argc, argv);
    if (describe) {
      std::fputs(describe_stage(command.name, declared, identity).c_str(), stdout);
      return command;
    }
    if (check->count() > 0) {
      std::fputs(check_setting(checked, declared).c_str(), stdout);
      return command;
    }
    if (!command.worker.run_directory.empty()) {
      command.worker.epoch = static_cast<std::uint32_t>(std::stoul("0" + epoch, nullptr, 16));
      const bool finds = find_rows != nullptr && find_rows->count() > 0;
      command.mode = finds ? StageCommand::Mode::find_rows : StageCommand::Mode::worker;
      std::ranges::sort(command.rows);
      return command;
    }
    command.parameters = parse_settings(settings, declared);
    const bool lists = list != nullptr && list->count() > 0;  // also an empty path, of stdin://
    command.mode = lists ? StageCommand::Mode::list : StageCommand::Mode::filter;
  } catch (const CLI::ParseError& error) {
    command.exit_code = app.exit(error) == 0 ? 0 : 2;
    command.mode = StageCommand::Mode::exit;
  }
  return command;
}

}  // namespace datagen
