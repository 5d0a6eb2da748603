// The executables that a graph can name, and what they say of themselves (docs/run_directory.md, "What an
// executable answers"). Looked up in the graph's stage_path, in DATAGEN_STAGE_PATH, then beside the launcher.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/result.h"
#include "launcher/process.h"

namespace datagen::launcher {

enum class StageKind : std::uint8_t { source, stage, sink };
std::string_view name_of(StageKind kind);

struct ParameterDescription {
  enum class Type : std::uint8_t { text, integer, number, boolean, choice, json };
  std::string name;
  Type type = Type::text;
  std::string default_json;  // JSON text; empty: none
  std::optional<double> min, max;
  std::vector<std::string> choices;
  bool required = false;
  bool secret = false;
  bool running = false;  // may change on resume
  bool path = false;     // of a file, or several
  bool checked = false;  // the executable is asked whether a value is good
  std::string help;
};

struct StageDescription {
  std::string executable;  // absolute
  std::string name;
  StageKind kind = StageKind::stage;
  std::string help, example;
  bool stateful = false;
  bool batch = false;
  std::map<std::string, std::int64_t> running;  // its own defaults for keys of the graph
  std::vector<ParameterDescription> parameters;

  // Null: it declares none of that name.
  const ParameterDescription* find(std::string_view parameter) const;
};

// An input as a source froze it.
struct FrozenInput {
  std::string uri;
  std::uint64_t bytes = 0;
  std::string input = {};        // of a merge: the name of the input that it belongs to
  std::string fingerprint = {};  // of a file: for the source, which says what it is made of

  // The same content, as far as can be told without reading it; the time in the fingerprint does not count.
  friend bool operator==(const FrozenInput& a, const FrozenInput& b) {
    const auto content = [](const FrozenInput& file) {
      return file.fingerprint.substr(std::min(file.fingerprint.find(' '), file.fingerprint.size()));
    };
    return a.uri == b.uri && a.bytes == b.bytes && a.input == b.input && content(a) == content(b);
  }
};

// What a plan asks of the world. The real one starts executables; a test answers from memory.
class StageLookup {
 public:
  virtual ~StageLookup() = default;
  // What will be asked soon, `path` without settings: the real lookup asks all that it is told of side by
  // side. Hints, on which no answer depends.
  virtual void expect_describe(const std::string&) {}
  virtual void expect_freeze(const std::string&, const std::string&) {}
  virtual void expect_outputs(const std::string&, const std::string&) {}
  // The absolute path of a stage that can be named. Error: "no stage 'x' (did you mean 'y'?)", and where it
  // was sought.
  virtual Result<std::string> find(const std::string& name) = 0;
  // Errors: no such file, not executable, or "not a stage; use exec:".
  virtual Result<StageDescription> describe(const std::string& executable) = 0;
  // `settings` are NAME=VALUE. Errors: the executable's own words.
  virtual Result<std::vector<FrozenInput>> freeze(const std::string& executable, const std::string& path,
                                                  const std::vector<std::string>& settings) = 0;
  virtual Result<std::vector<std::string>> outputs(const std::string& executable, const std::string& path,
                                                   const std::vector<std::string>& settings) = 0;
  // What the executable says against a value of a checked parameter, given as NAME=VALUE; empty: nothing.
  virtual Result<std::string> check(const std::string& executable, const std::string& setting) = 0;
  // The absolute path of a program, as a shell finds it. Error: there is none.
  virtual Result<std::string> find_program(const std::string& name) = 0;
  // What tells an executable from one that was built from something else.
  virtual Result<std::string> hash(const std::string& executable) = 0;
};

class StageCatalog final : public StageLookup {
 public:
  // Folders are searched in this order.
  explicit StageCatalog(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  // stage_path, then DATAGEN_STAGE_PATH (colons between), then the installation's folder.
  static std::vector<std::string> folders(const std::vector<std::string>& stage_path);

  void expect_describe(const std::string& executable) override;
  void expect_freeze(const std::string& executable, const std::string& path) override;
  void expect_outputs(const std::string& executable, const std::string& path) override;
  Result<std::string> find(const std::string& name) override;
  Result<StageDescription> describe(const std::string& executable) override;
  Result<std::vector<FrozenInput>> freeze(const std::string& executable, const std::string& path,
                                          const std::vector<std::string>& settings) override;
  Result<std::vector<std::string>> outputs(const std::string& executable, const std::string& path,
                                           const std::vector<std::string>& settings) override;
  Result<std::string> check(const std::string& executable, const std::string& setting) override;
  Result<std::string> find_program(const std::string& name) override;
  // The id that a linker gave it (--build-id) and its size, which stay when it is copied; without an id, XXH3
  // of its bytes.
  Result<std::string> hash(const std::string& executable) override;

  // Everything that can be named, sorted by name; the first folder that has a name wins.
  std::vector<std::string> names() const;

 private:
  void expect(const std::vector<std::string>& argv);
  // Of what was expected, or else asked now.
  Result<std::string> ask(const std::vector<std::string>& argv, std::chrono::milliseconds timeout);

  std::vector<std::string> folders_;
  std::map<std::string, StageDescription> described_;
  std::map<std::vector<std::string>, Question> asked_;  // by command; not answered yet
};

}  // namespace datagen::launcher
