// A stage for graphs with branches: keeps each keep-th row and marks every dead-th as bad; with join it says
// which branches have the record.
#include <datagen/stage.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

struct Branch : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.integer("keep", 1).min(1).help("keep every n-th row");
    p.integer("dead", 0).min(0).help("fail every n-th row; 0: none");
    p.boolean("join", false).help("tell which branches have the record");
  }

  void open(datagen::Context& c) override {
    keep_ = c.param<std::uint64_t>("keep");
    dead_ = c.param<std::uint64_t>("dead");
    join_ = c.param<bool>("join");
  }

  void process_item(datagen::Item& item, datagen::Context&) override {
    if (join_) return tell(item);
    const std::uint64_t row = std::stoull(item.id());
    if (dead_ != 0 && row % dead_ == 0) throw datagen::BadRecord("marked", "every n-th row");
    if (row % keep_ != 0) return item.drop("not mine");
  }

  void tell(datagen::Item& item) {
    for (const char* branch : {"even", "third", "input"}) {
      try {
        item.set(branch, static_cast<bool>(item.from(branch)));
      } catch (const std::logic_error&) {  // this graph has no such branch
      }
    }
  }

  std::uint64_t keep_ = 1, dead_ = 0;
  bool join_ = false;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Branch>(argc, argv); }
