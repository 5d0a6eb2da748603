#include "launcher/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Boost has vfork for who says that there is one.
#ifndef BOOST_POSIX_HAS_VFORK
#define BOOST_POSIX_HAS_VFORK 1
#endif
#include <boost/version.hpp>
#if BOOST_VERSION >= 108600
#include <boost/process/v1/args.hpp>
#include <boost/process/v1/child.hpp>
#include <boost/process/v1/error.hpp>
#include <boost/process/v1/exe.hpp>
#include <boost/process/v1/extend.hpp>
#include <boost/process/v1/io.hpp>
#include <boost/process/v1/posix.hpp>
namespace bp = boost::process::v1;
#else
#include <boost/process.hpp>
#include <boost/process/extend.hpp>
namespace bp = boost::process;
#endif

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace datagen::launcher {

namespace {

struct MemoryLimit {
  std::uint64_t bytes = 0;  // 0: none
  int group_fd = -1;        // members of a control group that has the limit; -1: by RLIMIT_AS
};

// In the child between vfork and exec: system calls only, and nothing of the parent's memory is changed. In
// the parent when that fails: Boost leaves the child unreaped.
struct PrepareChild : bp::extend::handler {
  PrepareChild(pid_t launcher_pid, int stdin_fd, int stdout_fd, int stderr_fd, const MemoryLimit& limit)
      : launcher(launcher_pid), in(stdin_fd), out(stdout_fd), err(stderr_fd), memory(limit) {}

  template <class Executor>
  void on_exec_setup(Executor&) const {
    setpgid(0, 0);
    // Handlers first: a signal that waits must not run one of the launcher's in the child.
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (memory.group_fd >= 0) {
      if (write(memory.group_fd, "0", 1) != 1) _exit(127);
    } else if (memory.bytes > 0) {
      const rlimit limit{memory.bytes, memory.bytes};
      setrlimit(RLIMIT_AS, &limit);
    }
    if (getppid() != launcher) _exit(127);  // it died before the line above
    const int from = in >= 0 ? in : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (from < 0 || dup2(from, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(err, STDERR_FILENO) < 0)
      _exit(127);
    // Also what the launcher itself inherited. A kernel before 5.11 refuses; ours are all close-on-exec
    // anyway.
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  }

  template <class Executor>
  void on_error(Executor& executor, const std::error_code&) const {
    if (executor.pid > 0)
      waitpid(executor.pid, nullptr, 0);  // it has failed to become the executable, and ends
  }

  pid_t launcher;
  int in;  // -1: /dev/null
  int out;
  int err;
  MemoryLimit memory;
};

int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// Starts argv with the given descriptors. The pid is this function's to wait for: the child is detached from
// Boost, whose own waiting would race with ours.
Result<pid_t> start(const std::vector<std::string>& argv, int out, int err, const MemoryLimit& memory = {},
                    int in = -1) {
  std::error_code error;
  const std::vector<std::string> arguments(argv.begin() + 1, argv.end());
  // vfork: no copy of this process's page tables for each start, and no pipe to hear of a failed exec by.
  bp::child child(bp::exe = argv.front(), bp::args = arguments, bp::posix::use_vfork,
                  PrepareChild(getpid(), in, out, err, memory), error);
  if (error) return Error("cannot start " + argv.front() + ": " + error.message());
  const pid_t pid = child.id();
  child.detach();
  return pid;
}

// Null: none is wanted, or to be had.
std::unique_ptr<MemoryGroup> group_of(const SpawnOptions& options) {
  static std::uint64_t groups = 0;  // a worker and its successor are in groups of their own
  if (options.memory_limit_bytes == 0) return nullptr;
  return MemoryGroup::create(options.memory_group + "." + std::to_string(groups++),
                             options.memory_limit_bytes);
}

Process::Exit reap(pid_t pid) {
  int status = 0;
  rusage used{};
  while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
          seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<std::uint64_t>(used.ru_maxrss) << 10,
          0};
}

}  // namespace

void prepare_to_spawn() {
  int null = 0;
  do {
    null = open("/dev/null", O_RDWR);  // the lowest number that is free
  } while (null >= 0 && null <= STDERR_FILENO);
  if (null >= 0) close(null);
  signal(SIGCHLD, SIG_DFL);
}

Result<Process> Process::spawn(const SpawnOptions& options) {
  const int log = open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return Error::from_errno("cannot open " + options.log_path, errno);
  std::unique_ptr<MemoryGroup> group = group_of(options);
  auto pid = start(options.argv, log, log, {options.memory_limit_bytes, group ? group->members_fd() : -1},
                   options.input);
  close(log);
  auto process = pid ? adopt(pid.value()) : Result<Process>(pid.error());
  if (process) process.value().memory_ = std::move(group);
  return process;
}

void Process::limit_memory(const SpawnOptions& options) {
  memory_ = group_of(options);
  if (memory_) {
    if (dprintf(memory_->members_fd(), "%d", pid_) > 0) return;
    memory_.reset();
  }
  if (options.memory_limit_bytes == 0) return;
  const rlimit limit{options.memory_limit_bytes, options.memory_limit_bytes};
  prlimit(pid_, RLIMIT_AS, &limit, nullptr);
}

bool Process::has_ended() const {
  pollfd ended{pidfd_, POLLIN, 0};
  return poll(&ended, 1, 0) > 0;
}

Result<Process> Process::adopt(pid_t pid) {
  const int pidfd = open_pidfd(pid);
  if (pidfd >= 0) return Process(pid, pidfd);
  const int error = errno;
  kill(pid, SIGKILL);
  reap(pid);
  return Error::from_errno("this kernel cannot watch processes (pidfd_open; Linux 5.3 or newer is needed)",
                           error);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      memory_(std::move(other.memory_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(memory_, other.memory_);
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
  DATAGEN_CHECK(pid_ > 0, "a process is waited for once");
  // What it has started ends with it (programs of exec stages, and theirs). It must be dead, and is not
  // reaped yet, so that the number of its group is still its own.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  kill(-pid_, SIGKILL);
  Exit exit = reap(pid_);
  if (memory_) exit.oom_kills = memory_->kills();
  pid_ = -1;
  return exit;
}

namespace {

constexpr std::size_t kAnswerBytesMax = 64 << 20;
constexpr std::size_t kComplaintBytesMax = 64 << 10;

// Both ends of a pipe, closed with this object.
struct Pipe {
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(int end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
  int ends[2] = {-1, -1};
};

// A command's output while it runs.
struct Capture {
  Pipe out, err;
  int pidfd = -1;
  std::string answer, complaint;

  // Takes what there is; at the end of the stream the pipe is closed.
  static void read_from(Pipe& pipe, std::string& text, std::size_t bytes_max) {
    char chunk[16384];
    const ssize_t got = read(pipe.ends[0], chunk, sizeof chunk);
    if (got == 0) pipe.close_end(0);
    if (got > 0) text.append(chunk, std::min(static_cast<std::size_t>(got), bytes_max - text.size()));
  }

  // Until the process has ended and all is read that it wrote. What a grandchild holds open is waited for as
  // well, within the time. Error: how it came to no end.
  Result<void> follow(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    bool has_ended = false;
    while (!has_ended || out.ends[0] >= 0 || err.ends[0] >= 0) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      constexpr std::chrono::milliseconds::rep kWaitMsMax = 60'000;
      pollfd fds[3] = {
          {out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {has_ended ? -1 : pidfd, POLLIN, 0}};
      if (left.count() <= 0) return Error("did not answer within " + std::to_string(timeout.count()) + " ms");
      if (poll(fds, 3, static_cast<int>(std::min(left.count(), kWaitMsMax))) <= 0) continue;
      if (fds[0].revents != 0) read_from(out, answer, kAnswerBytesMax);
      if (fds[1].revents != 0) read_from(err, complaint, kComplaintBytesMax);
      if (fds[2].revents != 0) has_ended = true;
      if (answer.size() == kAnswerBytesMax) return Error("writes more than 64 MiB");
    }
    return success();
  }
};

// A command that runs, and what it has said.
struct Asked {
  Result<void> begin(const std::vector<std::string>& argv) {
    program = argv.front();
    if (pipe2(capture.out.ends, O_CLOEXEC) != 0 || pipe2(capture.err.ends, O_CLOEXEC) != 0)
      return Error::from_errno("cannot make a pipe", errno);
    DATAGEN_TRY(const pid_t pid, start(argv, capture.out.ends[1], capture.err.ends[1]));
    capture.out.close_end(1);
    capture.err.close_end(1);
    DATAGEN_TRY(Process adopted, Process::adopt(pid));
    capture.pidfd = adopted.fd();
    process.emplace(std::move(adopted));
    return success();
  }

  std::string program;
  Capture capture;
  std::optional<Process> process;
};

}  // namespace

struct Question::State : Asked {};

Question::Question(std::unique_ptr<State> state) : state_(std::move(state)) {}
Question::Question(Question&&) noexcept = default;
Question::~Question() = default;

Result<Question> Question::ask(const std::vector<std::string>& argv) {
  auto state = std::make_unique<State>();
  DATAGEN_TRY(state->begin(argv));
  return Question(std::move(state));
}

Result<std::string> Question::answer(std::chrono::milliseconds timeout) {
  const std::unique_ptr<State> state = std::move(state_);
  Capture& capture = state->capture;
  const auto followed = capture.follow(timeout);
  state->process->signal(SIGKILL);  // if it has not ended; what it has started ends with it
  const Process::Exit exit = state->process->wait();
  if (!followed) return Error(state->program + " " + followed.error().message());
  if (exit.signalled) return Error(state->program + " was ended by signal " + std::to_string(exit.code));
  if (exit.code == 0) return std::move(capture.answer);
  std::string& complaint = capture.complaint;
  while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
  return Error(complaint.empty() ? state->program + " ended with code " + std::to_string(exit.code)
                                 : complaint);
}

Result<std::string> run_captured(const std::vector<std::string>& argv, std::chrono::milliseconds timeout) {
  DATAGEN_TRY(Question question, Question::ask(argv));
  return question.answer(timeout);
}

Result<std::vector<std::string>> first_lines(const std::vector<std::string>& argv, std::size_t lines,
                                             std::chrono::milliseconds timeout) {
  Asked asked;
  DATAGEN_TRY(asked.begin(argv));
  Capture& capture = asked.capture;
  Process& process = *asked.process;
  const auto has_enough = [&] {
    return static_cast<std::size_t>(std::ranges::count(capture.answer, '\n')) >= lines;
  };
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (capture.out.ends[0] >= 0 && !has_enough()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0)
      return Error(argv.front() + " did not answer within " + std::to_string(timeout.count()) + " ms");
    pollfd fds[2] = {{capture.out.ends[0], POLLIN, 0}, {capture.err.ends[0], POLLIN, 0}};
    if (poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left, 1000))) <= 0) continue;
    if (fds[0].revents != 0) Capture::read_from(capture.out, capture.answer, kAnswerBytesMax);
    if (fds[1].revents != 0) Capture::read_from(capture.err, capture.complaint, kComplaintBytesMax);
  }
  const bool is_done = has_enough();
  capture.out.close_end(0);  // nobody reads on: it must not wait for that
  if (is_done) process.signal(SIGTERM);
  while (capture.err.ends[0] >= 0) Capture::read_from(capture.err, capture.complaint, kComplaintBytesMax);
  const Process::Exit exit = process.wait();
  if (!is_done && (exit.signalled || exit.code != 0))
    return Error(capture.complaint.empty() ? argv.front() + " failed" : capture.complaint);
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < capture.answer.size() && found.size() < lines;) {
    const std::size_t end = std::min(capture.answer.find('\n', begin), capture.answer.size());
    found.push_back(capture.answer.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

}  // namespace datagen::launcher
