#include "faults.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <sstream>

namespace faults {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

unsigned long number(const std::string& text) { return std::strtoul(text.c_str(), nullptr, 10); }

std::string read_all(const char* path) {
  std::string text;
  char chunk[4096];
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
  for (long got = 0; (got = syscall(SYS_read, fd, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(got));
  close(fd);
  return text;
}

struct Rule {
  Op op;
  std::string pattern;
  int error;
  unsigned long nth;
  std::string token;
  std::atomic<unsigned long> calls{0};
};

Op op_of(const std::string& name) {
  return name == "write"    ? Op::write
         : name == "sync"   ? Op::sync
         : name == "create" ? Op::create
         : name == "rename" ? Op::rename
                            : Op::truncate;
}

struct Faults {
  bool is_meant = false;
  bool is_worker = false;
  unsigned long kill_at = number(variable("FAULTS_KILL"));
  std::string token = variable("FAULTS_TOKEN");
  bool is_torn = variable("FAULTS_TORN") == "1";
  bool cuts = variable("FAULTS_CUT") == "1";
  std::size_t short_bytes = number(variable("FAULTS_SHORT"));
  std::string root = variable("FAULTS_ROOT");
  std::string count_file = variable("FAULTS_COUNT");
  std::deque<Rule> rules;
  std::atomic<unsigned long> calls{0};

  Faults() {
    const std::string arguments = read_all("/proc/self/cmdline");
    const std::string executable = arguments.substr(0, arguments.find('\0'));
    const std::string name = executable.substr(executable.rfind('/') + 1);
    is_worker = arguments.find(std::string("\0--worker\0", 10)) != std::string::npos;
    const bool counts = is_worker || name == "datagen";
    is_meant = counts && name == variable("FAULTS_ROLE");
    count_file = counts && !count_file.empty() ? count_file + "/" + name : "";
    std::istringstream all(variable("FAULTS_RULES"));
    for (std::string text; std::getline(all, text, ';');) {
      std::istringstream fields(text);
      std::string op, pattern, error, nth, once;
      std::getline(fields, op, ',');
      std::getline(fields, pattern, ',');
      std::getline(fields, error, ',');
      std::getline(fields, nth, ',');
      std::getline(fields, once, ',');
      rules.emplace_back();
      Rule& rule = rules.back();
      rule.op = op_of(op);
      rule.pattern = pattern;
      rule.error = static_cast<int>(number(error));
      rule.nth = number(nth);
      rule.token = once;
    }
  }

  // Whether it is this call's turn; true once only, over all processes.
  static bool take(const std::string& path) { return syscall(SYS_unlinkat, AT_FDCWD, path.c_str(), 0) == 0; }

  void show(unsigned long call) const {
    const std::string text = std::to_string(call);
    const int fd = static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, count_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    syscall(SYS_write, fd, text.data(), text.size());
    close(fd);
  }

  [[noreturn]] void die() const {
    if (cuts && is_worker) kill(getppid(), SIGKILL);
    for (;;) kill(getpid(), SIGKILL);
  }
};

Faults& faults() {
  static Faults* made = new Faults;  // never destroyed: processes write until their last moment
  return *made;
}

// The first half of a write; of one past the page cache, as much as it takes.
void tear(int fd, const void* data, std::size_t bytes, off_t offset) {
  constexpr std::size_t kSector = 512;
  if (offset < 0) {
    syscall(SYS_write, fd, data, bytes / 2);
  } else {
    syscall(SYS_pwrite64, fd, data, bytes / 2 / kSector * kSector, offset);
  }
}

}  // namespace

std::string path_of(int fd) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<std::size_t>(length));
}

int enter(Op op, const std::string& path, int fd, const void* data, std::size_t* bytes, off_t offset) {
  Faults& all = faults();
  const unsigned long call_number = ++all.calls;
  if (!all.count_file.empty()) all.show(call_number);
  if (all.is_meant && call_number == all.kill_at && Faults::take(all.token)) {
    if (all.is_torn && data != nullptr) tear(fd, data, *bytes, offset);
    all.die();
  }
  for (Rule& rule : all.rules) {
    if (rule.op != op || fnmatch(rule.pattern.c_str(), path.c_str(), 0) != 0) continue;
    const unsigned long call = ++rule.calls;
    if (rule.nth != 0 && call != rule.nth) continue;
    if (!rule.token.empty() && !Faults::take(rule.token)) continue;
    if (rule.error == 0) all.die();
    return rule.error;
  }
  if (bytes != nullptr && all.short_bytes != 0 && path.starts_with(all.root + "/"))
    *bytes = std::min(*bytes, all.short_bytes);
  return 0;
}

}  // namespace faults
