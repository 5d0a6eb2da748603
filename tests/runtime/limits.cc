// Limits that several processes keep together, some of which are killed.
#include "datagen/limits.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../temporary_folder.h"
#include "datagen/ledger.h"
#include "runtime/ledger_files.h"
#include "runtime/limits_state.h"

namespace datagen {

using detail::LimitsPlace;
using detail::LimitsState;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

// Between these two the request was granted.
struct Grant {
  std::uint64_t before, after;
  std::int64_t tokens;
};

class LimitsTest : public testing::Test {
 protected:
  LimitsPlace place(int worker = 0, std::uint64_t generation = 1) const {
    return {folder_.path() + "/limits",       "org/model",
            folder_.path() + "/ledger",       {"chat", worker, generation},
            static_cast<std::size_t>(worker), 8};
  }
  std::unique_ptr<LimitsState> open(const CallLimits& limits, int worker = 0,
                                    std::uint64_t generation = 1) const {
    auto state = LimitsState::open(place(worker, generation), limits);
    EXPECT_TRUE(state) << (state ? "" : state.error().message());
    return std::move(state).value();
  }

  // A worker in a process of its own: takes what it gets until `end_ns`, and notes each grant.
  pid_t start(const CallLimits& limits, int worker, std::uint64_t end_ns) const {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    auto state = LimitsState::open(place(worker), limits);
    if (!state) _exit(1);
    std::minstd_rand chance(static_cast<unsigned>(worker) + 1);
    std::ofstream log(folder_.path() + "/grants." + std::to_string(getpid()), std::ios::binary);
    for (;;) {
      const std::int64_t tokens = std::uniform_int_distribution<std::int64_t>(1, 100)(chance);
      const std::uint64_t before = detail::boottime_ns();
      if (before > end_ns) _exit(0);
      const nanoseconds wait = state.value()->acquire(tokens, static_cast<double>(tokens) * 0.01);
      const Grant grant{before, detail::boottime_ns(), tokens};
      if (wait > nanoseconds(0)) {
        std::this_thread::sleep_for(std::min<nanoseconds>(wait, milliseconds(20)));
        continue;
      }
      log.write(reinterpret_cast<const char*>(&grant), sizeof grant).flush();
      state.value()->settle(tokens, static_cast<double>(tokens) * 0.01, tokens,
                            static_cast<double>(tokens) * 0.01);
    }
  }

  std::vector<Grant> grants() const {
    std::vector<Grant> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (!entry.path().filename().string().starts_with("grants.")) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      for (Grant grant{}; file.read(reinterpret_cast<char*>(&grant), sizeof grant);) all.push_back(grant);
    }
    std::ranges::sort(all, {}, &Grant::before);
    return all;
  }

  // Processes that were granted something.
  std::size_t granted_workers() const {
    const std::filesystem::directory_iterator files(folder_.path());
    return static_cast<std::size_t>(std::count_if(begin(files), end(files), [](const auto& entry) {
      return entry.path().filename().string().starts_with("grants.") && entry.file_size() > 0;
    }));
  }

  // The most that was certainly granted within any time of that length.
  template <class Amount>
  static std::int64_t most_within(const std::vector<Grant>& grants, nanoseconds length, Amount amount) {
    std::int64_t most = 0;
    for (std::size_t first = 0; first < grants.size(); ++first) {
      const std::uint64_t end = grants[first].before + static_cast<std::uint64_t>(length.count());
      std::int64_t sum = 0;
      for (std::size_t at = first; at < grants.size() && grants[at].before < end; ++at) {
        if (grants[at].after < end) sum += amount(grants[at]);
      }
      most = std::max(most, sum);
    }
    return most;
  }

  TemporaryFolder folder_{"/dev/shm"};
};

CallLimits per_second(std::int64_t requests, std::int64_t tokens = 0) {
  CallLimits limits;
  limits.requests_per_minute = requests;
  limits.tokens_per_minute = tokens;
  limits.minute = std::chrono::seconds(1);
  return limits;
}

std::int64_t one(const Grant&) { return 1; }
std::int64_t tokens_of(const Grant& grant) { return grant.tokens; }

}  // namespace

TEST_F(LimitsTest, FourProcessesAreNeverOverInAnyWindowAndUseAlmostAll) {
  const CallLimits limits = per_second(200);
  const std::uint64_t begin = detail::boottime_ns();
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 4; ++worker) workers.push_back(start(limits, worker, begin + 4'500'000'000));
  for (const pid_t worker : workers) {
    int status = 0;
    waitpid(worker, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const auto all = grants();
  EXPECT_LE(most_within(all, limits.minute, one), 200);
  EXPECT_GT(granted_workers(), 1u);  // side by side; who gets how much is chance
  ASSERT_FALSE(all.empty());
  const double seconds = static_cast<double>(all.back().before - all.front().before) / 1e9;
  EXPECT_GE(static_cast<double>(all.size()), 0.97 * 200 * seconds);
}

TEST_F(LimitsTest, TokensAreNeverOverEither) {
  const CallLimits limits = per_second(0, 5000);
  const std::uint64_t begin = detail::boottime_ns();
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 4; ++worker) workers.push_back(start(limits, worker, begin + 3'000'000'000));
  for (const pid_t worker : workers) waitpid(worker, nullptr, 0);
  const std::int64_t most = most_within(grants(), limits.minute, tokens_of);
  EXPECT_LE(most, 5000);
  EXPECT_GT(granted_workers(), 1u);  // side by side; who gets how much is chance
  EXPECT_GT(most, 4500);
}

TEST_F(LimitsTest, WorkersThatAreKilledLeaveNothingBehind) {
  const CallLimits limits = per_second(400, 20'000);
  std::minstd_rand chance(std::random_device{}());
  const std::uint64_t end = detail::boottime_ns() + 4'000'000'000;
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 4; ++worker) workers.push_back(start(limits, worker, end));
  int kills = 0;
  while (detail::boottime_ns() < end - 1'500'000'000) {
    std::this_thread::sleep_for(std::chrono::microseconds(chance() % 10'000));
    const std::size_t victim = chance() % workers.size();
    kill(workers[victim], SIGKILL);
    waitpid(workers[victim], nullptr, 0);
    workers[victim] = start(limits, static_cast<int>(victim), end);
    ++kills;
  }
  for (const pid_t worker : workers) waitpid(worker, nullptr, 0);
  const auto all = grants();
  EXPECT_LE(most_within(all, limits.minute, one), 400);
  EXPECT_GT(granted_workers(), 10u);
  EXPECT_LE(most_within(all, limits.minute, tokens_of), 20'000);
  // Behind the last kill and what it left in the window: all of it is there for those who live.
  const auto late =
      std::ranges::count_if(all, [&](const Grant& grant) { return grant.before > end - 1'400'000'000; });
  EXPECT_GT(late, 300) << kills << " kills";
}

TEST_F(LimitsTest, ABudgetIsSharedAndEnds) {
  CallLimits limits;
  limits.cost_per_run = 1;
  const auto one_worker = open(limits, 0);
  const auto other = open(limits, 1);
  int granted = 0;
  for (int round = 0; round < 100; ++round) {
    LimitsState& worker = round % 2 == 0 ? *one_worker : *other;
    if (worker.acquire(10, 0.05) != nanoseconds(0)) continue;
    ++granted;
    worker.settle(10, 0.05, 10, 0.05);
  }
  EXPECT_EQ(granted, 20);
  EXPECT_TRUE(one_worker->is_exhausted());
  EXPECT_TRUE(other->is_exhausted());
}

TEST_F(LimitsTest, WhatIsUnderWayMayGiveBack) {
  CallLimits limits;
  limits.tokens_per_run = 100;
  const auto one_worker = open(limits, 0);
  const auto other = open(limits, 1);
  EXPECT_EQ(one_worker->acquire(90, 0), nanoseconds(0));
  EXPECT_GT(other->acquire(20, 0), nanoseconds(0));
  EXPECT_FALSE(other->is_exhausted()) << "it may come to less";
  one_worker->settle(30, 0);
  EXPECT_EQ(other->acquire(20, 0), nanoseconds(0));
  other->settle(50, 0);
  EXPECT_GT(other->acquire(30, 0), nanoseconds(0));
  EXPECT_TRUE(other->is_exhausted());
}

TEST_F(LimitsTest, ADeadWorkersEstimatesGoWithItsCell) {
  CallLimits limits;
  limits.tokens_per_run = 100;
  const auto other = open(limits, 1);
  open(limits, 0)->acquire(90, 0);  // and is gone
  EXPECT_GT(other->acquire(20, 0), nanoseconds(0));
  const auto successor = open(limits, 0);
  EXPECT_EQ(other->acquire(20, 0), nanoseconds(0));
}

TEST_F(LimitsTest, WhatWasSpentIsKnownWhenARunGoesOn) {
  CallLimits limits;
  limits.requests_per_run = 10;
  limits.tokens_per_day = 1000;
  const auto store = [&](int worker, std::uint64_t generation, int number, std::int64_t tokens) {
    detail::LedgerPlace where;
    where.folder = folder_.path() + "/ledger";
    where.owner = {"chat", worker, generation};
    Ledger ledger(std::make_unique<detail::LedgerFiles>(where));
    ledger.store({std::to_string(number), 0, {}}, "answer", [](Result<void>) {}, {"org/model", tokens, 0});
  };
  for (int number = 0; number < 8; ++number) store(number % 2, 1, number, 100);
  auto worker = open(limits, 0, 2);
  EXPECT_EQ(worker->acquire(150, 0), nanoseconds(0));
  EXPECT_GT(worker->acquire(150, 0), nanoseconds(0)) << "800 and 150 of 1000 tokens of this day";
  EXPECT_FALSE(worker->is_exhausted());
  store(0, 2, 8, 150);
  worker = open(limits, 0, 2);  // died behind the store, before it settled
  EXPECT_EQ(worker->acquire(10, 0), nanoseconds(0));
  worker->settle(10, 0);
  EXPECT_GT(worker->acquire(10, 0), nanoseconds(0));
  EXPECT_TRUE(worker->is_exhausted()) << "10 requests";
  limits.requests_per_run = 11;
  EXPECT_EQ(open(limits, 1, 2)->acquire(10, 0), nanoseconds(0)) << "raised";
}

TEST_F(LimitsTest, ALongEstimateCountsAsAllOfTheLimit) {
  const auto worker = open(per_second(0, 100));
  EXPECT_EQ(worker->acquire(1000, 0), nanoseconds(0));
  const nanoseconds wait = worker->acquire(1, 0);
  EXPECT_GT(wait, milliseconds(900));
  EXPECT_LE(wait, milliseconds(1100));
}

TEST_F(LimitsTest, HoldingBackHoldsAllWorkersAndEnds) {
  const auto one_worker = open({}, 0);
  const auto other = open({}, 1);
  one_worker->hold_back(milliseconds(200));
  one_worker->hold_back(milliseconds(50));
  const nanoseconds wait = other->acquire(1, 0);
  EXPECT_GT(wait, milliseconds(100));
  EXPECT_LE(wait, milliseconds(200));
  std::this_thread::sleep_for(wait);
  EXPECT_EQ(other->acquire(1, 0), nanoseconds(0));
}

TEST_F(LimitsTest, WithoutARunTheyHoldForTheProcess) {
  CallLimits limits;
  limits.requests_per_run = 2;
  auto state = LimitsState::open({}, limits);
  ASSERT_TRUE(state);
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(state.value()->acquire(1, 0), nanoseconds(0));
    state.value()->settle(1, 0);
  }
  EXPECT_GT(state.value()->acquire(1, 0), nanoseconds(0));
}

}  // namespace datagen
