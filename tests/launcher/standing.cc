// standing --stand-by WHAT: stands by as a worker does. A successor writes "begun" and ends with code 7. If
// WHAT is "abort" it aborts; if it is "eat" it takes 1 GiB of memory before, or ends with code 12. With
// "thread" there is one before any constructor.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <pthread.h>
#include <unistd.h>

#include "stand_by.h"

namespace {

void* sleep_for_ever(void*) {
  for (;;) pause();
}

// As a shared library might.
void start_thread(int count, char** arguments, char**) {
  pthread_t thread;
  if (count == 3 && std::strcmp(arguments[2], "thread") == 0)
    pthread_create(&thread, nullptr, sleep_for_ever, nullptr);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_all)(int, char**, char**) = start_thread;

const pid_t made_by = getpid();

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string what = arguments[2];
  if (!datagen::wait_to_begin()) return 4;
  if (made_by != getpid()) return 5;
  if (what == "abort") std::abort();
  if (what == "eat") {
    constexpr std::size_t kBytes = std::size_t{1} << 30;
    volatile char* memory = static_cast<char*>(std::malloc(kBytes));
    if (memory == nullptr) return 12;
    for (std::size_t at = 0; at < kBytes; at += 4096) memory[at] = 1;
  }
  std::puts("begun");
  return 7;
}
