// Replaces each record by what a jq expression makes of it.
#include <datagen/stage.h>

#include "jq/jq_program.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "spares.h"

namespace {

struct Map : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Replaces a record by what a jq expression gives: an object, several (children), or none",
               "stages: [{map: {expr: '.len = (.text | length)'}}]");
    p.text("expr").required().checked_by(datagen::JqProgram::check).help("jq expression");
    p.text("reason", "map").help("what records are counted by for which it gives nothing");
  }
  void open(datagen::Context& context) override {
    expression_ = context.param<std::string>("expr");
    reason_ = context.param<std::string>("reason");
  }
  void process_item(datagen::Item& item, datagen::Context&) override {
    const auto program = programs_.lend([&] { return std::make_unique<datagen::JqProgram>(expression_); });
    const std::string record = item.json();
    std::vector<std::string> results;
    program->run(record, [&](std::string_view json) { results.emplace_back(json); });
    if (results.empty()) return item.drop(reason_);
    if (results.size() > 1) {
      for (const std::string& result : results) item.emit_json(result);
    } else if (results.front() != record) {
      item.assign_json(results.front());
    }
  }

  std::string expression_, reason_;
  datagen::Spares<datagen::JqProgram> programs_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Map>(argc, argv); }
