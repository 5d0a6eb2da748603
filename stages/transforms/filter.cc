// Lets the records pass for which a jq expression is true; `when:` of a graph is one of these.
#include <datagen/stage.h>

#include "jq/jq_program.h"
#include "spares.h"

namespace {

struct Filter : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Lets the records pass for which a jq expression is neither false nor null",
               "stages: [{filter: {where: '.len > 50'}}]");
    p.text("where").required().checked_by(datagen::JqProgram::check).help("jq expression");
    p.text("reason", "filter").help("what the others are counted by in the report");
  }
  void open(datagen::Context& context) override {
    where_ = context.param<std::string>("where");
    reason_ = context.param<std::string>("reason");
  }
  void process_item(datagen::Item& item, datagen::Context&) override {
    const auto program = programs_.lend([&] { return std::make_unique<datagen::JqProgram>(where_); });
    if (!program->is_true(item.json())) item.drop(reason_);
  }

  std::string where_, reason_;
  datagen::Spares<datagen::JqProgram> programs_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Filter>(argc, argv); }
