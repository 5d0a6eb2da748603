// What the verbs do. Each returns the launcher's exit code; messages go to stderr, what was asked for to stdout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace datagen::launcher {

// A graph as it is named on the command line: a file, or --input, --stage and --output.
struct GraphArguments {
  std::string graph;
  std::string input, output;
  std::vector<std::string> stages;
  std::vector<std::string> sets;
  std::string run_directory;
};

struct RunArguments {
  GraphArguments graph;
  bool fresh = false;
  bool overwrite = false;
  bool quiet = false;
  bool json = false;
  bool same_binary = false;
};

int run_command(const RunArguments& arguments);
int plan_command(const GraphArguments& arguments, bool dot, bool json);
int stages_command(const std::string& name, bool json);

// Prints "datagen: MESSAGE" to stderr.
void complain(const std::string& message);

}  // namespace datagen::launcher
