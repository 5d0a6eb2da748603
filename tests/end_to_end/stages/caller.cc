// A stage as those that call a model: reports tokens, counts, logs at several levels, fails now and then.
// DATAGEN_TEST_WAIT_ROW: the row whose call takes until the run is stopped.
#include <datagen/stage.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

struct Caller : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.integer("pause_us", 0).min(0).help("how long a call takes");
    p.integer("throw_every", 0).min(0).help("fail for every n-th row; 0: never");
    p.integer("drop_every", 0).min(0).help("drop every n-th row; 0: never");
  }

  void open(datagen::Context& c) override {
    pause_ = std::chrono::microseconds(c.param<std::int64_t>("pause_us"));
    throw_every_ = c.param<std::uint64_t>("throw_every");
    drop_every_ = c.param<std::uint64_t>("drop_every");
    if (const char* row = std::getenv("DATAGEN_TEST_WAIT_ROW")) waits_ = std::atoll(row);
    c.log().info("ready to call");
    c.log().warn("a warning");
    c.log().debug("not at this level");
  }

  void process_item(datagen::Item& item, datagen::Context& c) override {
    const std::uint64_t row = std::stoull(item.id());
    if (pause_.count() > 0) std::this_thread::sleep_for(pause_);
    if (static_cast<std::int64_t>(row) == waits_) wait(c);
    c.report_usage(row % 2 == 0 ? "small" : "large", 10, 3);
    c.count("called");
    if (throw_every_ != 0 && row % throw_every_ == 0) throw std::runtime_error("no answer");
    if (drop_every_ != 0 && row % drop_every_ == 0) return item.drop("refused");
    item.set("answer", row);
  }

  static void wait(datagen::Context& c) {
    c.progress(1, 2);
    c.log().info("waiting");
    while (!c.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    c.log().info("was cancelled");
    throw std::runtime_error("cancelled");
  }

  std::chrono::microseconds pause_{0};
  std::uint64_t throw_every_ = 0, drop_every_ = 0;
  std::int64_t waits_ = -1;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Caller>(argc, argv); }
