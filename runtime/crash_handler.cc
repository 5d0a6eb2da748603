#include "crash_handler.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace datagen {

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
constexpr int kFramesMax = 64;
alignas(16) char alternate_stack[64 << 10];
char stage_name[128];

// Async-signal-safe calls only. The first backtrace() loads a library, so it was made at the start.
void report(int number, siginfo_t*, void*) {
  char line[256];
  char* to = line;
  for (const char* part : {"datagen-crash: SIG", sigabbrev_np(number), " in stage ",
                           static_cast<const char*>(stage_name), "\n"}) {
    const std::size_t bytes = std::strlen(part);
    std::memcpy(to, part, bytes);
    to += bytes;
  }
  void* frames[kFramesMax];
  const int count = backtrace(frames, kFramesMax);
  if (write(STDERR_FILENO, line, static_cast<std::size_t>(to - line)) > 0)
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
  raise(number);  // SA_RESETHAND has put the default back: the launcher sees the signal
}

}  // namespace

void install_crash_handler(const std::string& stage) {
  std::snprintf(stage_name, sizeof stage_name, "%s", stage.c_str());
  void* frame = nullptr;
  backtrace(&frame, 1);
  stack_t stack{};
  stack.ss_sp = alternate_stack;
  stack.ss_size = sizeof alternate_stack;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

}  // namespace datagen
