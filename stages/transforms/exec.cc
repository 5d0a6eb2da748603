// Any program that filters JSON Lines, started for each frame: `exec:` with mode frame in a graph.
#include <datagen/stage.h>

#include "program/answers.h"

#include <string>
#include <vector>
#include "program/child_process.h"
#include "program/command.h"

namespace {

struct Exec : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Sends each frame through a program that filters JSON Lines",
               "stages: [{exec: [jq, -c, .tag = 1]}]");
    datagen::declare_command(p);
  }
  void open(datagen::Context& context) override { command_ = datagen::read_command(context); }
  // What is thrown here makes the runner look for the record at fault, by halves.
  void process_batch(datagen::Batch& batch, datagen::Context&) override {
    std::string input;
    for (const datagen::Item& item : batch) input += datagen::line_for(item) + '\n';
    datagen::apply_answers(batch, datagen::ChildProcess(command_).filter(input));
  }

  std::vector<std::string> command_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Exec>(argc, argv); }
