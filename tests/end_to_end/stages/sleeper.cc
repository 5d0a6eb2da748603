// A stage that takes its time: `ms` milliseconds for each record.
#include <datagen/stage.h>

#include <chrono>
#include <thread>

struct Sleeper : datagen::Operator {
  static void describe(datagen::Parameters& p) {
    p.describe("Takes its time", "stages: [{run: ./sleeper}]");
    p.integer("ms", 10).min(0).help("milliseconds for each record");
  }
  void open(datagen::Context& c) override { pause = std::chrono::milliseconds(c.param<std::int64_t>("ms")); }
  void process_item(datagen::Item&, datagen::Context&) override { std::this_thread::sleep_for(pause); }

  std::chrono::milliseconds pause{0};
};

int main(int argc, char** argv) { return datagen::run_stage<Sleeper>(argc, argv); }
