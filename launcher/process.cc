#include "launcher/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/version.hpp>
#if BOOST_VERSION >= 108600
#include <boost/process/v1/args.hpp>
#include <boost/process/v1/child.hpp>
#include <boost/process/v1/error.hpp>
#include <boost/process/v1/exe.hpp>
#include <boost/process/v1/extend.hpp>
#include <boost/process/v1/io.hpp>
namespace bp = boost::process::v1;
#else
#include <boost/process.hpp>
#include <boost/process/extend.hpp>
namespace bp = boost::process;
#endif

#include <cerrno>
#include <utility>

namespace datagen::launcher {

namespace {

// Runs in the child between fork and exec: system calls only.
struct PrepareChild {
  pid_t launcher;
  int out;
  int err;
  std::uint64_t memory_limit_bytes;

  template <class Executor>
  void operator()(Executor&) const {
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (memory_limit_bytes > 0) {
      const rlimit limit{memory_limit_bytes, memory_limit_bytes};
      setrlimit(RLIMIT_AS, &limit);
    }
    if (getppid() != launcher) _exit(127);  // it died before the line above
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
  }
};

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// Starts argv with the given descriptors. The pid is this function's to wait for: the child is detached from
// Boost, whose own waiting would race with ours.
Result<pid_t> start(const std::vector<std::string>& argv, int out, int err, std::uint64_t memory_limit_bytes = 0) {
  std::error_code error;
  const std::vector<std::string> arguments(argv.begin() + 1, argv.end());
  bp::child child(bp::exe = argv.front(), bp::args = arguments, bp::extend::on_exec_setup(PrepareChild{getpid(), out, err, memory_limit_bytes}),
                  error);
  if (error) return Error("cannot start " + argv.front() + ": " + error.message());
  const pid_t pid = child.id();
  child.detach();
  return pid;
}

Process::Exit reap(pid_t pid) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  return {info.si_code != CLD_EXITED, info.si_status};
}

}  // namespace

Result<Process> Process::spawn(const SpawnOptions& options) {
  const int log = open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return Error::from_errno("cannot open " + options.log_path, errno);
  auto pid = start(options.argv, log, log, options.memory_limit_bytes);
  close(log);
  if (!pid) return pid.error();
  const int pidfd = open_pidfd(pid.value());
  if (pidfd < 0) {
    const int error = errno;
    kill(pid.value(), SIGKILL);
    reap(pid.value());
    return Error::from_errno("this kernel cannot watch processes (pidfd_open; Linux 5.3 or newer is needed)", error);
  }
  return Process(pid.value(), pidfd);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Process::~Process() {
  if (pid_ > 0) {
    signal(SIGKILL);
    wait();
  }
  if (pidfd_ >= 0) close(pidfd_);
}

void Process::signal(int number) const {
  if (pidfd_ >= 0) syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
}

Process::Exit Process::wait() {
  const Exit exit = reap(pid_);
  pid_ = -1;
  return exit;
}

Result<std::string> run_captured(const std::vector<std::string>& argv, std::chrono::milliseconds timeout) {
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return Error::from_errno("cannot make a pipe", errno);
  if (pipe2(err, O_CLOEXEC) != 0) {
    const int error = errno;
    close(out[0]);
    close(out[1]);
    return Error::from_errno("cannot make a pipe", error);
  }
  const auto pid = start(argv, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  std::string text;
  std::string errors;
  bool in_time = true;
  if (pid) {
    // Both pipes are read as they fill; the end of stdout is the end of the answer.
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    bool open_out = true;
    bool open_err = true;
    while (open_out || open_err) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd fds[2] = {{open_out ? out[0] : -1, POLLIN, 0}, {open_err ? err[0] : -1, POLLIN, 0}};
      const int ready = left.count() > 0 ? poll(fds, 2, static_cast<int>(left.count())) : 0;
      if (ready == 0) {
        in_time = false;
        kill(pid.value(), SIGKILL);
        break;
      }
      char chunk[4096];
      for (int index = 0; ready > 0 && index < 2; ++index) {
        if ((fds[index].revents & (POLLIN | POLLHUP)) == 0) continue;
        const ssize_t got = read(fds[index].fd, chunk, sizeof chunk);
        if (got > 0) (index == 0 ? text : errors).append(chunk, static_cast<std::size_t>(got));
        if (got == 0) (index == 0 ? open_out : open_err) = false;
      }
    }
  }
  close(out[0]);
  close(err[0]);
  if (!pid) return pid.error();
  const Process::Exit exit = reap(pid.value());
  if (!in_time) return Error(argv.front() + " did not answer within " + std::to_string(timeout.count()) + " ms");
  if (exit.signalled) return Error(argv.front() + " was ended by signal " + std::to_string(exit.code));
  if (exit.code != 0) {
    while (!errors.empty() && errors.back() == '\n') errors.pop_back();
    return Error(errors.empty() ? argv.front() + " ended with code " + std::to_string(exit.code) : errors);
  }
  return text;
}

}  // namespace datagen::launcher
