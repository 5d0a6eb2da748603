#include "launcher/stage_catalog.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "launcher/build_id.h"
#include "launcher/keys.h"
#include "launcher/suggest.h"
#include "runtime/json_fields.h"

namespace datagen::launcher {

namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;
using json::flag;
using json::text_of;

// An executable that is no stage may wait for input or start a server: it is not given long.
constexpr std::chrono::milliseconds kDescribeTimeout{2000};
// A folder of many files on a slow disk is listed within this time, or the run does not start.
constexpr std::chrono::milliseconds kListTimeout{120'000};

constexpr const char* kDescribe = "--describe";
constexpr const char* kFreeze = "--freeze";
constexpr const char* kOutputs = "--outputs";

bool is_executable_file(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

std::optional<double> bound(dom::element object, std::string_view key) {
  double value = 0;
  if (object[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<ParameterDescription::Type> parameter_type(const std::string& name) {
  using Type = ParameterDescription::Type;
  constexpr std::pair<const char*, Type> kTypes[] = {{"text", Type::text},     {"integer", Type::integer},
                                                     {"number", Type::number}, {"boolean", Type::boolean},
                                                     {"choice", Type::choice}, {"json", Type::json}};
  for (const auto& [known, type] : kTypes) {
    if (name == known) return type;
  }
  return std::nullopt;
}

Result<ParameterDescription> read_parameter(dom::element given) {
  ParameterDescription parameter;
  parameter.name = text_of(given, "name");
  const auto type = parameter_type(text_of(given, "type"));
  if (parameter.name.empty() || !type) return Error("a parameter without a name or of an unknown type");
  parameter.type = *type;
  if (dom::element value; given["default"].get(value) == simdjson::SUCCESS)
    parameter.default_json = simdjson::minify(value);
  parameter.min = bound(given, "min");
  parameter.max = bound(given, "max");
  if (dom::array choices; given["choices"].get(choices) == simdjson::SUCCESS) {
    for (const dom::element choice : choices) {
      std::string_view name;
      if (choice.get(name) == simdjson::SUCCESS) parameter.choices.emplace_back(name);
    }
  }
  parameter.required = flag(given, "required");
  parameter.secret = flag(given, "secret");
  parameter.running = flag(given, "running");
  parameter.path = flag(given, "path");
  parameter.checked = flag(given, "checked");
  parameter.help = text_of(given, "help");
  return parameter;
}

Result<StageDescription> read_description(const std::string& executable, const std::string& answer) {
  const auto refuse = [&](const std::string& why) {
    return Error(fmt::format("{} is not a stage ({})", executable, why));
  };
  dom::parser parser;
  dom::element root;
  if (parser.parse(answer).get(root) != simdjson::SUCCESS)
    return refuse("its answer to --describe is not JSON; to run any filter, use exec:");
  std::uint64_t version = 0;
  if (root["datagen"].get(version) != simdjson::SUCCESS)
    return refuse("its answer to --describe does not say 'datagen'; to run any filter, use exec:");
  if (version != 1)
    return refuse(fmt::format("it speaks version {}, this launcher version 1; build it again", version));
  StageDescription stage;
  stage.executable = executable;
  stage.name = text_of(root, "name");
  const std::string kind = text_of(root, "kind");
  if (kind != "source" && kind != "sink" && kind != "stage")
    return refuse("it is of unknown kind '" + kind + "'");
  stage.kind = kind == "source" ? StageKind::source : kind == "sink" ? StageKind::sink : StageKind::stage;
  stage.help = text_of(root, "help");
  stage.example = text_of(root, "example");
  stage.stateful = flag(root, "stateful");
  stage.batch = flag(root, "batch");
  if (dom::object running; root["running"].get(running) == simdjson::SUCCESS) {
    for (const auto field : running) {
      const Key* key = find_key(Scope::stage, field.key);
      std::int64_t value = 0;
      if (key == nullptr || key->number == nullptr || field.value.get(value) != simdjson::SUCCESS)
        return refuse(fmt::format("it has a default for '{}', which is no key that says how a stage runs",
                                  std::string_view(field.key)));
      stage.running.emplace(field.key, value);
    }
  }
  if (dom::array parameters; root["parameters"].get(parameters) == simdjson::SUCCESS) {
    for (const dom::element given : parameters) {
      auto parameter = read_parameter(given);
      if (!parameter) return refuse(parameter.error().message());
      stage.parameters.push_back(std::move(parameter).value());
    }
  }
  return stage;
}

std::vector<std::string> list_command(const std::string& executable, const char* flag_name,
                                      const std::string& path, const std::vector<std::string>& settings) {
  std::vector<std::string> argv{executable, flag_name, path};
  for (const std::string& setting : settings) {
    argv.emplace_back("--set");
    argv.push_back(setting);
  }
  return argv;
}

}  // namespace

std::string_view name_of(StageKind kind) {
  return kind == StageKind::source ? "source" : kind == StageKind::sink ? "sink" : "stage";
}

const ParameterDescription* StageDescription::find(std::string_view parameter) const {
  const auto found = std::ranges::find(parameters, parameter, &ParameterDescription::name);
  return found == parameters.end() ? nullptr : &*found;
}

std::vector<std::string> StageCatalog::folders(const std::vector<std::string>& stage_path) {
  std::vector<std::string> folders = stage_path;
  if (const char* given = std::getenv("DATAGEN_STAGE_PATH")) {
    std::string_view rest = given;
    while (!rest.empty()) {
      const std::size_t colon = rest.find(':');
      const std::string_view folder = rest.substr(0, colon);
      if (!folder.empty()) folders.push_back(fs::absolute(folder).lexically_normal());
      rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    }
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return folders;
  // Installed: PREFIX/bin/datagen and PREFIX/libexec/datagen/. In a build folder the stages stand beside it.
  const fs::path installed = self.parent_path().parent_path() / DATAGEN_STAGE_DIR;
  folders.push_back(fs::is_directory(installed, error) ? installed.string() : self.parent_path().string());
  return folders;
}

void StageCatalog::expect(const std::vector<std::string>& argv) {
  if (asked_.contains(argv) || !is_executable_file(argv.front())) return;
  if (auto question = Question::ask(argv)) asked_.emplace(argv, std::move(question).value());
}

void StageCatalog::expect_describe(const std::string& executable) {
  if (!described_.contains(executable)) expect({executable, kDescribe});
}

void StageCatalog::expect_freeze(const std::string& executable, const std::string& path) {
  expect({executable, kFreeze, path});
}

void StageCatalog::expect_outputs(const std::string& executable, const std::string& path) {
  expect({executable, kOutputs, path});
}

Result<std::string> StageCatalog::ask(const std::vector<std::string>& argv,
                                      std::chrono::milliseconds timeout) {
  const auto asked = asked_.extract(argv);
  return asked ? asked.mapped().answer(timeout) : run_captured(argv, timeout);
}

Result<std::string> StageCatalog::find(const std::string& name) {
  for (const std::string& folder : folders_) {
    const std::string path = folder + "/" + name;
    if (is_executable_file(path)) return path;
  }
  return Error(fmt::format("there is no stage '{}'{} in {} (all that can be named: datagen stages)", name,
                           suggestion(name, names()), fmt::join(folders_, ", ")));
}

Result<StageDescription> StageCatalog::describe(const std::string& executable) {
  if (const auto found = described_.find(executable); found != described_.end()) return found->second;
  struct stat info {};
  if (stat(executable.c_str(), &info) != 0) return Error::from_errno("cannot start " + executable, errno);
  if (!is_executable_file(executable)) return Error(executable + " is not an executable file (chmod +x it)");
  auto answer = ask({executable, kDescribe}, kDescribeTimeout);
  if (!answer) {
    return Error(fmt::format(
        "{} is not a stage (it does not answer --describe: {}); to run any filter, use exec:", executable,
        answer.error().message()));
  }
  auto description = read_description(executable, answer.value());
  if (description) described_.emplace(executable, description.value());
  return description;
}

Result<std::vector<FrozenInput>> StageCatalog::freeze(const std::string& executable, const std::string& path,
                                                      const std::vector<std::string>& settings) {
  DATAGEN_TRY(const std::string answer, ask(list_command(executable, kFreeze, path, settings), kListTimeout));
  dom::parser parser;
  dom::array inputs;
  if (parser.parse(answer).get(inputs) != simdjson::SUCCESS)
    return Error(executable + ": its answer to --freeze is no JSON array");
  std::vector<FrozenInput> frozen;
  for (const dom::element input : inputs) {
    FrozenInput entry{text_of(input, "uri"), 0, text_of(input, "input"), text_of(input, "fingerprint")};
    if (input["bytes"].get(entry.bytes) != simdjson::SUCCESS)
      return Error(executable + ": an input without bytes in its answer to --freeze");
    frozen.push_back(std::move(entry));
  }
  return frozen;
}

Result<std::vector<std::string>> StageCatalog::outputs(const std::string& executable, const std::string& path,
                                                       const std::vector<std::string>& settings) {
  DATAGEN_TRY(const std::string answer,
              ask(list_command(executable, kOutputs, path, settings), kListTimeout));
  dom::parser parser;
  dom::array paths;
  if (parser.parse(answer).get(paths) != simdjson::SUCCESS)
    return Error(executable + ": its answer to --outputs is no JSON array");
  std::vector<std::string> outputs;
  for (const dom::element given : paths) {
    std::string_view file;
    if (given.get(file) == simdjson::SUCCESS) outputs.emplace_back(file);
  }
  return outputs;
}

Result<std::string> StageCatalog::check(const std::string& executable, const std::string& setting) {
  return run_captured({executable, "--check", setting}, kDescribeTimeout);
}

Result<std::string> StageCatalog::find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (is_executable_file(name)) return name;
    return Error(name + " is not an executable file");
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    const std::string found = fs::absolute(fs::path(folder) / name).lexically_normal();
    if (!folder.empty() && is_executable_file(found)) return found;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return Error(fmt::format("there is no program '{}' on PATH", name));
}

Result<std::string> StageCatalog::hash(const std::string& executable) {
  if (const std::string id = build_id_of(executable); !id.empty()) {
    std::error_code error;
    return fmt::format("{}-{}", id, fs::file_size(executable, error));
  }
  auto bytes = simdjson::padded_string::load(executable);
  if (bytes.error() != simdjson::SUCCESS) return Error("cannot read " + executable);
  return fmt::format("{:016x}", XXH3_64bits(bytes.value_unsafe().data(), bytes.value_unsafe().size()));
}

std::vector<std::string> StageCatalog::names() const {
  std::set<std::string> names;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename();
      const bool hidden =
          name.starts_with('.') || name == "datagen" || name == "datagen-ring" || name.starts_with("bench_");
      if (!hidden && is_executable_file(entry.path())) names.insert(name);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace datagen::launcher
