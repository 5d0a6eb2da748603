// A stage that is slow: it sleeps for the record's or else the parameter's number of milliseconds. Also drops
// and fails some records, so that a report has something to show.
#include <datagen/stage.h>

#include <chrono>
#include <string>
#include <thread>

namespace {

struct Slow : datagen::Operator {
  static void describe(datagen::Parameters& parameters) {
    parameters.number("ms", 1).min(0).help("milliseconds for each record");
  }
  void open(datagen::Context& context) override { ms_ = context.param<double>("ms"); }
  void process_item(datagen::Item& item, datagen::Context& context) override {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(item.get("ms").value_or(ms_)));
    if (item.has("tokens")) context.report_usage("small-model", item.get("tokens").as<std::int64_t>(), 3);
    if (item.has("drop")) return item.drop(item.text("drop"));
    if (item.has("fail")) throw datagen::BadRecord(std::string(item.text("fail")));
  }

 private:
  double ms_ = 1;
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Slow>(argc, argv); }
