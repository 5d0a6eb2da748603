// Any program that answers each line with one, and goes on: `exec:` with mode line in a graph.
#include <datagen/stage.h>

#include "program/answers.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>
#include "program/child_process.h"
#include "program/command.h"
#include "spares.h"

namespace {

using datagen::ChildProcess;

struct ExecLine : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Asks a long-living program about each record: a line in, a line out",
               "stages: [{exec: [jq, -c, --unbuffered, .tag = 1], mode: line}]");
    datagen::declare_command(p);
  }
  void open(datagen::Context& context) override { command_ = datagen::read_command(context); }
  void process_item(datagen::Item& item, datagen::Context&) override {
    const std::string line = datagen::line_for(item);
    bool is_new = false;
    const auto make = [&] {
      is_new = true;
      return std::make_unique<ChildProcess>(command_);
    };
    auto child = children_.lend(make);
    try {
      datagen::apply_answer(item, answer(child, line, is_new));
    } catch (...) {
      child.replace(nullptr);  // whatever it says next may belong to this record
      throw;
    }
  }

 private:
  // One that has answered before may have ended for a reason of its own: this record is not blamed for it.
  std::string answer(datagen::Spares<ChildProcess>::Loan& child, const std::string& line, bool is_new) {
    if (is_new) return child->answer(line);
    try {
      return child->answer(line);
    } catch (const std::runtime_error&) {
      child.replace(std::make_unique<ChildProcess>(command_));
      return child->answer(line);
    }
  }

  std::vector<std::string> command_;
  datagen::Spares<ChildProcess> children_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<ExecLine>(argc, argv); }
