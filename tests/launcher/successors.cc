// Successors forked in advance: they begin when told to, are this process's children, and leave nothing.
#include "launcher/successors.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/ipc/rig.h"

namespace datagen::launcher {
namespace {

using namespace std::chrono_literals;
using ipc::testing::Scratch;

class StandingBy : public ::testing::Test {
 protected:
  SpawnOptions options(const std::string& what = "begin") const {
    return {{DATAGEN_STANDING, "--stand-by", what}, log()};
  }
  std::string log() const { return scratch_.directory() / "log"; }
  std::string logged() const {
    std::stringstream text;
    text << std::ifstream(log()).rdbuf();
    return text.str();
  }

  // Of this process, since the test began, oldest first: the first is who stands by.
  std::vector<pid_t> children() const {
    std::vector<pid_t> found = all_children();
    std::erase_if(found, [&](pid_t pid) { return std::ranges::find(before_, pid) != before_.end(); });
    return found;
  }
  static std::vector<pid_t> all_children() {
    std::ifstream file("/proc/self/task/" + std::to_string(getpid()) + "/children");
    std::vector<pid_t> found;
    for (pid_t pid = 0; file >> pid;) found.push_back(pid);
    return found;
  }
  void wait_for_children(std::size_t count) {
    for (int tries = 0; children().size() != count && tries < 1000; ++tries) usleep(10'000);
    ASSERT_EQ(children().size(), count);
  }

  static void wait_for_end(pid_t pid) {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  }

  Scratch scratch_;
  const std::vector<pid_t> before_ = all_children();
};

TEST_F(StandingBy, BeginWhenToldToAndNotBefore) {
  Successors successors;
  successors.prepare(options(), 3);
  wait_for_children(4);
  EXPECT_EQ(logged(), "");
  for (int number = 0; number < 3; ++number) {
    ASSERT_TRUE(successors.are_expected());
    const auto process = successors.begin_one();
    ASSERT_TRUE(process);
    EXPECT_EQ(getpgid(process->pid()), process->pid());
    const Process::Exit exit = process->wait();
    EXPECT_FALSE(exit.signalled);
    EXPECT_EQ(exit.code, 7);
  }
  EXPECT_EQ(logged(), "begun\nbegun\nbegun\n");
  EXPECT_FALSE(successors.are_expected());
  EXPECT_FALSE(successors.begin_one());
  successors.prepare(options(), 1);  // by the same process
  const auto process = successors.begin_one();
  ASSERT_TRUE(process);
  EXPECT_EQ(process->wait().code, 7);
}

TEST_F(StandingBy, AreNotForkedTwiceForOneWish) {
  Successors successors;
  successors.prepare(options(), 2);
  successors.prepare(options(), 2);
  wait_for_children(3);
  successors.prepare(options(), 2);
  EXPECT_TRUE(successors.begin_one());
  EXPECT_TRUE(successors.begin_one());
  EXPECT_FALSE(successors.begin_one());
}

TEST_F(StandingBy, FindThemselvesWhenTheyAbort) {
  Successors successors;
  successors.prepare(options("abort"), 1);
  const auto process = successors.begin_one();
  ASSERT_TRUE(process);
  const Process::Exit exit = process->wait();
  EXPECT_TRUE(exit.signalled);
  EXPECT_EQ(exit.code, SIGABRT);
}

TEST_F(StandingBy, OneThatHasThreadsIsNotForked) {
  Successors successors;
  successors.prepare(options("thread"), 2);
  EXPECT_FALSE(successors.begin_one());
  EXPECT_EQ(logged(), "");
  successors.prepare(options("thread"), 2);
  EXPECT_FALSE(successors.are_expected());
  EXPECT_TRUE(children().empty());
}

TEST_F(StandingBy, OneThatCannotBeStartedIsDoneWithout) {
  Successors successors;
  successors.prepare({{"/no/such/executable"}, log()}, 2);
  EXPECT_FALSE(successors.are_expected());
  EXPECT_FALSE(successors.begin_one());
}

TEST_F(StandingBy, SuccessorsOutliveWhoForkedThem) {
  Successors successors;
  successors.prepare(options(), 2);
  wait_for_children(3);
  const pid_t stands_by = children().front();
  kill(stands_by, SIGKILL);
  wait_for_end(stands_by);
  for (int number = 0; number < 2; ++number) {
    const auto process = successors.begin_one();
    ASSERT_TRUE(process);
    EXPECT_EQ(process->wait().code, 7);
  }
  EXPECT_FALSE(successors.begin_one());
  successors.prepare(options(), 1);  // another one stands by
  EXPECT_TRUE(successors.begin_one());
}

TEST_F(StandingBy, DeadSuccessorsAreReplacedAndNotTold) {
  Successors successors;
  successors.prepare(options(), 2);
  wait_for_children(3);
  const std::vector<pid_t> before = children();
  kill(before[2], SIGKILL);
  wait_for_end(before[2]);
  const auto process = successors.begin_one();
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid(), before[1]);
  EXPECT_EQ(process->wait().code, 7);
  EXPECT_FALSE(successors.begin_one());
}

TEST_F(StandingBy, NobodyWaitsLongForOneThatIsStopped) {
  Successors successors;
  successors.prepare(options(), 1);
  wait_for_children(2);
  ASSERT_TRUE(successors.begin_one());
  kill(children().front(), SIGSTOP);
  successors.prepare(options(), 1);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(successors.begin_one());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(children().empty());
}

TEST_F(StandingBy, AllEndWithTheObject) {
  {
    Successors successors;
    successors.prepare(options(), 3);
    wait_for_children(4);
  }
  EXPECT_TRUE(children().empty());
  {
    Successors successors;
    successors.prepare(options(), 3);  // and are being forked
  }
  // One that was forked a moment ago, and not passed on, finds out by itself.
  for (const pid_t pid : children()) waitpid(pid, nullptr, 0);
  EXPECT_EQ(logged(), "");
}

TEST_F(StandingBy, TheirMemoryIsLimited) {
  SpawnOptions wanted = options("eat");
  wanted.memory_limit_bytes = 64 << 20;
  wanted.memory_group = "datagen.test." + std::to_string(getpid());
  Successors successors;
  successors.prepare(wanted, 1);
  const auto process = successors.begin_one();
  ASSERT_TRUE(process);
  const Process::Exit exit = process->wait();
  if (MemoryGroup::parent().empty()) {
    EXPECT_EQ(exit.code, 12);
  } else {
    EXPECT_EQ(exit.code, SIGKILL);
    EXPECT_GE(exit.oom_kills, 1u);
  }
  EXPECT_EQ(logged(), "");
}

}  // namespace
}  // namespace datagen::launcher
