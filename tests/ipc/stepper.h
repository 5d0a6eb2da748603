// A forked worker that runs one instruction at a time, to die at a chosen one: at a store to shared memory,
// or behind a system call. x86-64 only.
#pragma once

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <cstring>
#include <functional>
#include <vector>

#include "rig.h"

namespace datagen::ipc::testing {

// Memory that is watched for changes.
class Witness {
 public:
  void watch(const void* start, std::size_t bytes) {
    const auto* first = static_cast<const char*>(start);
    parts_.push_back({first, std::vector<char>(first, first + bytes)});
  }
  // Since the last call.
  bool has_changed() {
    bool changed = false;
    for (auto& [live, copy] : parts_) {
      if (std::memcmp(live, copy.data(), copy.size()) == 0) continue;
      changed = true;
      std::memcpy(copy.data(), live, copy.size());
    }
    return changed;
  }

 private:
  struct Part {
    const char* live;
    std::vector<char> copy;
  };
  std::vector<Part> parts_;
};

class Stepper {
  // Tracer and worker take turns; on one processor the turn is several times cheaper.
  class OneProcessor {
   public:
    explicit OneProcessor(pid_t worker) {
      sched_getaffinity(0, sizeof before_, &before_);
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(sched_getcpu(), &one);
      sched_setaffinity(0, sizeof one, &one);
      sched_setaffinity(worker, sizeof one, &one);
    }
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;
    ~OneProcessor() { sched_setaffinity(0, sizeof before_, &before_); }

   private:
    cpu_set_t before_;
  };

 public:
  // `prepare` runs at full speed and gives what is to be stepped through.
  explicit Stepper(const std::function<std::function<void()>()>& prepare)
      : child_([&] {
          if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) return 97;
          const auto body = prepare();
          raise(SIGSTOP);
          body();
          return 0;
        }) {
    waitpid(child_.pid(), &status_, 0);
  }

  // False when the kernel does not let us trace.
  bool is_traced() const { return WIFSTOPPED(status_); }

  // Runs until the `points`-th change of what `witness` sees or end of a system call, and kills it there.
  // False when the worker ended before.
  bool run_and_kill_at(std::size_t points, Witness& witness) {
    const OneProcessor pinned(child_.pid());
    witness.has_changed();
    for (std::size_t seen = 0; seen < points;) {
      const bool is_system_call = is_at_system_call();
      if (!step()) return false;
      if (witness.has_changed() || is_system_call) ++seen;
    }
    child_.kill();
    return true;
  }
  bool has_exited_well() const { return WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }
  std::size_t steps() const { return steps_; }

 private:
  bool step() {
    ++steps_;
    const int signal = WSTOPSIG(status_) == SIGTRAP || WSTOPSIG(status_) == SIGSTOP ? 0 : WSTOPSIG(status_);
    ptrace(PTRACE_SINGLESTEP, child_.pid(), nullptr, signal);
    while (waitpid(child_.pid(), &status_, 0) < 0 && errno == EINTR) {
    }
    return WIFSTOPPED(status_);
  }
  bool is_at_system_call() const {
#if defined(__x86_64__)
    const long counter = ptrace(PTRACE_PEEKUSER, child_.pid(), offsetof(user_regs_struct, rip), nullptr);
    // Forked from this process, it has the same code at the same place.
    const auto* code = reinterpret_cast<const unsigned char*>(counter);
    return code[0] == 0x0f && code[1] == 0x05;
#else
    return false;
#endif
  }

  Child child_;
  int status_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace datagen::ipc::testing
