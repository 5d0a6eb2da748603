#include "program/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace datagen {

namespace {

constexpr std::size_t kLastWordsBytesMax = 2000;
constexpr std::size_t kReadBytes = 64 * 1024;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("cannot make a pipe");
  }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  int take(int index) { return std::exchange(ends[index], -1); }
};

void close_end(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// Appends what is there; false at the end.
bool read_some(int fd, std::string& to) {
  char bytes[kReadBytes];
  const ssize_t count = read(fd, bytes, sizeof bytes);
  if (count > 0) to.append(bytes, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv) : argv_(argv) {
  signal(SIGPIPE, SIG_IGN);  // that it no longer reads is told by write()
  start(argv);
}

void ChildProcess::start(const std::vector<std::string>& argv) {
  Pipe in, out, err;
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw_errno("cannot start a process");
  if (pid_ == 0) {  // system calls only: other threads may have held a lock
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it died before the line above
    signal(SIGPIPE, SIG_DFL);
    dup2(in.ends[0], STDIN_FILENO);
    dup2(out.ends[1], STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    execv(arguments.front(), arguments.data());
    const char* reason = strerrordesc_np(errno);
    (void)!write(STDERR_FILENO, reason, std::strlen(reason));
    _exit(127);
  }
  in_ = in.take(1);
  out_ = out.take(0);
  err_ = err.take(0);
  fcntl(in_, F_SETFL, O_NONBLOCK);
}

ChildProcess::~ChildProcess() {
  close_end(in_);
  close_end(out_);
  close_end(err_);
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void ChildProcess::take_stderr() {
  std::string words;
  if (!read_some(err_, words)) close_end(err_);
  (void)!write(STDERR_FILENO, words.data(), words.size());  // into the stage's log
  last_words_ += words;
  if (last_words_.size() > kLastWordsBytesMax) last_words_.erase(0, last_words_.size() - kLastWordsBytesMax);
}

template <class Done>
void ChildProcess::exchange(std::string_view input, bool end_input, Done is_done) {
  for (;;) {
    if (input.empty() && end_input) close_end(in_);
    if (is_done() || (out_ < 0 && err_ < 0)) return;
    const short wants = input.empty() ? short{0} : short{POLLOUT};
    pollfd ends[] = {{input.empty() ? -1 : in_, wants, 0}, {out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (poll(ends, 3, -1) < 0 && errno != EINTR) throw_errno("cannot wait for the program");
    if (ends[0].revents != 0) {
      const ssize_t count = write(in_, input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && errno == EPIPE) {  // it needs no more, as `head` does; its exit code and answer count
        input = {};
        close_end(in_);
      }
    }
    if (ends[2].revents != 0) take_stderr();
    if (ends[1].revents != 0 && !read_some(out_, output_)) close_end(out_);
  }
}

std::string ChildProcess::reap(bool& is_success) {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  is_success = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  std::string text = argv_.front();
  text += WIFSIGNALED(status) ? " was ended by signal " + std::to_string(WTERMSIG(status))
                              : " ended with code " + std::to_string(WEXITSTATUS(status));
  while (!last_words_.empty() && last_words_.back() == '\n') last_words_.pop_back();
  return last_words_.empty() ? text : text + ": " + last_words_;
}

std::string ChildProcess::filter(std::string_view input) {
  exchange(input, true, [] { return false; });
  bool is_success = false;
  const std::string ending = reap(is_success);
  if (!is_success) throw std::runtime_error(ending);
  return std::move(output_);
}

std::string ChildProcess::answer(std::string_view line) {
  const std::string input = std::string(line) + '\n';
  exchange(input, false, [&] { return out_ < 0 || output_.find('\n') != std::string::npos; });
  const std::size_t end = output_.find('\n');
  if (end != std::string::npos) {
    std::string answered = output_.substr(0, end);
    output_.erase(0, end + 1);
    if (output_.empty()) return answered;
    throw std::runtime_error(argv_.front() + " answered more than one line");
  }
  close_end(in_);
  exchange({}, true, [] { return false; });  // its last words
  bool is_success = false;
  throw std::runtime_error(reap(is_success) + (output_.empty() ? "" : " (in the middle of a line)"));
}

}  // namespace datagen
