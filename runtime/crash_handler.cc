#include "crash_handler.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace datagen {

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
constexpr int kFramesMax = 64;
constexpr std::size_t kStackBytes = 64 << 10;
constexpr unsigned kSecondsMax = 5;

char stage_name[128];
char executable_path[1024];
thread_local const ipc::InFlight* in_flight = nullptr;

// Text on its way to stderr. Async-signal-safe calls only, as all that the handler uses.
class Text {
 public:
  Text& operator<<(const char* text) {
    while (*text != '\0') put(*text++);
    return *this;
  }
  Text& number(std::uint64_t value, unsigned base) {
    char digits[20];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }
  Text& hex(std::uint64_t value) { return (*this << "0x").number(value, 16); }
  void write_out() {
    const ssize_t written = write(STDERR_FILENO, bytes_, end_);
    static_cast<void>(written);  // what cannot be written (a full disk) is lost
    end_ = 0;
  }

 private:
  void put(char byte) {
    if (end_ == sizeof bytes_) write_out();
    bytes_[end_++] = byte;
  }

  char bytes_[4096];
  std::size_t end_ = 0;
};

// A thread's, until it ends; then the one that it had before (a sanitizer's, which it removes itself).
class AlternateStack {
 public:
  AlternateStack() : memory_(std::make_unique<char[]>(kStackBytes)) {
    stack_t stack{};
    stack.ss_sp = memory_.get();
    stack.ss_size = kStackBytes;
    sigaltstack(&stack, &before_);
  }
  ~AlternateStack() { sigaltstack(&before_, nullptr); }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  std::unique_ptr<char[]> memory_;
  stack_t before_{};
};

void write_headline(Text& text, int number, const siginfo_t* info) {
  text << "datagen-crash: SIG" << sigabbrev_np(number);
  // si_code above 0: the kernel found a fault; else somebody sent the signal and there is no address.
  if (info->si_code > 0 && number != SIGABRT)
    (text << " at ").hex(reinterpret_cast<std::uintptr_t>(info->si_addr));
  text << " in stage '" << stage_name << "'";
  if (in_flight != nullptr) {
    const std::uint64_t frame = in_flight->frame.load(std::memory_order_relaxed);
    if (frame != ipc::InFlight::kNothing) {
      (text << ", frame ").number(frame, 10);
      (text << ", record of row ").number(in_flight->row.load(std::memory_order_relaxed), 10);
    }
  }
  text << "\n";
}

void write_call(Text& text, void* address) {
  dl_find_object found{};
  if (_dl_find_object(address, &found) == 0) {
    const char* path = found.dlfo_link_map->l_name;
    text << (path != nullptr && *path != '\0' ? path : executable_path) << "+";
    text.hex(reinterpret_cast<std::uintptr_t>(address) - found.dlfo_link_map->l_addr);
  } else {
    text.hex(reinterpret_cast<std::uintptr_t>(address));
  }
  text << "\n";
}

void report(int number, siginfo_t* info, void*) {
  // Should even this hang (a lock of the unwinder), the process dies all the same.
  signal(SIGALRM, SIG_DFL);
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarms, nullptr);
  alarm(kSecondsMax);
  Text text;
  write_headline(text, number, info);
  text.write_out();  // before what may hang
  void* calls[kFramesMax];
  const int count = backtrace(calls, kFramesMax);
  constexpr int kOwnCalls = 2;  // this function and the kernel's trampoline
  for (int call = kOwnCalls; call < count; ++call) write_call(text, calls[call]);
  text.write_out();
  raise(number);  // SA_RESETHAND has put the default back: the launcher sees the signal
}

}  // namespace

void use_alternate_stack() { thread_local const AlternateStack stack; }

void name_record_in_crash(const ipc::InFlight& entry) { in_flight = &entry; }

void install_crash_handler(const std::string& stage) {
  std::snprintf(stage_name, sizeof stage_name, "%s", stage.c_str());
  const ssize_t length = readlink("/proc/self/exe", executable_path, sizeof executable_path - 1);
  executable_path[length > 0 ? length : 0] = '\0';
  void* call = nullptr;
  backtrace(&call, 1);  // the first one loads a library, which a handler must not do
  use_alternate_stack();
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

}  // namespace datagen
