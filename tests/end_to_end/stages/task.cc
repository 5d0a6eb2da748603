// A stage of a small job: takes its time over records, keeps some of them, makes several of one.
#include <datagen/stage.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace {

struct Task : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.integer("pause_ms", 0).min(0).help("how long it takes over a record");
    p.integer("pause_rows", 1 << 30).min(0).help("only over the first rows");
    p.integer("keep", 1).min(1).help("keep every n-th row");
    p.integer("children", 0).min(0).help("make so many of each record; 0: pass it on");
    p.text("mark", "").help("add a field of this name");
    p.boolean("clock", false).help("add when it was done: nanoseconds of one clock");
  }

  void open(datagen::Context& c) override {
    pause_ = std::chrono::milliseconds(c.param<std::int64_t>("pause_ms"));
    pause_rows_ = c.param<std::uint64_t>("pause_rows");
    keep_ = c.param<std::uint64_t>("keep");
    children_ = c.param<int>("children");
    mark_ = c.param<std::string>("mark");
    clock_ = c.param<bool>("clock");
  }

  void process_item(datagen::Item& item, datagen::Context&) override {
    const std::uint64_t row = std::stoull(item.id());
    if (row < pause_rows_) std::this_thread::sleep_for(pause_);
    if (row % keep_ != 0) return item.drop("not kept");
    if (!mark_.empty()) item.set(mark_, true);
    if (clock_) item.set("at", std::chrono::steady_clock::now().time_since_epoch().count());
    for (int child = 0; child < children_; ++child) item.emit_copy({{"child", child}});
  }

  std::chrono::milliseconds pause_{0};
  std::uint64_t pause_rows_ = 0, keep_ = 1;
  int children_ = 0;
  std::string mark_;
  bool clock_ = false;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Task>(argc, argv); }
