// Lets the records pass for which a jq expression is true; `when:` of a graph is one of these.
#include <datagen/stage.h>

#include <memory>
#include <optional>
#include <string>

#include "jq/jq_program.h"
#include "jq/simple_condition.h"
#include "spares.h"

namespace {

struct Filter : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Lets the records pass for which a jq expression is neither false nor null",
               "stages: [{filter: {where: '.len > 50'}}]");
    p.text("where").required().checked_by(check).help("jq expression");
    p.text("reason", "filter").help("what the others are counted by in the report");
  }
  static void check(std::string_view expression) {
    // jq needs as long to start as a thousand records to be decided on.
    if (!datagen::SimpleCondition::parse(expression)) datagen::JqProgram::check(expression);
  }
  void open(datagen::Context& context) override {
    where_ = context.param<std::string>("where");
    reason_ = context.param<std::string>("reason");
    condition_ = datagen::SimpleCondition::parse(where_);
  }
  void process_item(datagen::Item& item, datagen::Context&) override {
    if (!is_true(item)) item.drop(reason_);
  }

  bool is_true(const datagen::Item& item) {
    if (condition_) {
      if (const auto holds = condition_->holds(item)) return *holds;
    }
    const auto program = programs_.lend([&] { return std::make_unique<datagen::JqProgram>(where_); });
    return program->is_true(item.json());
  }

  std::string where_, reason_;
  std::optional<datagen::SimpleCondition> condition_;
  datagen::Spares<datagen::JqProgram> programs_;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Filter>(argc, argv); }
