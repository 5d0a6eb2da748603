// A stateful stage that takes its time: numbers each record and adds up what passed; at the end it says the
// sum. DATAGEN_TEST_PAUSE_US: for how long it holds each record. DATAGEN_TEST_DAEMON: it leaves a process
// behind that outlives it, and writes its number there.
#include <datagen/stage.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <istream>
#include <ostream>

namespace {

// A grandchild in a session of its own, as careless libraries start them: it keeps every descriptor.
void leave_a_process(const char* path) {
  if (fork() != 0) return;
  setsid();
  const pid_t pid = fork();
  if (pid == 0) {
    sleep(60);
    _exit(0);
  }
  std::ofstream(path, std::ios::app) << pid << std::endl;
  _exit(0);
}

class Tally : public datagen::Operator {
 public:
  void open(datagen::Context&) override {
    if (const char* path = std::getenv("DATAGEN_TEST_DAEMON")) leave_a_process(path);
  }
  void process_item(datagen::Item& item, datagen::Context& context) override {
    if (pause_us_ > 0) usleep(pause_us_);
    ++count_;
    sum_ += item.get("len").as<std::int64_t>();
    item.set("count", count_);
    item.set("sum", sum_);
    context.count("tallied");
  }
  void finish(datagen::Emitter& out, datagen::Context&) override {
    out.emit({{"records", count_}, {"total", sum_}});
  }
  void save(std::ostream& out) const override { out << count_ << ' ' << sum_; }
  void load(std::istream& in) override { in >> count_ >> sum_; }

 private:
  std::int64_t count_ = 0;
  std::int64_t sum_ = 0;
  useconds_t pause_us_ = std::getenv("DATAGEN_TEST_PAUSE_US") == nullptr
                             ? 0
                             : static_cast<useconds_t>(std::atoi(std::getenv("DATAGEN_TEST_PAUSE_US")));
};

}  // namespace

int main(int argc, char** argv) { return datagen::run_stage<Tally>(argc, argv); }
