#include "stand_by.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "ipc/succession.h"
#include "ipc/worker_exit.h"

namespace datagen {

namespace {

// A fork would leave the others behind.
bool is_only_thread() {
  DIR* threads = opendir("/proc/self/task");
  if (threads == nullptr) return false;
  int count = 0;
  while (const dirent* entry = readdir(threads)) count += entry->d_name[0] == '.' ? 0 : 1;
  closedir(threads);
  return count == 1;
}

// fork(), but the child is the launcher's: only a parent hears how a process ends. The C library keeps the id
// of the thread, by which abort() finds it; it must be the child's there, so the kernel is asked where that
// is (PR_GET_TID_ADDRESS) and told to write it. What else fork() does is for threads and its handlers.
pid_t fork_sibling() {
  int* thread_id = nullptr;
  if (prctl(PR_GET_TID_ADDRESS, &thread_id) != 0) return -1;
  clone_args how{};
  how.flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  how.child_tid = reinterpret_cast<std::uintptr_t>(thread_id);
  return static_cast<pid_t>(syscall(SYS_clone3, &how, sizeof how));
}

// What the launcher gives to every worker that it starts. False: it died before that.
bool become_a_worker(pid_t launcher, const ipc::Socket& begin) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == launcher && dup2(begin.fd(), STDIN_FILENO) == STDIN_FILENO;
}

// Returns in successors; the one that stands by ends here. Before main, and before the constructors of other
// files of this executable: system calls only.
[[gnu::constructor(101)]] void stand_by(int count, char** arguments, char**) {
  if (count < 2 || std::strcmp(arguments[1], "--stand-by") != 0) return;
  const pid_t launcher = getppid();
  if (!is_only_thread()) _exit(kWorkerCannotStart);
  while (ipc::hear(STDIN_FILENO)) {
    auto [mine, its] = ipc::Socket::pair();
    const pid_t pid = fork_sibling();
    if (pid < 0) break;
    if (pid == 0) {
      if (become_a_worker(launcher, its)) return;
      break;
    }
    its = ipc::Socket();  // else the end of it would never be read
    if (!ipc::pass_on(STDIN_FILENO, {pid, std::move(mine)})) break;
  }
  _exit(kWorkerCannotStart);
}

}  // namespace

Result<void> wait_to_begin() {
  if (!ipc::hear(STDIN_FILENO)) return Error("the launcher is gone");
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) return Error::from_errno("cannot open /dev/null", errno);
  close(null);
  return success();
}

}  // namespace datagen
