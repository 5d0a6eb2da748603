// Starting and watching processes. The only room that knows Boost.Process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ipc/result.h"
#include "launcher/memory_group.h"

namespace datagen::launcher {

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is the executable's path
  std::string log_path;           // stdout and stderr, appended; the file is created
  // Of its memory where control groups are to be had, else of its address space (RLIMIT_AS); 0: none.
  std::uint64_t memory_limit_bytes = 0;
  std::string memory_group = {};  // beginning of its control group's name
  int input = -1;                 // its stdin; -1: /dev/null
};

// Once, at the start of a program that spawns: 0, 1 and 2 are open (else a pipe or a log would become one of
// them), and children that end are kept until they are waited for, whatever was inherited.
void prepare_to_spawn();

// A child of this process, held by a pidfd: it cannot be confused with a later process of the same pid.
class Process {
 public:
  // In a process group of its own (a terminal's Ctrl-C is the launcher's to handle), with default signals,
  // stdin as the options say and no other descriptor, killed by the kernel when the calling thread ends
  // (PR_SET_PDEATHSIG).
  // Errors: the executable cannot be started, and why.
  static Result<Process> spawn(const SpawnOptions& options);

  // A child that this process has started and not waited for; on error it is killed and reaped.
  static Result<Process> adopt(pid_t child);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  // Readable when the process has ended.
  int fd() const { return pidfd_; }
  void signal(int number) const;
  // To what the options say, of one that has been adopted.
  void limit_memory(const SpawnOptions& options);
  bool has_ended() const;

  struct Exit {
    bool signalled = false;
    int code = 0;  // exit code, or number of the signal
    double cpu_seconds = 0;
    std::uint64_t peak_bytes = 0;  // resident
    std::uint64_t oom_kills = 0;   // in its control group, if it has one
  };
  // Reaps the process; waits until it has ended.
  Exit wait();

 private:
  Process(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::unique_ptr<MemoryGroup> memory_;
};

// A command that has been started for what it writes to stdout. Others may run beside it. Nothing reads its
// pipe before answer(). Its process group does not outlive this object.
class Question {
 public:
  // Error: it cannot be started.
  static Result<Question> ask(const std::vector<std::string>& argv);
  Question(Question&&) noexcept;
  ~Question();

  // Waits for its end; once. Errors: it does not end within `timeout` from now, writes more than 64 MiB, or
  // ends with another code than 0 (then with what it wrote to stderr).
  Result<std::string> answer(std::chrono::milliseconds timeout);

 private:
  struct State;
  explicit Question(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Asks, and waits for the answer.
Result<std::string> run_captured(const std::vector<std::string>& argv, std::chrono::milliseconds timeout);

// Runs a command until it has written `lines` lines to stdout, or has ended; then asks it to end (SIGTERM)
// and waits for that. The lines, without their newlines. Errors: it cannot be started, does not get there
// within `timeout`, or fails before (then with what it wrote to stderr).
Result<std::vector<std::string>> first_lines(const std::vector<std::string>& argv, std::size_t lines,
                                             std::chrono::milliseconds timeout);

}  // namespace datagen::launcher
