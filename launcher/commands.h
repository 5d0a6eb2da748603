// What the verbs do. Each returns the launcher's exit code; messages go to stderr, what was asked for to
// stdout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ipc/result.h"

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
  bool forget_paid = false;
  bool overwrite = false;
  bool quiet = false;
  bool json = false;
  bool same_binary = false;
  std::string metrics;              // HOST:PORT
  std::string log_format = "text";  // or "json"
  std::uint64_t limit = 0;          // records; 0: all
};

struct ResumeArguments {
  std::string run;
  std::string graph;
  std::vector<std::string> sets;
  bool quiet = false;
  bool json = false;
  bool same_binary = false;
  std::string metrics;  // HOST:PORT
  std::string log_format = "text";
};

struct DeadLettersArguments {
  std::string run, stage, reason, id;
  bool json = false;
};

struct ReplayArguments {
  DeadLettersArguments letters;  // which
  std::vector<std::string> sets;
  std::string from = "stage";  // or "source"
  bool dry_run = false;
  bool quiet = false;
  std::string metrics;  // HOST:PORT
  std::string log_format = "text";
};

struct TopArguments {
  std::string run, interval = "1s";
  bool once = false;
  bool json = false;
};

int run_command(const RunArguments& arguments);
int resume_command(const ResumeArguments& arguments);
int status_command(const std::string& run, bool json);
int top_command(const TopArguments& arguments);
int report_command(const std::string& run, bool json);
int stop_command(const std::string& run);
int dead_letters_command(const DeadLettersArguments& arguments);
int replay_command(const ReplayArguments& arguments);
int trace_command(const std::string& run, const std::string& id);
int repro_command(const std::string& run, const std::string& id, bool gdb);
int check_command(const GraphArguments& arguments);
// `run --limit`
int limited_run_command(const RunArguments& arguments);
int init_command(const std::string& name, const std::string& folder);
int doctor_command(bool json);
int plan_command(const GraphArguments& arguments, bool dot, bool json);
int stages_command(const std::string& name, bool json);

// Prints "datagen: MESSAGE" to stderr.
void complain(const std::string& message);
// The same for a call that cannot be carried out: its exit code.
int refuse(const std::string& message);
int refuse(const Error& error);

}  // namespace datagen::launcher
