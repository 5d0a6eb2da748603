// A stage that does to its process what the record says: {"do": "segv" | "fault" | "abort" | "exit" | "hang"
// | "throw" | "overflow" | "memory" | "kill"}; "code" is the number for exit.
#include <datagen/stage.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

int overflow_stack(volatile int* depth) {
  volatile char block[4096];
  block[0] = static_cast<char>(*depth);
  *depth = *depth + 1;
  // The condition is always true; without one the compiler sees what this is for.
  return (*depth > 0 ? overflow_stack(depth) : 0) + block[0];
}

// Takes memory until there is none; std::bad_alloc.
void hold_memory() {
  std::vector<std::unique_ptr<char[]>> held;
  for (;;) held.push_back(std::make_unique<char[]>(16 << 20));
}

void obey(datagen::Item& item) {
  const std::string_view what = item.get("do").value_or<std::string_view>("");
  if (what.empty() || std::getenv("DATAGEN_TEST_CALM") != nullptr) return item.set("seen", true);
  std::fprintf(stderr, "about to %.*s\n", static_cast<int>(what.size()), what.data());
  if (what == "segv") std::raise(SIGSEGV);
  if (what == "abort") std::abort();
  if (what == "exit") std::exit(item.get("code").value_or<int>(3));
  if (what == "throw") throw std::runtime_error("as it was told");
  volatile std::uintptr_t nowhere = 16;
  if (what == "fault") *reinterpret_cast<volatile int*>(nowhere) = 1;
  if (what == "memory") hold_memory();
  if (what == "kill") std::raise(SIGKILL);
  volatile int depth = 0;
  if (what == "overflow") overflow_stack(&depth);
  while (what == "hang") std::raise(SIGSTOP);
}

// Dies when all is done: in a destructor behind main().
struct DiesAtTheEnd {
  bool is_worker = false;
  ~DiesAtTheEnd() {
    if (is_worker && std::getenv("DATAGEN_TEST_DIE_AT_END") != nullptr) std::abort();
  }
} dies_at_the_end;

}  // namespace

int main(int argc, char** argv) {
  dies_at_the_end.is_worker = argc > 1 && std::string_view(argv[1]) == "--worker";
  if (std::getenv("DATAGEN_TEST_DIE_AT_START") != nullptr && argc > 2) std::abort();
  if (std::getenv("DATAGEN_TEST_BATCH") != nullptr) {
    return datagen::run_batch_stage(argc, argv, [](datagen::Batch& batch, datagen::Context&) {
      for (datagen::Item& item : batch) obey(item);
    });
  }
  return datagen::run_stage(argc, argv, [](datagen::Item& item, datagen::Context&) { obey(item); });
}
