// What a plan asks of the world, answered from memory.
#pragma once

#include <string>
#include <vector>

#include "launcher/stage_catalog.h"

namespace datagen::launcher::testing {

// Knows source-jsonl, sink-jsonl, clean (required integer max, json more, secret key, paths files) and tally
// (stateful).
class MadeUpWorld : public StageLookup {
 public:
  Result<std::string> find(const std::string& name) override {
    if (name == "source-jsonl" || name == "sink-jsonl" || name == "clean" || name == "tally")
      return "/stages/" + name;
    return Error("there is no stage '" + name + "'");
  }
  Result<StageDescription> describe(const std::string& executable) override {
    StageDescription stage;
    stage.executable = executable;
    stage.name = executable.substr(executable.rfind('/') + 1);
    stage.stateful = stage.name == "tally";
    if (stage.name == "source-jsonl") stage.kind = StageKind::source;
    if (stage.name == "sink-jsonl") stage.kind = StageKind::sink;
    if (!executable.starts_with("/stages/")) return Error(executable + ": no such file");
    if (stage.name != "clean") return stage;
    ParameterDescription max;
    max.name = "max";
    max.type = ParameterDescription::Type::integer;
    max.required = true;
    max.help = "the most";
    ParameterDescription more;
    more.name = "more";
    more.type = ParameterDescription::Type::json;
    ParameterDescription key, files;
    key.name = "key";
    key.secret = true;
    files.name = "files";
    files.type = ParameterDescription::Type::json;
    files.path = true;
    stage.parameters = {max, more, key, files};
    return stage;
  }
  Result<std::vector<FrozenInput>> freeze(const std::string&, const std::string& path,
                                          const std::vector<std::string>&) override {
    if (path.ends_with("gone.jsonl")) return Error(path + ": no such file");
    return std::vector<FrozenInput>{{path, 10}};
  }
  Result<std::vector<std::string>> outputs(const std::string&, const std::string& path,
                                           const std::vector<std::string>&) override {
    return std::vector<std::string>{path};
  }
  Result<std::string> check(const std::string&, const std::string&) override { return std::string(); }
  Result<std::string> find_program(const std::string& name) override { return "/bin/" + name; }
  Result<std::string> hash(const std::string&) override { return std::string(16, '0'); }
};

}  // namespace datagen::launcher::testing
