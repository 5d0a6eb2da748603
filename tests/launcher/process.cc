// Starting and watching processes: what a child finds, what it leaves, and what becomes of it.
#include "launcher/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "tests/ipc/rig.h"

namespace datagen::launcher {
namespace {

using namespace std::chrono_literals;
using ipc::testing::Child;
using ipc::testing::Scratch;

constexpr auto kLong = std::chrono::milliseconds(60s);

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Shell : public ::testing::Test {
 protected:
  // A script under its own name in the scratch folder.
  std::string script(const std::string& name, const std::string& body) {
    const std::string path = scratch_.directory() / name;
    std::ofstream(path) << "#!/bin/sh\n" << body;
    chmod(path.c_str(), 0755);
    return path;
  }
  std::string log() const { return scratch_.directory() / "log"; }
  Result<Process> spawn(const std::string& body) { return Process::spawn({{script("s", body)}, log()}); }
  // What `body` writes until it ends.
  std::string output_of(const std::string& body) {
    auto process = spawn(body);
    if (!process) return process.error().message();
    process.value().wait();
    return file_text(log());
  }

  Scratch scratch_;
};

bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::set<std::string> open_descriptors() {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (!gone) found.insert(entry.path().filename().string() + " " + target.string());
  }
  std::erase_if(found, [](const std::string& line) { return line.find("/proc/") != std::string::npos; });
  return found;
}

// The hexadecimal mask of a line in /proc/PID/status.
std::uint64_t mask_of(const std::string& status, const std::string& name) {
  const std::size_t at = status.find(name + ":\t");
  return at == std::string::npos ? ~std::uint64_t{0}
                                 : std::stoull(status.substr(at + name.size() + 2), nullptr, 16);
}

using Spawn = Shell;

TEST_F(Spawn, GivesArgumentsAndWritesBothStreamsToTheLog) {
  const std::string path = script("echo", "echo \"$#:$1:$2\"; echo complaint >&2; exit 7\n");
  auto process = Process::spawn({{path, "a b", ""}, log()});
  ASSERT_TRUE(process);
  const Process::Exit exit = process.value().wait();
  EXPECT_FALSE(exit.signalled);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(file_text(log()), "2:a b:\ncomplaint\n");
}

TEST_F(Spawn, AppendsToALog) {
  std::ofstream(log()) << "before\n";
  EXPECT_EQ(output_of("echo after\n"), "before\nafter\n");
}

TEST_F(Spawn, MakesAProcessGroupOfItsOwn) {
  auto process = spawn("exec sleep 60\n");
  ASSERT_TRUE(process);
  EXPECT_EQ(getpgid(process.value().pid()), process.value().pid());
  EXPECT_NE(getpgrp(), process.value().pid());
}

TEST_F(Spawn, ResetsSignalsThatTheLauncherHasBlockedIgnoredOrHandled) {
  sigset_t blocked, before;
  sigfillset(&blocked);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto old_pipe = signal(SIGPIPE, SIG_IGN);
  const auto old_user = signal(SIGUSR1, [](int) {});
  const std::string status = output_of("exec cat /proc/self/status\n");
  signal(SIGPIPE, old_pipe);
  signal(SIGUSR1, old_user);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(mask_of(status, "SigBlk"), 0u) << status;
  EXPECT_EQ(mask_of(status, "SigIgn"), 0u) << status;
  EXPECT_EQ(mask_of(status, "SigCgt"), 0u) << status;
}

TEST_F(Spawn, ReadsNothingFromStdin) {
  EXPECT_EQ(output_of("readlink /proc/self/fd/0; cat; echo end\n"), "/dev/null\nend\n");
}

TEST_F(Spawn, PassesOnNoOtherDescriptor) {
  // As inherited from whatever started the launcher: not close-on-exec.
  const int inherited = open("/dev/zero", O_RDONLY);
  const int high = fcntl(inherited, F_DUPFD, 200);
  const std::string found = output_of("exec ls -l /proc/self/fd\n");
  close(inherited);
  close(high);
  EXPECT_EQ(found.find("/dev/zero"), std::string::npos) << found;
  EXPECT_NE(found.find("0 -> /dev/null"), std::string::npos) << found;
  // The links 0, 1, 2 and the folder that ls itself reads.
  std::size_t links = 0;
  for (std::size_t at = found.find("->"); at != std::string::npos; at = found.find("->", at + 1)) ++links;
  EXPECT_EQ(links, 4u) << found;
}

TEST_F(Spawn, LeavesNoDescriptorsAndNoChildrenBehind) {
  const auto before = open_descriptors();
  {
    auto process = spawn("exit 0\n");
    ASSERT_TRUE(process);
    process.value().wait();
  }
  EXPECT_FALSE(Process::spawn({{"/no/such/executable"}, log()}));
  EXPECT_FALSE(Process::spawn({{"/bin/true"}, "/no/such/folder/log"}));
  EXPECT_FALSE(run_captured({"/no/such/executable"}, kLong));
  EXPECT_TRUE(run_captured({"/bin/true"}, kLong));
  EXPECT_FALSE(run_captured({"/bin/false"}, kLong));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(FailedSpawn, LeavesNoZombie) {
  // In a process without other children.
  Child child([] {
    for (int count = 0; count < 50; ++count) {
      if (Process::spawn({{"/no/such/executable"}, "/dev/null"}) ||
          run_captured({"/no/such/executable"}, kLong))
        return 1;
      if (has_children()) return 2;
    }
    return 0;
  });
  EXPECT_TRUE(child.exits_with(0));
}

TEST_F(Spawn, SaysWhyAnExecutableCannotBeStarted) {
  const auto refusal = [&](const std::string& path) {
    const auto process = Process::spawn({{path}, log()});
    return process ? std::string("started") : process.error().message();
  };
  EXPECT_EQ(refusal("/no/such/executable"), "cannot start /no/such/executable: No such file or directory");
  EXPECT_EQ(refusal("/etc/passwd"), "cannot start /etc/passwd: Permission denied");
  const std::string no_program = scratch_.directory() / "no-program";
  std::ofstream(no_program) << "hello";
  chmod(no_program.c_str(), 0755);
  EXPECT_EQ(refusal(no_program), "cannot start " + no_program + ": Exec format error");
  const auto no_log = Process::spawn({{"/bin/true"}, "/no/such/folder/log"});
  ASSERT_FALSE(no_log);
  EXPECT_EQ(no_log.error().message(), "cannot open /no/such/folder/log: No such file or directory");
}

TEST_F(Spawn, TellsASignalFromAnExitCode) {
  auto process = spawn("kill -SEGV $$\n");
  ASSERT_TRUE(process);
  const Process::Exit exit = process.value().wait();
  EXPECT_TRUE(exit.signalled);
  EXPECT_EQ(exit.code, SIGSEGV);
}

TEST_F(Spawn, IsEndedBeyondTheMemoryOfItsControlGroupWithAllThatItStarted) {
  if (MemoryGroup::parent().empty()) GTEST_SKIP() << "no control group to be had here";
  const std::string name = "datagen.test." + std::to_string(getpid());
  SpawnOptions options{{"/bin/sh", "-c", "head -c 200M /dev/zero | tail -c 200M >/dev/null"}, log()};
  options.memory_limit_bytes = 32 << 20;
  options.memory_group = name;
  {
    auto process = Process::spawn(options);
    ASSERT_TRUE(process);
    const Process::Exit exit = process.value().wait();
    EXPECT_EQ(exit.code, 128 + SIGKILL);  // of tail, as the shell tells it
    EXPECT_GE(exit.oom_kills, 1u);
  }
  for (const auto& entry : std::filesystem::directory_iterator(MemoryGroup::parent()))
    EXPECT_EQ(entry.path().filename().string().find(name), std::string::npos);
}

TEST_F(Spawn, ItsDescriptorIsReadableWhenItHasEnded) {
  auto process = spawn("exec sleep 60\n");
  ASSERT_TRUE(process);
  pollfd fd{process.value().fd(), POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 0), 0);
  process.value().signal(SIGTERM);
  EXPECT_EQ(poll(&fd, 1, 60'000), 1);
  const Process::Exit exit = process.value().wait();
  EXPECT_TRUE(exit.signalled);
  EXPECT_EQ(exit.code, SIGTERM);
}

TEST_F(Spawn, IsKilledAndReapedWithItsObject) {
  pid_t pid = 0;
  {
    auto process = spawn("exec sleep 60\n");
    ASSERT_TRUE(process);
    pid = process.value().pid();
    Process moved = std::move(process).value();
    EXPECT_EQ(moved.pid(), pid);
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(Spawn, DiesWithTheLauncher) {
  // The launcher is a child of this test, which is told the pid and the end of the grandchild through a pipe:
  // the grandchild's log is the pipe's other end.
  const std::string fifo = scratch_.directory() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string sleeper = script("sleeper", "echo started; exec sleep 600\n");
  Child launcher([&] {
    auto process = Process::spawn({{sleeper}, fifo});
    if (!process) return 1;
    for (;;) pause();
  });
  const int end = open(fifo.c_str(), O_RDONLY);
  ASSERT_GE(end, 0);
  char text[8] = {};
  ASSERT_EQ(read(end, text, sizeof text), 8);
  EXPECT_EQ(std::string(text, sizeof text), "started\n");
  launcher.kill();
  EXPECT_EQ(read(end, text, sizeof text), 0)
      << "the last writer is gone";  // the scratch's alarm ends a wait for ever
  close(end);
}

using Captured = Shell;

TEST_F(Captured, ReturnsWhatWasWrittenToStdout) {
  const auto text = run_captured({script("s", "echo \"$1\"; echo noise >&2\n"), "an answer"}, kLong);
  ASSERT_TRUE(text);
  EXPECT_EQ(text.value(), "an answer\n");
}

TEST_F(Captured, TakesMoreThanAPipeHoldsOnBothStreams) {
  const auto text =
      run_captured({script("s", "head -c 3000000 /dev/zero >&2; head -c 5000000 /dev/zero\n")}, kLong);
  ASSERT_TRUE(text);
  EXPECT_EQ(text.value().size(), 5'000'000u);
}

TEST_F(Captured, QuestionsRunSideBySide) {
  const std::string pipe = scratch_.directory() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  auto reads = Question::ask({script("reads", "cat '" + pipe + "'\n")});
  auto writes = Question::ask({script("writes", "echo said > '" + pipe + "'; echo done\n")});
  ASSERT_TRUE(reads && writes);
  EXPECT_EQ(reads.value().answer(kLong).value(), "said\n");
  EXPECT_EQ(writes.value().answer(kLong).value(), "done\n");
}

TEST_F(Captured, AQuestionThatNobodyWaitsForIsEnded) {
  const std::string pipe = scratch_.directory() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  pid_t pid = 0;
  {
    auto question = Question::ask({script("s", "echo $$ > '" + pipe + "'; exec sleep 1000\n")});
    ASSERT_TRUE(question);
    std::ifstream(pipe) >> pid;
    ASSERT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(Captured, AFailureIsWhatWasWrittenToStderr) {
  const std::string path = script("s", "echo 'no such input' >&2; exit 2\n");
  const auto text = run_captured({path}, kLong);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), "no such input");
}

TEST_F(Captured, AFailureWithoutWordsNamesTheCodeOrTheSignal) {
  const std::string quiet = script("quiet", "exit 3\n");
  EXPECT_EQ(run_captured({quiet}, kLong).error().message(), quiet + " ended with code 3");
  const std::string killed = script("killed", "echo half; kill -KILL $$\n");
  EXPECT_EQ(run_captured({killed}, kLong).error().message(), killed + " was ended by signal 9");
  EXPECT_EQ(run_captured({"/no/such/executable"}, kLong).error().message(),
            "cannot start /no/such/executable: No such file or directory");
}

TEST_F(Captured, IsKilledWhenTheTimeIsOver) {
  const std::string path = script("s", "echo half; exec sleep 60\n");
  const auto begin = std::chrono::steady_clock::now();
  const auto text = run_captured({path}, 100ms);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), path + " did not answer within 100 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

TEST_F(Captured, ClosingItsStreamsDoesNotStopTheClock) {
  const std::string path = script("s", "exec sleep 60 >&- 2>&-\n");
  EXPECT_EQ(run_captured({path}, 100ms).error().message(), path + " did not answer within 100 ms");
}

TEST_F(Captured, ItsProcessGroupEndsWithIt) {
  // The grandchild holds stdout open and writes its pid; it must be gone with the time.
  const std::string path =
      script("s", "sleep 600 &\necho $! > " + (scratch_.directory() / "pid").string() + "\nexit 0\n");
  EXPECT_EQ(run_captured({path}, 300ms).error().message(), path + " did not answer within 300 ms");
  const pid_t pid = std::stoi(file_text(scratch_.directory() / "pid"));
  // It is dying, and is not ours to wait for.
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return;  // gone
  pollfd fd{pidfd, POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 60'000), 1);
  close(pidfd);
}

TEST_F(Captured, AnEndlessAnswerIsRefused) {
  const std::string path = script("s", "exec cat /dev/zero\n");
  EXPECT_EQ(run_captured({path}, kLong).error().message(), path + " writes more than 64 MiB");
}

TEST(PrepareToSpawn, OpensTheStandardStreamsAndKeepsChildren) {
  Child child([] {
    signal(SIGCHLD, SIG_IGN);
    for (const int descriptor : {0, 1, 2}) close(descriptor);
    prepare_to_spawn();
    for (const int descriptor : {0, 1, 2}) {
      if (fcntl(descriptor, F_GETFD) < 0) return 1;
    }
    const auto text = run_captured({"/bin/echo", "x"}, kLong);
    return text && text.value() == "x\n" ? 0 : 2;
  });
  EXPECT_TRUE(child.exits_with(0));
}

}  // namespace
}  // namespace datagen::launcher
